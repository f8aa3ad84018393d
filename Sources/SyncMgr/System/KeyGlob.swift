/// Patterns of keys: `*` is any text without a slash, `**` any text, `?` one character other than a
/// slash, everything else itself.
enum KeyGlob {
  private static let slash = UInt8(ascii: "/")
  private static let star = UInt8(ascii: "*")

  /// Whether all of a text is like the pattern. Takes at most as long as the product of the lengths
  /// of the text, squared, and of the pattern; allocates nothing.
  static func matches(_ pattern: UnsafeRawBufferPointer, _ text: UnsafeRawBufferPointer) -> Bool {
    var (at, here) = (0, 0)
    // Where to go on when it turns out that a star has to be longer: behind it, and in the text.
    var short: (pattern: Int, text: Int)?
    var long: (pattern: Int, text: Int)?
    while true {
      if at < pattern.count, pattern[at] == star {
        var behind = at
        while behind < pattern.count, pattern[behind] == star { behind += 1 }
        if behind - at > 1 {
          long = (behind, here)
          short = nil
        } else {
          short = (behind, here)
        }
        at = behind
        continue
      }
      if here < text.count, at < pattern.count, let step = step(pattern[at], text, here) {
        at += 1
        here += step
        continue
      }
      if here == text.count, at == pattern.count { return true }
      if let found = short, found.text < text.count, text[found.text] != slash {
        short = (found.pattern, found.text + 1)
        (at, here) = (found.pattern, found.text + 1)
      } else if let found = long, found.text < text.count {
        short = nil
        long = (found.pattern, found.text + 1)
        (at, here) = (found.pattern, found.text + 1)
      } else {
        return false
      }
    }
  }

  /// How many bytes of the text one byte of the pattern stands for; nil when it does not.
  @inline(__always)
  private static func step(_ byte: UInt8, _ text: UnsafeRawBufferPointer, _ here: Int) -> Int? {
    if byte != UInt8(ascii: "?") { return byte == text[here] ? 1 : nil }
    if text[here] == slash { return nil }
    var end = here + 1
    while end < text.count, text[end] & 0xc0 == 0x80 { end += 1 }
    return end - here
  }
}
