import CSyncMgr

/// What a transaction has read: what has to be so at its commit.
struct TransactionReads {
  /// By key the version that was read; 0: it was not there.
  private(set) var keys: [[UInt8]: UInt64] = [:]
  private(set) var ranges: [ReadRange] = []

  var count: Int { keys.count + ranges.count }
  var isEmpty: Bool { keys.isEmpty && ranges.isEmpty }

  /// False when the key had another version when it was read before.
  mutating func read(_ key: [UInt8], _ version: UInt64) -> Bool {
    let before = keys[key]
    if before == nil { keys[key] = version }
    return before == nil || before == version
  }

  mutating func read(_ range: ReadRange) { ranges.append(range) }
}

/// A range that was read, as it was.
struct ReadRange {
  var prefix: [UInt8]?
  var glob: [UInt8]?
  /// Only keys behind this one, and up to that one, were shown. Nil: from the first, to the last.
  var after: [UInt8]?
  var last: [UInt8]?
  /// The moment it was read at.
  var revision: UInt64
  /// Of the keys that were there, and their versions.
  var digest = Digest()

  /// Whether a key belongs to what was read.
  func has(_ key: [UInt8]) -> Bool {
    if let prefix, !key.starts(with: prefix) { return false }
    if let after, !after.lexicographicallyPrecedes(key) { return false }
    if let last, last.lexicographicallyPrecedes(key) { return false }
    guard let glob else { return true }
    return glob.withUnsafeBytes { pattern in
      key.withUnsafeBytes { KeyGlob.matches(pattern, $0) }
    }
  }

  /// Stands for keys and versions in their order: 128 bits, of two FNV sums with other beginnings.
  struct Digest: Equatable {
    var count: UInt64 = 0
    private(set) var low: UInt64 = 0xcbf2_9ce4_8422_2325
    private(set) var high: UInt64 = 0x6c62_272e_07bb_0142

    init() {}

    init(count: UInt64, low: UInt64, high: UInt64) {
      (self.count, self.low, self.high) = (count, low, high)
    }

    mutating func add(_ key: [UInt8], _ version: UInt64) {
      count &+= 1
      for byte in key { mix(byte) }
      mix(0)
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        mix(UInt8(truncatingIfNeeded: version >> shift))
      }
    }

    private mutating func mix(_ byte: UInt8) {
      low = (low ^ UInt64(byte)) &* 0x100_0000_01b3
      high = (high ^ UInt64(byte)) &* 0x100_0000_01b3
      high ^= high >> 29
    }
  }
}
