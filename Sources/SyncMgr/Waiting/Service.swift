import CSyncMgr
import CSyncMgrShim

/// Whether the service thread looks after an attachment.
enum Served {
  static let no: UInt32 = 0
  static let yes: UInt32 = 2
}

/// The one background thread of this process. It holds the life words, which the kernel marks when
/// it dies with the process; sleeps on the life words of others and recovers them; ends tickets
/// whose time has come; and collects what other processes finished of ours. It calls no user's
/// code. It starts with the first space that wants it and is joined when the last such space is
/// left.
final class Service: @unchecked Sendable {
  // Safe because `wanted` and `isStopping` are changed under the process's lock, `attended`,
  // `arrivals` and `isAwaited` are only the thread's own, and the words are atomics.
  private var wanted: [Attachment] = []
  private var isStopping = false
  private var attended: [Attachment] = []
  private var arrivals: [Attachment] = []
  private var isAwaited = false
  private var thread: UInt64 = 0
  private let control: Word32
  private let answered: Word32

  private init() {
    let words = UnsafeMutablePointer<UInt32>.allocate(capacity: 2)
    words.initialize(repeating: 0, count: 2)
    control = Word32(words)
    answered = Word32(words + 1)
  }

  deinit { control.at.deallocate() }

  // MARK: - From other threads

  /// Has the thread look after `attachment` too.
  static func serve(_ attachment: Attachment) throws(Failure) {
    sm_attach_lock()
    defer { sm_attach_unlock() }
    if Local.always({ $0.forWaiting.service == nil }) { Detection.warmUp() }
    let service: Service = try Local.locked { (local) throws(Failure) in
      let waiting = local.forWaiting
      let service = waiting.service ?? Service()
      if waiting.service == nil {
        let error = sm_thread_start(
          { context in
            Unmanaged<Service>.fromOpaque(context!).takeRetainedValue().run()
            return nil
          }, Unmanaged.passRetained(service).toOpaque(), &service.thread, "syncmgr")
        if error < 0 {
          Unmanaged.passUnretained(service).release()
          throw Failure(system: "start the service thread", error)
        }
        waiting.service = service
      }
      if !service.wanted.contains(where: { $0 === attachment }) {
        service.wanted.append(attachment)
      }
      return service
    }
    service.wake()
    // Once this returns the kernel will tell of our death at once.
    while true {
      let seen = service.answered.load()
      if attachment.served.load() == Served.yes { return }
      _ = sm_futex_wait(service.answered.at, seen, sm_now() + 100_000_000)
    }
  }

  /// Ends looking after `attachment`, and the thread when it was the last. Under the attach lock.
  static func forget(_ attachment: Attachment) {
    let service = Local.always { local -> Service? in
      guard let service = local.forWaiting.service else { return nil }
      service.wanted.removeAll { $0 === attachment }
      local.forWaiting.renewals.remove(attachment)
      if service.wanted.isEmpty {
        service.isStopping = true
        local.forWaiting.service = nil
      }
      return service
    }
    guard let service else { return }
    service.wake()
    if service.isStopping {
      _ = sm_thread_join(service.thread)
      return
    }
    while true {
      let seen = service.answered.load()
      if attachment.served.load() == Served.no { return }
      _ = sm_futex_wait(service.answered.at, seen, sm_now() + 100_000_000)
    }
  }

  /// Has the thread look again: at deadlines, attachments, notices wanted.
  static func poke() { Local.always { $0.forWaiting.service }?.wake() }

  private func wake() {
    control.add(1)
    sm_futex_wake(control.at, 1)
  }

  // MARK: - The thread

  /// What the words of an attachment said before it was looked after.
  private struct Seen {
    let doorbell: UInt32
    let membership: UInt32
    let news: UInt32
  }

  private func run() {
    _ = sm_thread_register()
    sm_life_start()
    while true {
      let seen = control.load()
      let (wanted, stopping) = Local.always { _ in (self.wanted, isStopping) }
      attend(to: wanted)
      if stopping { break }
      let words = attended.map {
        Seen(
          doorbell: $0.participant.doorbell.load(), membership: $0.header.membership.load(),
          news: $0.header.news.load())
      }
      // First, so that a busy machine does not make this thread end what it was to renew.
      Renewals.serve()
      for attachment in attended {
        attachment.serviceOnce()
        Series.serve(attachment)
      }
      _ = Deadlines.serve()
      sleep(seen, words)
    }
  }

  /// Takes on and lets go of attachments.
  private func attend(to wanted: [Attachment]) {
    for attachment in attended where !wanted.contains(where: { $0 === attachment }) {
      if attachment.isShared {
        attachment.participant.hasLife.store(0)
        sm_life_remove(attachment.participant.life.at)
      }
      attachment.served.store(Served.no)
      isAwaited = true
    }
    for attachment in wanted where !attended.contains(where: { $0 === attachment }) {
      if attachment.isShared {
        sm_life_add(attachment.participant.life.at)
        attachment.participant.hasLife.store(1)
      }
      arrivals.append(attachment)
      isAwaited = true
      if attachment.isShared { attachment.announceMembership() }
    }
    attended = wanted
  }

  /// Tells those who wait for it that attachments were taken on or let go of: after all of a round
  /// was done. The first one has the Swift runtime make types, under locks that a child would find
  /// locked for ever that is forked just then by whoever waited.
  private func answer() {
    for attachment in arrivals { attachment.served.store(Served.yes) }
    arrivals.removeAll()
    isAwaited = false
    answered.add(1)
    sm_futex_wake(answered.at, Int32.max)
  }

  /// Sleeps until there is something to do: a word changes, a deadline passes.
  private func sleep(_ seen: UInt32, _ words: [Seen]) {
    var list: [sm_waitv] = [sm_waitv(word: control.at, expected: seen, reserved: 0)]
    for (attachment, word) in zip(attended, words) where list.count + 3 <= Int(SM_WAITV_MAX) {
      list.append(
        sm_waitv(word: attachment.participant.doorbell.at, expected: word.doorbell, reserved: 0))
      list.append(
        sm_waitv(word: attachment.header.membership.at, expected: word.membership, reserved: 0))
      if attachment.hasWatchingQueue {
        list.append(
          sm_waitv(word: attachment.header.news.at, expected: word.news, reserved: 0))
      }
    }
    // Whoever cannot be slept on is looked at from time to time: who has no life word (its thread
    // was refused, or has yet to start), who does not fit, and who died while we built this list.
    var tick: Int64 = attended.count * 3 + 1 > Int(SM_WAITV_MAX) ? 20_000_000 : 1_000_000_000
    for attachment in attended {
      attachment.forOthersAfterMe { other in
        let life = other.life.load()
        if life & SM_LIFE_DEAD != 0 {
          tick = 1_000_000
        } else if other.hasLife.load() == 0 || life == 0 {
          tick = min(tick, 20_000_000)
        } else if list.count < Int(SM_WAITV_MAX) {
          list.append(sm_waitv(word: other.life.at, expected: life, reserved: 0))
        }
      }
    }
    var deadline = Deadline.earlier(Deadlines.earliest(), sm_now() + tick)
    for attachment in attended {
      deadline = Deadline.earlier(deadline, attachment.nextLook)
      deadline = Deadline.earlier(deadline, Detection.nextLook(attachment))
      deadline = Deadline.earlier(deadline, attachment.nextChore)
    }
    deadline = Deadline.earlier(deadline, Local.always { $0.forWaiting.renewals.earliest })
    if isAwaited { answer() }
    _ = sm_futex_waitv(list, UInt32(list.count), deadline)
  }
}

extension Attachment {
  /// What there is to do for one attachment. Also done by calls of a process without the thread.
  func serviceOnce() {
    answerDoorbell()
    if isShared { recoverDead() }
    Detection.serve(self)
    doChores()
    expireLeases()
    for queue in Local.always({ $0.forWaiting.queues }) where queue.attachment === self {
      Local.always { _ in queue.collectNotices() }
    }
  }

  fileprivate var hasWatchingQueue: Bool {
    Local.always { local in
      local.forWaiting.queues.contains { $0.attachment === self && $0.wantsNotices }
    }
  }

  /// The other participants, beginning behind this one: with more than fit into one sleep,
  /// everybody is still watched by somebody.
  fileprivate func forOthersAfterMe(_ body: (Participant) -> Void) {
    guard isShared else { return }
    let count = segment.participantCount
    let mine = ParticipantID.slot(me)
    for step in 0..<count {
      let other = segment.participant((mine + 1 + step) % count)
      let id = other.id.load()
      if id != 0, id != me { body(other) }
    }
  }
}
