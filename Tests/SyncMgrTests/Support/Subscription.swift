import CSyncMgr

/// A notice, as plain values.
struct Notice: Equatable, Sendable {
  let workstream: UInt64
  let name: String
  let kind: UInt32
  let pid: Int32
}

/// A subscription to notices. Its callback is known to it, so that a callback can end it.
struct Subscription: Sendable {
  let handle: Handle

  func off() -> Status { Status(syncmgr_off(handle.pointer)) }
}

/// What a callback calls, and how often it was destroyed.
///
/// All are kept until the program ends: then one that is destroyed twice, or called after that, is
/// a count that is wrong and not a crash.
final class Listener: Sendable {
  let destroyed = Shared(0)
  private let body: @Sendable (Notice) -> Void

  private static let all = Shared<[Listener]>([])

  init(_ body: @escaping @Sendable (Notice) -> Void) {
    self.body = body
    Listener.all.with { $0.append(self) }
  }

  /// Subscribes.
  func on(_ space: Space, _ mask: UInt32 = SYNCMGR_NOTICE_ALL) throws(Failed) -> Subscription {
    let user = Unmanaged.passUnretained(self).toOpaque()
    return Subscription(
      handle: try Handle {
        syncmgr_on(space.handle.pointer, mask, Listener.call, user, Listener.destroy, $0)
      })
  }

  /// Subscribes without a callback, which is an error.
  func onWithoutCallback(_ space: Space) -> Status {
    let user = Unmanaged.passUnretained(self).toOpaque()
    var out: OpaquePointer?
    return Status(
      syncmgr_on(space.handle.pointer, SYNCMGR_NOTICE_ALL, nil, user, Listener.destroy, &out))
  }

  private static let call:
    @convention(c) (UnsafePointer<syncmgr_notice_t>?, UnsafeMutableRawPointer?) -> Void = {
      notice, user in
      let notice = notice!.pointee
      Unmanaged<Listener>.fromOpaque(user!).takeUnretainedValue().body(
        Notice(
          workstream: notice.workstream, name: notice.nameText, kind: notice.kind,
          pid: notice.pid))
    }

  private static let destroy: @convention(c) (UnsafeMutableRawPointer?) -> Void = { user in
    Unmanaged<Listener>.fromOpaque(user!).takeUnretainedValue().destroyed.add(1)
  }
}

extension syncmgr_notice_t {
  /// The name, up to its terminating zero.
  var nameText: String {
    withUnsafeBytes(of: name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
