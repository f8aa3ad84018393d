import CSyncMgr
import CSyncMgrShim

/// A callback for a channel's messages. Its thread receives through a handle of its own, whose
/// close ends the thread: by `end`, or because the workstream closes.
final class MessageCallback: Registration, @unchecked Sendable {
  // Safe because what changes does so under the process's lock, or before the thread starts.
  typealias Callback =
    @convention(c) (
      UnsafePointer<syncmgr_message_t>?, UnsafeMutableRawPointer?
    ) -> Void

  private let callback: Callback
  private let user: UnsafeMutableRawPointer?
  private let destroy: Subscription.Destroy?
  private let manager: Manager
  private let channel: UInt64
  private var thread: UInt64 = 0
  private var current: UInt64 = 0

  private init(
    _ manager: Manager, _ channel: UInt64, _ callback: @escaping Callback,
    _ user: UnsafeMutableRawPointer?, _ destroy: Subscription.Destroy?
  ) {
    self.manager = manager
    self.channel = channel
    self.callback = callback
    self.user = user
    self.destroy = destroy
  }

  /// Starts the thread. When this throws, `destroy` is still to be called.
  static func start(
    _ channel: Channel, _ callback: @escaping Callback, _ user: UnsafeMutableRawPointer?,
    _ destroy: Subscription.Destroy?
  ) throws(Failure) -> UInt64 {
    let (_, mailbox) = try channel.mailbox()
    mailbox.served.store(1)
    if channel.row.shut.load() == 2 { throw channel.isShut() }
    let home = sm_slots() + Int(channel.caller.slot.pointee.next)
    let stream = Stream.of(home)
    guard stream.manager.hasThreads else {
      throw Failure(
        SYNCMGR_E_UNSUPPORTED, "a manager without threads has nobody to call callbacks")
    }
    let name = NameField(channel.caller.object).read()
    let handle = try stream.openObject(
      name, Stream.Parameters(type: .channel, count: channel.kind, compare: { _ in }))
    let made = MessageCallback(stream.manager, handle, callback, user, destroy)
    // A close of the workstream finds the handle among those that it ends, or has begun before.
    if Tickets.slot(of: stream.handle).tag.load() != stream.handle {
      made.closeChannel()
      throw Failure(SYNCMGR_E_CLOSED, "the workstream was closed")
    }
    let slot: Slot
    do throws(Failure) {
      slot = try Handles.allocate(.subscription, stream.attachment.id)
      slot.pointee.context = Unmanaged.passRetained(made as Registration).toOpaque()
    } catch {
      made.closeChannel()
      throw error
    }
    let error = sm_thread_start(
      { context in
        Unmanaged<MessageCallback>.fromOpaque(context!).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(made).toOpaque(), &made.thread, "syncmgr-messages")
    if error < 0 {
      Unmanaged.passUnretained(made).release()
      slot.pointee.context = nil
      Unmanaged.passUnretained(made).release()
      Handles.free(slot)
      made.closeChannel()
      throw Failure(system: "start a thread for messages", error)
    }
    let registration = Handles.publish(slot, .subscription)
    stream.manager.dispatcher.keep(registration, made)
    return registration
  }

  private func closeChannel() { try? Stream.closeObject(channel, .channel) }

  private func run() {
    _ = sm_thread_register()
    Local.always { _ in current = sm_thread_current() }
    var capacity = 4096
    var buffer = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    while true {
      var message = syncmgr_message_t()
      let status = receive(UnsafeMutableRawBufferPointer(start: buffer, count: capacity), &message)
      if status == SYNCMGR_OK {
        callback(&message, user)
      } else if status == SYNCMGR_E_TOO_LARGE {
        buffer.deallocate()
        capacity = max(message.length, capacity * 2)
        buffer = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
      } else if status != SYNCMGR_E_CORRUPT, status != SYNCMGR_E_DEADLOCK {
        break
      }
    }
    buffer.deallocate()
    destroy?(user)
  }

  private func receive(
    _ buffer: UnsafeMutableRawBufferPointer, _ message: inout syncmgr_message_t
  ) -> Int32 {
    do throws(Failure) {
      let slot = try Handles.enter(channel, .channel)
      defer { sm_leave() }
      try Channel(Caller(slot, channel)).receive(.copy(buffer), SYNCMGR_FOREVER, &message)
      return SYNCMGR_OK
    } catch {
      return error.status
    }
  }

  override func end(_ handle: UInt64) {
    manager.dispatcher.forget(self)
    closeChannel()
    if Local.always({ _ in current }) == sm_thread_current() {
      sm_thread_detach(thread)
    } else {
      _ = sm_thread_join(thread)
    }
    let slot = Tickets.slot(of: handle)
    slot.pointee.context = nil
    Handles.free(slot)
    Unmanaged.passUnretained(self).release()
  }
}
