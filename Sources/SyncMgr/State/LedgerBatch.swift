import CSyncMgrShim
import Glibc

/// The latest change of each key among some records of the log, which stay there meanwhile.
struct LedgerBatch {
  private(set) var changes: [(change: LogChange, record: LogRecord)] = []
  /// Places in `changes` + 1, by the hash of the key.
  private var places: [UInt32] = [UInt32](repeating: 0, count: 64)

  mutating func add(_ record: LogRecord) {
    record.forChanges { change in add(change, record) }
  }

  private mutating func add(_ change: LogChange, _ record: LogRecord) {
    if (changes.count + 1) * 2 > places.count { grow() }
    let mask = UInt32(places.count - 1)
    var position = change.hash & mask
    while places[Int(position)] != 0 {
      let place = Int(places[Int(position)] - 1)
      if LedgerBatch.isSame(changes[place].change, change) {
        changes[place] = (change, record)
        return
      }
      position = (position &+ 1) & mask
    }
    changes.append((change, record))
    places[Int(position)] = UInt32(changes.count)
  }

  func has(_ change: LogChange) -> Bool {
    changes.contains { LedgerBatch.isSame($0.change, change) }
  }

  private static func isSame(_ one: LogChange, _ other: LogChange) -> Bool {
    one.hash == other.hash && one.key.count == other.key.count
      && memcmp(
        one.key.baseAddress.unsafelyUnwrapped, other.key.baseAddress.unsafelyUnwrapped,
        one.key.count) == 0
  }

  private mutating func grow() {
    places = [UInt32](repeating: 0, count: places.count * 2)
    let mask = UInt32(places.count - 1)
    for place in changes.indices {
      var position = changes[place].change.hash & mask
      while places[Int(position)] != 0 { position = (position &+ 1) & mask }
      places[Int(position)] = UInt32(place + 1)
    }
  }
}
