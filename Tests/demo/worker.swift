// The worker of the demo and of the pairs, in Swift. It opens a space, does the steps that arrive
// on standard input, one a line, and reports each on standard output as a line of JSON. workers.py
// says what the steps are; worker.c, worker.py and worker.mjs are the same program.
import CSyncMgr
import Glibc
import Synchronization

/// Longer than anything here takes, and shorter than the parent's patience.
let patience: Int64 = 30_000_000_000

/// Goes on only after a success; anything unexpected ends the worker, which the parent sees.
@discardableResult
func must(_ status: Int32, _ what: String) -> Int32 {
  if status < 0 {
    let name = String(cString: syncmgr_status_name(status))
    let sentence = String(cString: syncmgr_last_error())
    complain("\(what): \(name): \(sentence)")
  }
  return status
}

func complain(_ sentence: String) -> Never {
  let line = "worker.swift: \(sentence)\n"
  _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
  exit(1)
}

func report(_ event: String, _ more: String = "") {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  print("{\"event\":\"\(event)\",\"time_ns\":\(now.tv_sec * 1_000_000_000 + now.tv_nsec)\(more)}")
  fflush(nil)
}

/// Maps a file that all workers share.
func sharedFile(_ directory: String, _ name: String, _ size: Int) -> UnsafeMutableRawPointer {
  let file = open("\(directory)/\(name)", O_RDWR)
  guard file >= 0, let bytes = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
    bytes != MAP_FAILED
  else { complain("cannot map \(directory)/\(name)") }
  close(file)
  return bytes
}

/// Opens an object by one of the library's open functions.
func opened(_ what: String, _ open: (inout OpaquePointer?) -> Int32) -> OpaquePointer? {
  var handle: OpaquePointer?
  must(open(&handle), "open the \(what)")
  return handle
}

struct Worker {
  static let seatCount = 16
  static let burst = 100
  let me: OpaquePointer?
  let counter: UnsafeMutablePointer<UInt64>
  let seats: UnsafeMutablePointer<Atomic<UInt8>>

  init(_ space: OpaquePointer?, name: String, directory: String) {
    me = opened("workstream") { syncmgr_workstream_open(space, name, &$0) }
    counter = sharedFile(directory, "counter", 8).bindMemory(to: UInt64.self, capacity: 1)
    seats = sharedFile(directory, "seats", Self.seatCount)
      .bindMemory(to: Atomic<UInt8>.self, capacity: Self.seatCount)
  }

  func step(_ word: [String]) {
    switch word[0] {
    case "meet": meet(word[1], number(word[2]))
    case "count": count(word[1], Int(word[2])!)
    case "share": share(word[1], number(word[2]), Int(word[3])!, seat: Int(word[4])!)
    case "finish": finish(word[1], number(word[2]))
    case "await": waitLatch(word[1], number(word[2]))
    case "signal": signalEvent(word[1])
    case "pass": pass(word[1], word[2], Int(word[3])!)
    case "hold": hold(word[1], word[2], word[3])
    case "inherit": inherit(word[1])
    case "cross": cross(word[1], word[2], word[3])
    case "review": review(word[1], Int(word[2])!)
    case "write": write(word[1])
    case "read": read(word[1])
    case "bounce": bounce(word[1], word[2], Int(word[3])!, side: UInt64(word[4])!)
    case "stand": stand(word[1])
    case "publish": publish(word[1], word[2])
    default: complain("no such step: \(word[0])")
    }
  }

  func number(_ text: String) -> UInt32 { text == "any" ? SYNCMGR_ANY : UInt32(text)! }

  func meet(_ name: String, _ parties: UInt32) {
    let barrier = opened("barrier") { syncmgr_barrier_open(me, name, parties, nil, &$0) }
    report("arriving")
    var index: UInt32 = 0
    let status = syncmgr_barrier_wait(barrier, patience, nil, &index)
    if status != SYNCMGR_E_BROKEN { must(status, "meet") }
    report("met", ",\"broken\":\(status == SYNCMGR_E_BROKEN),\"index\":\(index)")
    must(syncmgr_barrier_close(barrier), "close the barrier")
  }

  func count(_ name: String, _ rounds: Int) {
    let mutex = opened("mutex") { syncmgr_mutex_open(me, name, nil, &$0) }
    for round in 0..<rounds {
      must(syncmgr_mutex_lock(mutex, patience), "lock")
      counter.pointee += 1
      must(syncmgr_mutex_unlock(mutex), "unlock")
      // Or the fast languages would be done before the slow ones have begun.
      if round % Self.burst == Self.burst - 1 { usleep(500) }
    }
    report("counted")
    must(syncmgr_mutex_close(mutex), "close the mutex")
  }

  /// A seat is odd while its process is inside. Two equal readings in a row are one true picture:
  /// every entry and every exit changes a byte.
  func insideNow() -> Int {
    func reading() -> [UInt8] {
      (0..<Self.seatCount).map { seats[$0].load(ordering: .sequentiallyConsistent) }
    }
    var first = reading()
    while true {
      let second = reading()
      if first == second { return second.count { $0 & 1 == 1 } }
      first = second
    }
  }

  func share(_ name: String, _ permits: UInt32, _ rounds: Int, seat: Int) {
    let semaphore = opened("semaphore") { syncmgr_semaphore_open(me, name, permits, nil, &$0) }
    var most = 0
    for _ in 0..<rounds {
      must(syncmgr_semaphore_acquire(semaphore, 1, patience), "acquire")
      seats[seat].wrappingAdd(1, ordering: .sequentiallyConsistent)
      most = max(most, insideNow())
      usleep(1000)
      most = max(most, insideNow())
      seats[seat].wrappingAdd(1, ordering: .sequentiallyConsistent)
      must(syncmgr_semaphore_release(semaphore, 1), "release")
    }
    report("shared", ",\"most\":\(most)")
    must(syncmgr_semaphore_close(semaphore), "close the semaphore")
  }

  func finish(_ name: String, _ count: UInt32) {
    let latch = opened("latch") { syncmgr_latch_open(me, name, count, &$0) }
    var remaining: UInt32 = 0
    must(syncmgr_latch_count_down(latch, 1, &remaining), "count down")
    report("finished", ",\"remaining\":\(remaining)")
    must(syncmgr_latch_close(latch), "close the latch")
  }

  func waitLatch(_ name: String, _ count: UInt32) {
    let latch = opened("latch") { syncmgr_latch_open(me, name, count, &$0) }
    must(syncmgr_latch_wait(latch, patience), "wait for the latch")
    report("opened")
    must(syncmgr_latch_close(latch), "close the latch")
  }

  func signalEvent(_ name: String) {
    let event = opened("event") { syncmgr_event_open(me, name, nil, &$0) }
    must(syncmgr_event_set(event), "set the event")
    report("signalled")
    must(syncmgr_event_close(event), "close the event")
  }

  func pass(_ from: String, _ to: String, _ rounds: Int) {
    let source = opened("event") { syncmgr_event_open(me, from, nil, &$0) }
    let target = opened("event") { syncmgr_event_open(me, to, nil, &$0) }
    for _ in 0..<rounds {
      must(syncmgr_event_wait(source, patience), "wait for the event")
      must(syncmgr_event_set(target), "set the event")
    }
    report("passed")
    must(syncmgr_event_close(source), "close the event")
    must(syncmgr_event_close(target), "close the event")
  }

  /// The handles stay open: the worker is to be killed with all of this in its hands.
  func hold(_ mutexName: String, _ semaphoreName: String, _ barrierName: String) {
    let mutex = opened("mutex") { syncmgr_mutex_open(me, mutexName, nil, &$0) }
    must(syncmgr_mutex_lock(mutex, patience), "lock")
    let semaphore = opened("semaphore") {
      syncmgr_semaphore_open(me, semaphoreName, SYNCMGR_ANY, nil, &$0)
    }
    must(syncmgr_semaphore_acquire(semaphore, 1, patience), "acquire")
    _ = opened("barrier") { syncmgr_barrier_open(me, barrierName, SYNCMGR_ANY, nil, &$0) }
    report("holding")
  }

  func inherit(_ name: String) {
    let mutex = opened("mutex") { syncmgr_mutex_open(me, name, nil, &$0) }
    report("trying")
    let status = must(syncmgr_mutex_lock(mutex, patience), "lock")
    report("locked")
    var previous = syncmgr_holder_t()
    must(syncmgr_mutex_previous_owner(mutex, &previous), "ask for the previous owner")
    let who = withUnsafeBytes(of: previous.name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    must(syncmgr_mutex_unlock(mutex), "unlock")
    let recovered = "\"recovered\":\(status == SYNCMGR_OWNER_DIED)"
    report("inherited", ",\(recovered),\"previous\":\"\(who)\",\"pid\":\(previous.pid)")
    must(syncmgr_mutex_close(mutex), "close the mutex")
  }
}

extension Worker {
  func rwlock(_ name: String) -> OpaquePointer? {
    opened("readers-writer lock") { syncmgr_rwlock_open(me, name, nil, &$0) }
  }

  func cross(_ firstName: String, _ secondName: String, _ hall: String) {
    let first = opened("mutex") { syncmgr_mutex_open(me, firstName, nil, &$0) }
    let second = opened("mutex") { syncmgr_mutex_open(me, secondName, nil, &$0) }
    let barrier = opened("barrier") { syncmgr_barrier_open(me, hall, 2, nil, &$0) }
    must(syncmgr_mutex_lock(first, patience), "lock")
    must(syncmgr_barrier_wait(barrier, patience, nil, nil), "meet")
    let status = syncmgr_mutex_lock(second, patience)
    let isVictim = status == SYNCMGR_E_DEADLOCK
    let sentence = String(cString: syncmgr_last_error())
    let isTold =
      isVictim && strstr(sentence, firstName) != nil && strstr(sentence, "held by") != nil
    if !isVictim {
      must(status, "lock")
      must(syncmgr_mutex_unlock(second), "unlock")
    }
    must(syncmgr_mutex_unlock(first), "unlock")
    report("crossed", ",\"victim\":\(isVictim),\"told\":\(isTold)")
    must(syncmgr_barrier_close(barrier), "close the barrier")
    must(syncmgr_mutex_close(first), "close the mutex")
    must(syncmgr_mutex_close(second), "close the mutex")
  }

  func review(_ name: String, _ rounds: Int) {
    let lock = rwlock(name)
    var torn = 0
    for _ in 0..<rounds {
      must(syncmgr_rwlock_lock(lock, SYNCMGR_EXCLUSIVE, patience), "lock as a writer")
      counter.pointee += 1
      must(syncmgr_rwlock_unlock(lock), "unlock")
      must(syncmgr_rwlock_lock(lock, SYNCMGR_SHARED, patience), "lock as a reader")
      let before = counter.pointee
      usleep(1000)
      if counter.pointee != before { torn += 1 }
      must(syncmgr_rwlock_unlock(lock), "unlock")
    }
    report("reviewed", ",\"torn\":\(torn)")
    must(syncmgr_rwlock_close(lock), "close the readers-writer lock")
  }

  /// The handle stays open: the worker is to be killed while it writes.
  func write(_ name: String) {
    must(syncmgr_rwlock_lock(rwlock(name), SYNCMGR_EXCLUSIVE, patience), "lock as a writer")
    report("writing")
  }

  func read(_ name: String) {
    let lock = rwlock(name)
    let status = must(syncmgr_rwlock_lock(lock, SYNCMGR_SHARED, patience), "lock as a reader")
    must(syncmgr_rwlock_unlock(lock), "unlock")
    report("read", ",\"recovered\":\(status == SYNCMGR_OWNER_DIED)")
    must(syncmgr_rwlock_close(lock), "close the readers-writer lock")
  }

  func bounce(_ mutexName: String, _ name: String, _ rounds: Int, side: UInt64) {
    let mutex = opened("mutex") { syncmgr_mutex_open(me, mutexName, nil, &$0) }
    let condition = opened("condition") { syncmgr_condition_open(me, name, &$0) }
    for _ in 0..<rounds {
      must(syncmgr_mutex_lock(mutex, patience), "lock")
      while counter.pointee % 2 != side {
        must(syncmgr_condition_wait(condition, mutex, patience), "wait at the condition")
      }
      counter.pointee += 1
      must(syncmgr_condition_signal(condition, 1, nil), "signal")
      must(syncmgr_mutex_unlock(mutex), "unlock")
    }
    report("bounced")
    must(syncmgr_condition_close(condition), "close the condition")
    must(syncmgr_mutex_close(mutex), "close the mutex")
  }

  /// The handle stays open: closing it would be to resign.
  func stand(_ name: String) {
    let election = opened("election") { syncmgr_election_open(me, name, &$0) }
    report("standing")
    var term: UInt64 = 0
    if must(syncmgr_election_campaign(election, patience, &term), "stand") == SYNCMGR_LEADER {
      report("elected", ",\"leader\":true,\"term\":\(term)")
      return
    }
    var bytes = [UInt8](repeating: 0, count: Int(SYNCMGR_RESULT_MAX))
    var length = 0
    must(syncmgr_election_result(election, &bytes, bytes.count, &length), "ask the result")
    let result = String(decoding: bytes.prefix(length), as: UTF8.self)
    report("elected", ",\"leader\":false,\"result\":\"\(result)\"")
  }

  func publish(_ name: String, _ result: String) {
    let election = opened("election") { syncmgr_election_open(me, name, &$0) }
    must(syncmgr_election_finish(election, result, result.utf8.count), "publish")
    report("published")
    must(syncmgr_election_close(election), "close the election")
  }
}

guard CommandLine.arguments.count == 5 else {
  complain("usage: worker URL NAME DIRECTORY open|create|join")
}
let (url, name) = (CommandLine.arguments[1], CommandLine.arguments[2])
let flags = ["create": SYNCMGR_CREATE_ONLY, "join": SYNCMGR_OPEN_ONLY][CommandLine.arguments[4]]
var options = syncmgr_open_options_t(
  size: UInt32(MemoryLayout<syncmgr_open_options_t>.size), flags: flags ?? 0, mode: 0o600,
  group: SYNCMGR_ANY, owner: SYNCMGR_ANY)
let space = opened("space") { syncmgr_open(url, &options, &$0) }
let worker = Worker(space, name: name, directory: CommandLine.arguments[3])
report("ready")
while let line = readLine() {
  let words = line.split(separator: " ").map(String.init)
  if !words.isEmpty { worker.step(words) }
}
must(syncmgr_close(space), "close the space")
