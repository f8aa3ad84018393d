import CSyncMgrShim

/// Looking again and again before a sleep.
///
/// A sleep between two processes that run costs several microseconds, and on a machine that lets
/// its idle processors rest tens of them, in which the other side fills or empties a channel and
/// falls asleep in turn. So a thread whose sleeps are short spins for longer the next time, until
/// that is as long as such a sleep; one that sleeps for long goes back to a few microseconds.
enum Spin {
  static let least = 200
  static let most = 2000
  /// Sleeps up to this long would better have been spun away.
  private static let short: Int64 = 100_000

  /// How often this thread looks, with a pause before each look.
  @inline(__always)
  static var rounds: Int { min(max(Int(sm_spins()), least), most) }

  /// Whether who is waited for can go on meanwhile: it ran last on another CPU than this thread.
  @inline(__always)
  static func pays(_ cpu: Word32) -> Bool {
    let other = cpu.load()
    return other != sm_cpu() && other != UInt32.max
  }

  /// This thread has slept so long after it had spun in vain.
  static func learn(_ slept: Int64) {
    sm_set_spins(UInt32(slept < short ? most : max(rounds / 2, least)))
  }
}
