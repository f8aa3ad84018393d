/// Topics and patterns: bytes, in segments between '/'. A segment may be empty: "a//b" has three.
///
/// In a pattern `*` stands for any bytes of one segment, also none, and `**`, as a whole segment,
/// for any number of whole segments, also none. Everything else stands for itself.
enum Topic {
  static let longest = 255
  static let mostDeep = 8

  static let slash: UInt8 = 0x2f
  static let star: UInt8 = 0x2a

  /// Why no message may have this topic; nil when one may.
  static func fault(inTopic topic: UnsafeRawBufferPointer) -> StaticString? {
    if topic.isEmpty { return "the topic is empty" }
    if topic.count > longest { return "the topic is longer than 255 bytes" }
    if topic.contains(0) { return "the topic contains a NUL" }
    if topic.contains(star) { return "the topic contains a '*'; only patterns may" }
    return isUTF8(topic) ? nil : "the topic is not UTF-8"
  }

  /// Why nobody can subscribe to this pattern; nil when one can.
  static func fault(inPattern pattern: UnsafeRawBufferPointer) -> StaticString? {
    if pattern.isEmpty { return "the pattern is empty" }
    if pattern.count > longest { return "the pattern is longer than 255 bytes" }
    if pattern.contains(0) { return "the pattern contains a NUL" }
    var segments = TopicSegments(pattern)
    var deep = 0
    while let segment = segments.next() {
      if isDeep(segment) {
        deep &+= 1
      } else if hasTwoStars(segment) {
        return "the pattern contains a '**' that is not a whole segment"
      }
    }
    if deep > mostDeep { return "the pattern contains more than 8 '**'" }
    return isUTF8(pattern) ? nil : "the pattern is not UTF-8"
  }

  /// Whether the pattern matches the topic, without a trie. Steps back to the last `**` only: what
  /// an earlier one could still take, the last one can take as well. So the segments that are
  /// compared are at most the product of the counts of both.
  static func matches(
    pattern: UnsafeRawBufferPointer, topic: UnsafeRawBufferPointer
  ) -> Bool {
    var wanted = TopicSegments(pattern)
    var given = TopicSegments(topic)
    var back: (wanted: TopicSegments, given: TopicSegments)?
    while true {
      var (wantedNext, givenNext) = (wanted, given)
      let want = wantedNext.next()
      if let want, isDeep(want) {
        wanted = wantedNext
        back = (wanted, given)
        continue
      }
      let have = givenNext.next()
      if want == nil, have == nil { return true }
      if let want, let have, matches(segmentPattern: want, segment: have) {
        (wanted, given) = (wantedNext, givenNext)
        continue
      }
      // The `**` takes one segment more; when there is none left, nothing helps.
      guard var last = back, last.given.next() != nil else { return false }
      back = last
      (wanted, given) = (last.wanted, last.given)
    }
  }

  /// The same of one segment; it goes back to the last `*` only.
  static func matches(
    segmentPattern pattern: UnsafeRawBufferPointer, segment: UnsafeRawBufferPointer
  ) -> Bool {
    var (place, position) = (0, 0)
    var back: (place: Int, position: Int)?
    while true {
      if place < pattern.count, pattern[place] == star {
        place &+= 1
        back = (place, position)
      } else if place < pattern.count, position < segment.count,
        pattern[place] == segment[position]
      {
        place &+= 1
        position &+= 1
      } else if place == pattern.count, position == segment.count {
        return true
      } else if let last = back, last.position < segment.count {
        (place, position) = (last.place, last.position &+ 1)
        back = (place, position)
      } else {
        return false
      }
    }
  }

  static func isDeep(_ segment: UnsafeRawBufferPointer) -> Bool {
    segment.count == 2 && segment[0] == star && segment[1] == star
  }

  private static func hasTwoStars(_ segment: UnsafeRawBufferPointer) -> Bool {
    var isAfterStar = false
    for byte in segment {
      if byte == star, isAfterStar { return true }
      isAfterStar = byte == star
    }
    return false
  }

  private static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if bytes.allSatisfy({ $0 < 0x80 }) { return true }
    return bytes.withMemoryRebound(to: UInt8.self) { bytes in
      (try? UTF8Span(validating: bytes.span)) != nil
    }
  }
}

/// The segments of a topic or pattern, one after the other. One without bytes has one segment.
struct TopicSegments {
  private let bytes: UnsafeRawBufferPointer
  /// Where the next one begins; beyond the end when there is none.
  private var start = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func next() -> UnsafeRawBufferPointer? {
    if start > bytes.count { return nil }
    let first = start
    var end = first
    while end < bytes.count, bytes[end] != Topic.slash { end &+= 1 }
    start = end &+ 1
    return UnsafeRawBufferPointer(rebasing: bytes[first..<end])
  }
}
