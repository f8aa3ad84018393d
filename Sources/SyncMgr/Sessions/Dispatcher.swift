import CSyncMgr
import CSyncMgrShim

/// A callback that was registered, for as long as its handle is open.
class Registration {
  /// Ends it, after its handle was retired. Waits for a running callback, unless called from
  /// within.
  func end(_ handle: UInt64) {}
}

/// A callback that was registered for notices.
final class Subscription: Registration {
  let dispatcher: Dispatcher
  let filter: NoticeFilter
  let callback: Callback
  let user: UnsafeMutableRawPointer?
  let destroy: Destroy?
  /// Under the process's lock.
  fileprivate var notices = NoticeLine()
  /// Ended from within its own callback: what is left to do is done after it.
  fileprivate var isEndedWithin = false

  typealias Callback =
    @convention(c) (
      UnsafePointer<syncmgr_notice_t>?, UnsafeMutableRawPointer?
    ) -> Void
  typealias Destroy = @convention(c) (UnsafeMutableRawPointer?) -> Void

  init(
    _ dispatcher: Dispatcher, _ filter: NoticeFilter, _ callback: @escaping Callback,
    _ user: UnsafeMutableRawPointer?, _ destroy: Destroy?
  ) {
    self.dispatcher = dispatcher
    self.filter = filter
    self.callback = callback
    self.user = user
    self.destroy = destroy
  }

  override func end(_ handle: UInt64) { dispatcher.end(handle, self) }
}

/// Runs a manager's callbacks, one at a time: on a thread of its own, which the first registration
/// starts, or on whichever thread calls syncmgr_dispatch. No lock is held while one runs.
final class Dispatcher: @unchecked Sendable {
  // Safe because everything that changes is under the process's lock, and `control` is an atomic.
  let attachment: Attachment
  private var subscriptions: [(handle: UInt64, subscription: Subscription)] = []
  /// Callbacks with threads of their own, which end with the manager too.
  private var others: [(handle: UInt64, registration: Registration)] = []
  private var running: Subscription?
  private var runningThread: UInt64 = 0
  private var thread: UInt64 = 0
  private var hasThread = false
  private var isStopped = false
  private var dispatching = false
  private let control: Word32

  init(_ attachment: Attachment) {
    self.attachment = attachment
    let word = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
    word.initialize(to: 0)
    control = Word32(word)
  }

  deinit { control.at.deallocate() }

  func add(
    _ subscription: Subscription, startsThread: Bool
  ) throws(Failure) -> UInt64 {
    let slot = try Handles.allocate(.subscription, attachment.id)
    do throws(Failure) {
      try attachment.setInterest(subscription, subscription.filter.mask)
      if startsThread { try startThread() }
    } catch {
      attachment.endInterest(subscription)
      Handles.free(slot)
      throw error
    }
    slot.pointee.context = Unmanaged.passRetained(subscription).toOpaque()
    let handle = Handles.publish(slot, .subscription)
    Local.always { _ in
      subscription.notices.begin(subscription.filter, attachment)
      subscriptions.append((handle, subscription))
    }
    wake()
    return handle
  }

  static func off(_ handle: UInt64) throws(Failure) {
    let slot = try Handles.enter(handle, .subscription)
    let registration = Unmanaged<Registration>.fromOpaque(slot.pointee.context.unsafelyUnwrapped)
      .takeUnretainedValue()
    let isFirst = Handles.retire(slot, handle)
    sm_leave()
    if !isFirst { throw Failure(SYNCMGR_E_CLOSED, "the subscription was ended") }
    registration.end(handle)
  }

  /// Ends a subscription whose handle is retired. Waits for a running callback, unless this is it.
  fileprivate func end(_ handle: UInt64, _ subscription: Subscription) {
    Local.always { _ in
      subscriptions.removeAll { $0.subscription === subscription }
      if running === subscription, runningThread == sm_thread_current() {
        subscription.isEndedWithin = true
      }
    }
    attachment.endInterest(subscription)
    let slot = Tickets.slot(of: handle)
    Closing.waitForCalls(attachment, in: [slot])
    let isOwn = waitUntilIdle(subscription)
    if !isOwn { subscription.destroy?(subscription.user) }
    slot.pointee.context = nil
    Handles.free(slot)
    Unmanaged.passUnretained(subscription).release()
  }

  /// True when the callback that runs is on this very thread: `destroy` then runs after it.
  private func waitUntilIdle(_ subscription: Subscription) -> Bool {
    while true {
      let (isRunning, isOwn) = Local.always { _ in
        (running === subscription, runningThread == sm_thread_current())
      }
      if !isRunning { return false }
      if isOwn { return true }
      sm_nap(100_000)
    }
  }

  /// Ends all subscriptions and the thread. For a manager that closes.
  func stop() {
    let (ending, thread) = Local.always { _ in
      isStopped = true
      return (subscriptions, hasThread ? self.thread : 0)
    }
    wake()
    for (handle, subscription) in ending {
      if Handles.retire(Tickets.slot(of: handle), handle) { end(handle, subscription) }
    }
    for (handle, registration) in Local.always({ _ in others }) {
      if Handles.retire(Tickets.slot(of: handle), handle) { registration.end(handle) }
    }
    if thread == 0 { return }
    if thread == sm_thread_current() {
      sm_thread_detach(thread)
    } else {
      _ = sm_thread_join(thread)
    }
  }

  func keep(_ handle: UInt64, _ registration: Registration) {
    Local.always { _ in others.append((handle, registration)) }
  }

  func forget(_ registration: Registration) {
    Local.always { _ in others.removeAll { $0.registration === registration } }
  }

  private func wake() {
    control.add(1)
    sm_futex_wake(control.at, Int32.max)
  }

  // MARK: - Running callbacks

  /// Runs one callback that is due. Nothing of the segment is touched after it: it may have closed
  /// the manager.
  private func runOne() -> Bool {
    let due: (Subscription, Notice)? = Local.always { _ in
      if isStopped { return nil }
      for (_, subscription) in subscriptions { subscription.notices.collect(attachment) }
      while let subscription = mostUrgent() {
        guard let notice = subscription.notices.take(attachment) else { continue }
        running = subscription
        runningThread = sm_thread_current()
        return (subscription, notice)
      }
      return nil
    }
    guard let (subscription, told) = due else { return false }
    sm_leave()
    var notice = syncmgr_notice_t(told, userData: 0)
    subscription.callback(&notice, subscription.user)
    let hasEnded = Local.always { _ in
      running = nil
      runningThread = 0
      return subscription.isEndedWithin
    }
    if hasEnded { subscription.destroy?(subscription.user) }
    return true
  }

  /// The first of those subscriptions whose next notice has the highest priority. When it has
  /// expired, its taking leaves the line shorter.
  private func mostUrgent() -> Subscription? {
    var best: (subscription: Subscription, priority: Int)?
    for (_, subscription) in subscriptions {
      if let priority = subscription.notices.highest, priority > best?.priority ?? -1 {
        best = (subscription, priority)
      }
    }
    return best?.subscription
  }

  private func startThread() throws(Failure) {
    try Local.locked { (_) throws(Failure) in
      if hasThread { return }
      let error = sm_thread_start(
        { context in
          Unmanaged<Dispatcher>.fromOpaque(context!).takeRetainedValue().run()
          return nil
        }, Unmanaged.passRetained(self).toOpaque(), &thread, "syncmgr-notices")
      if error < 0 {
        Unmanaged.passUnretained(self).release()
        throw Failure(system: "start the dispatcher thread", error)
      }
      hasThread = true
    }
  }

  private func run() {
    _ = sm_thread_register()
    while true {
      let seen = control.load()
      if Local.always({ _ in isStopped }) { return }
      // `stop` joins this thread before the space is left, unless a callback of ours called it:
      // then it has stopped already, and nothing of the space is looked at again.
      let news = attachment.header.news.load()
      if runOne() { continue }
      sleep(seen, news: news, until: Deadline.never)
    }
  }

  private func sleep(
    _ seen: UInt32, news: UInt32, membership: UInt32? = nil, until deadline: Int64
  ) {
    let header = attachment.header
    var list = [
      sm_waitv(word: control.at, expected: seen, reserved: 0),
      sm_waitv(word: header.news.at, expected: news, reserved: 0),
    ]
    if let membership {
      list.append(sm_waitv(word: header.membership.at, expected: membership, reserved: 0))
    }
    _ = sm_futex_waitv(list, UInt32(list.count), deadline)
  }

  /// For syncmgr_dispatch: on the caller's thread. `enter` goes back inside after a callback.
  func dispatch(
    _ timeout: Int64, _ enter: () -> Bool
  ) throws(Failure) -> Int32 {
    let deadline = try Deadline.after(timeout)
    try Local.locked { (_) throws(Failure) in
      if hasThread || dispatching {
        throw Failure(SYNCMGR_E_BUSY, "another thread runs this manager's callbacks")
      }
      dispatching = true
    }
    defer { Local.always { _ in dispatching = false } }
    while true {
      let seen = control.load()
      let header = attachment.header
      let (membership, news) = (header.membership.load(), header.news.load())
      attachment.serviceOnce()
      sm_hold(attachment.id)
      let hasGoneOn = Series.goOn(attachment)
      // Tickets of other spaces may be due: each is entered for itself.
      sm_leave()
      var didSomething = Deadlines.serve() || hasGoneOn
      if !enter() { throw Failure(SYNCMGR_E_CLOSED, "the manager was closed") }
      while runOne() {
        didSomething = true
        if !enter() { return SYNCMGR_OK }
      }
      if didSomething { return SYNCMGR_OK }
      if Local.always({ _ in isStopped }) {
        throw Failure(SYNCMGR_E_CLOSED, "the manager was closed")
      }
      if Deadline.hasPassed(deadline) {
        throw Failure(SYNCMGR_E_TIMEOUT, "there was nothing to do")
      }
      let next = Deadline.earlier(Deadlines.earliest(), sm_now() + 20_000_000)
      let slice = Deadline.earlier(deadline, next)
      sleep(seen, news: news, membership: membership, until: slice)
    }
  }
}
