import CSyncMgrShim

/// Names to slots: open addressing with linear probing, under the directory guard. Only slots that
/// are live are in it, so it can always be made anew from them: that is its repair.
struct NameTable {
  /// Slot index + 1; 0 is an empty place.
  let places: UnsafeMutablePointer<UInt32>
  let capacity: UInt32
  /// The name of a live slot and its hash.
  let entry: (UInt32) -> (hash: UInt32, name: NameField)?

  private func place(_ position: UInt32) -> Word32 { Word32(places + Int(position % capacity)) }

  func find(_ name: Name) -> UInt32? {
    let hash = name.hash
    for step in 0..<capacity {
      let found = place(hash &+ step).load()
      if found == 0 { return nil }
      if let (other, field) = entry(found - 1), other == hash, field.equals(name) {
        return found - 1
      }
    }
    return nil
  }

  func insert(_ index: UInt32, _ hash: UInt32) {
    for step in 0..<capacity where place(hash &+ step).load() == 0 {
      place(hash &+ step).store(index + 1)
      return
    }
  }

  /// Takes a slot out, and moves what stands behind it up, so that no search stops too early. While
  /// the slot is still live.
  func remove(_ index: UInt32, _ hash: UInt32) {
    guard
      let step = (0..<capacity).first(where: {
        let found = place(hash &+ $0).load()
        return found == 0 || found == index + 1
      }), place(hash &+ step).load() == index + 1
    else { return }
    var hole = (hash &+ step) % capacity
    var next = (hole + 1) % capacity
    for _ in 0..<capacity {
      let found = place(next).load()
      guard found != 0, next != hole else { break }
      let home = (entry(found - 1)?.hash ?? 0) % capacity
      // It may move when its home is not between the hole and where it stands.
      if (next &+ capacity &- home) % capacity >= (next &+ capacity &- hole) % capacity {
        place(hole).store(found)
        hole = next
      }
      next = (next + 1) % capacity
    }
    place(hole).store(0)
  }

  func rebuild(_ count: UInt32) {
    for position in 0..<capacity where place(position).load() != 0 { place(position).store(0) }
    for index in 0..<count {
      if let (hash, _) = entry(index) { insert(index, hash) }
    }
  }
}
