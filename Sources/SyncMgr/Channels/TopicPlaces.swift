/// Numbers of segments that come next. A topic has at most 256.
struct TopicPlaces {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  init() {}

  /// All from `first` on, below `end`.
  init(_ first: Int, _ end: Int) {
    words = (
      TopicPlaces.word(first, end), TopicPlaces.word(first &- 64, end &- 64),
      TopicPlaces.word(first &- 128, end &- 128), TopicPlaces.word(first &- 192, end &- 192)
    )
  }

  /// Swift's `<<` and `>>` by more than the width give 0.
  @inline(__always)
  private static func word(_ first: Int, _ end: Int) -> UInt64 {
    (UInt64.max << UInt64(max(first, 0))) & ~(UInt64.max << UInt64(max(end, 0)))
  }

  @inline(__always)
  var isEmpty: Bool { words.0 | words.1 | words.2 | words.3 == 0 }

  /// The lowest; beyond all when there is none.
  @inline(__always)
  var first: Int {
    if words.0 != 0 { return words.0.trailingZeroBitCount }
    if words.1 != 0 { return 64 &+ words.1.trailingZeroBitCount }
    if words.2 != 0 { return 128 &+ words.2.trailingZeroBitCount }
    return 192 &+ words.3.trailingZeroBitCount
  }

  /// Puts one in that is not, or takes one out that is in.
  @inline(__always)
  mutating func flip(_ place: Int) {
    let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: place)
    switch place &>> 6 {
    case 0: words.0 ^= bit
    case 1: words.1 ^= bit
    case 2: words.2 ^= bit
    default: words.3 ^= bit
    }
  }

  @inline(__always)
  mutating func takesOut(_ place: Int) -> Bool {
    let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: place)
    let word =
      switch place &>> 6 {
      case 0: words.0
      case 1: words.1
      case 2: words.2
      default: words.3
      }
    if word & bit == 0 { return false }
    flip(place)
    return true
  }

  /// Those behind each.
  @inline(__always)
  mutating func advance() {
    words.3 = words.3 &<< 1 | words.2 &>> 63
    words.2 = words.2 &<< 1 | words.1 &>> 63
    words.1 = words.1 &<< 1 | words.0 &>> 63
    words.0 = words.0 &<< 1
  }
}
