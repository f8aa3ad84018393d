import CSyncMgrShim

/// What happened to an object, counted where a call has to wait: nothing of it is on the way past
/// an object that is free. Threads that sleep on an epoch hold no guard, so every step is atomic.
/// Whoever dies between two of them leaves a count that is one too low; nothing depends on it.
extension Attachment {
  /// A wait begins.
  func countWait(_ object: Object) {
    if counts { object.waits.add(1) }
  }

  /// A wait that began at `since` is over, one way or the other.
  func countEnd(_ object: Object, since: UInt64) {
    guard counts else { return }
    let now = UInt64(bitPattern: sm_now())
    let length = now > since ? now - since : 0
    object.waited.add(length)
    // Of two that end together the longer one may be lost.
    if length > object.longest.load() { object.longest.store(length) }
    object.bucket(Self.bucket(length)).add(1)
  }

  /// The first bucket whose bound, 2^index us, is above `length` ns; the last has no bound.
  static func bucket(_ length: UInt64) -> UInt32 {
    let bits = UInt64.bitWidth - (length / 1000).leadingZeroBitCount
    return min(UInt32(bits), SM_BUCKETS - 1)
  }

  /// The process of `holding` is dead: did it hold anything? Counted again when its recoverer dies
  /// before it has released that.
  func countDeath(_ object: Object, _ holding: Holding) {
    if counts, Kinds.of(object)?.held(object, holding) != nil { object.deaths.add(1) }
  }

  func forgetCounters(of object: Object) {
    for counter in [object.waits, object.waited, object.longest, object.deaths] {
      counter.store(0)
    }
    for index in 0..<SM_BUCKETS { object.bucket(index).store(0) }
  }

  /// Writes the counters, or null where they are off.
  func showCounters(of object: Object, _ json: inout JSON) {
    if !counts { return json.null("counters") }
    json.object("counters") { json in
      if let count = Kinds.of(object)?.acquisitions(object) { json.number("acquisitions", count) }
      json.number("contended", object.waits.load())
      json.number("owner_deaths", object.deaths.load())
      json.milliseconds("waited_ms", object.waited.load())
      json.milliseconds("longest_wait_ms", object.longest.load())
      json.array("wait_histogram") { json in
        for index in 0..<SM_BUCKETS { json.number(nil, object.bucket(index).load()) }
      }
    }
  }
}
