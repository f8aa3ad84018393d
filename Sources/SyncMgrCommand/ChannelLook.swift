/// How channels look to people.
enum ChannelLook {
  private static func mailboxes(_ object: JSONValue) -> [JSONValue] {
    object["state"]["mailboxes"].items
  }

  private static func sum(_ object: JSONValue, _ what: String) -> Int {
    mailboxes(object).reduce(0) { $0 + $1[what].int }
  }

  /// Messages that its receivers have taken.
  static func received(_ object: JSONValue) -> Int { sum(object, "received") }

  /// What waits in it, and who lags the most.
  static func state(_ object: JSONValue) -> String {
    let (kind, parameters) = (object["parameters"]["kind"].string, object["parameters"])
    var words: [String]
    switch kind {
    case "queue":
      words = ["queue", "\(sum(object, "waiting")) of \(parameters["capacity"].int) waiting"]
    case "shared_memory":
      let (cells, regions) = (object["state"]["cells"].int, object["state"]["regions"].int)
      words = ["shared memory", cells == 1 ? "1 cell" : "\(cells) cells"]
      if regions > 0 { words.append(regions == 1 ? "1 region" : "\(regions) regions") }
    default:
      let name = kind == "publish_subscribe" ? "topics" : kind
      let count = mailboxes(object).count
      words = [name, count == 1 ? "1 receiver" : "\(count) receivers"]
      let most = mailboxes(object).map { $0["waiting"].int }.max() ?? 0
      if most > 0 { words.append("lag up to \(most) of \(parameters["capacity"].int)") }
    }
    for what in ["taken", "dropped"] where sum(object, what) > 0 {
      words.append("\(sum(object, what)) \(what)")
    }
    if object["state"]["shut"].isTrue { words.append("shut") }
    return words.joined(separator: ", ")
  }

  /// A mailbox in words. What has never happened is not told.
  static func mailbox(_ mailbox: JSONValue, _ paint: Paint) -> String {
    let owner = mailbox["workstream"]
    var words = owner.isNull ? "" : "\(paint.name(shown(owner.string))): "
    words += "\(mailbox["waiting"].int) waiting, \(mailbox["received"].int) received"
    if mailbox["taken"].int > 0 { words += ", \(mailbox["taken"].int) taken" }
    for what in ["dropped", "expired", "undelivered"] where mailbox[what].int > 0 {
      words += ", " + paint.warning("\(mailbox[what].int) \(what)")
    }
    return words
  }
}
