import CSyncMgr
import CSyncMgrShim

extension Failure {
  /// A sentence about an object, which it names: "mutex 'db': the time passed". Costs two copies.
  @inline(never)
  init(_ status: Int32, _ object: Object, _ sentence: StaticString) {
    self.init(status, object, text: sentence.description)
  }

  @inline(never)
  init(_ status: Int32, _ object: Object, text: String) {
    let type = HandleType(rawValue: object.type.load())?.noun ?? "object"
    self.init(status, naming: "\(type) '\(NameField(object).read().text)': \(text)")
  }
}

extension Attachment {
  func corrupt(_ what: String) -> Failure {
    Failure(SYNCMGR_E_CORRUPT, naming: "\(what) of \(text) contradicts itself")
  }
}
