import CSyncMgrShim

/// A 32-bit word that several threads or processes change. Every step on it passes the seam.
///
/// Loads acquire, stores release, the rest is sequentially consistent: on x86 the same
/// instructions as anything weaker, and one order less to reason about.
struct Word32 {
  let at: UnsafeMutablePointer<UInt32>

  @inline(__always) init(_ at: UnsafeMutablePointer<UInt32>) { self.at = at }

  @inline(__always) func load() -> UInt32 { sm_load32(at) }

  @inline(__always)
  func store(_ value: UInt32, _ file: StaticString = #fileID, _ line: Int32 = #line) {
    sm_store32(at, value, site(file), line)
  }

  /// Returns what was there: the swap happened when that is `expected`.
  @inline(__always)
  func swap(
    _ expected: UInt32, for desired: UInt32, _ file: StaticString = #fileID, _ line: Int32 = #line
  ) -> UInt32 {
    sm_swap32(at, expected, desired, site(file), line)
  }

  /// Swaps `expected` for `desired` and tells whether it did.
  @inline(__always)
  func claim(
    _ expected: UInt32, _ desired: UInt32, _ file: StaticString = #fileID, _ line: Int32 = #line
  ) -> Bool {
    sm_swap32(at, expected, desired, site(file), line) == expected
  }

  @discardableResult @inline(__always)
  func exchange(
    _ value: UInt32, _ file: StaticString = #fileID, _ line: Int32 = #line
  ) -> UInt32 { sm_exchange32(at, value, site(file), line) }

  @discardableResult @inline(__always)
  func add(
    _ value: UInt32, _ file: StaticString = #fileID, _ line: Int32 = #line
  ) -> UInt32 { sm_add32(at, value, site(file), line) }

  /// Changes the word by `change` until that succeeds or `change` answers nil. Returns the new
  /// value.
  @inline(__always)
  func update(
    _ change: (UInt32) -> UInt32?, _ file: StaticString = #fileID, _ line: Int32 = #line
  ) -> UInt32? {
    var seen = load()
    while let desired = change(seen) {
      let found = swap(seen, for: desired, file, line)
      if found == seen { return desired }
      seen = found
    }
    return nil
  }
}

/// A 64-bit word that several threads or processes change.
struct Word64 {
  let at: UnsafeMutablePointer<UInt64>

  @inline(__always) init(_ at: UnsafeMutablePointer<UInt64>) { self.at = at }

  @inline(__always) func load() -> UInt64 { sm_load64(at) }

  @inline(__always)
  func store(_ value: UInt64, _ file: StaticString = #fileID, _ line: Int32 = #line) {
    sm_store64(at, value, site(file), line)
  }

  /// Swaps `expected` for `desired` and tells whether it did.
  @inline(__always)
  func claim(
    _ expected: UInt64, _ desired: UInt64, _ file: StaticString = #fileID, _ line: Int32 = #line
  ) -> Bool {
    sm_swap64(at, expected, desired, site(file), line) == expected
  }

  @discardableResult @inline(__always)
  func exchange(
    _ value: UInt64, _ file: StaticString = #fileID, _ line: Int32 = #line
  ) -> UInt64 { sm_exchange64(at, value, site(file), line) }

  @discardableResult @inline(__always)
  func add(
    _ value: UInt64, _ file: StaticString = #fileID, _ line: Int32 = #line
  ) -> UInt64 { sm_add64(at, value, site(file), line) }

  @discardableResult @inline(__always)
  func or(
    _ value: UInt64, _ file: StaticString = #fileID, _ line: Int32 = #line
  ) -> UInt64 { sm_or64(at, value, site(file), line) }
}

/// The name of a crash point, for test builds only.
@inline(__always)
private func site(_ file: StaticString) -> UnsafePointer<CChar>? {
  #if SYNCMGR_SEAM
    return UnsafeRawPointer(file.utf8Start).assumingMemoryBound(to: CChar.self)
  #else
    return nil
  #endif
}
