import Glibc

/// A small generator that gives the same numbers for the same seed.
struct Random: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    // Wrapping is how the generator mixes.
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// Returns a number from 0 up to, not including, `bound`.
  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}

/// The seed of all random tests of this run: `SEED=n` in the environment replays one.
let runSeed: UInt64 = {
  let given = getenv("SEED").flatMap { UInt64(String(cString: $0)) }
  let seed = given ?? UInt64.random(in: 0..<1_000_000_000)
  print("SEED=\(seed)")
  fflush(nil)
  return seed
}()

/// Returns the seed of sequence number `index` of a test.
func sequenceSeed(_ index: Int) -> UInt64 { runSeed &+ UInt64(index) &* 1_000_003 }
