public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_channel_set(
  _ channel: OpaquePointer?, _ cell: UnsafePointer<syncmgr_cell_t>?, _ expected: UInt64,
  _ out_version: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  if let cell, let slot = sm_enter(number(channel), HandleType.channel.rawValue) {
    let version = CellWriter.setAtOnce(slot, cell, expected)
    sm_leave()
    if version != 0 {
      out_version?.pointee = version
      return SYNCMGR_OK
    }
  }
  return setSlowly(channel, cell, expected, out_version)
}

@inline(never)
private func setSlowly(
  _ channel: OpaquePointer?, _ cell: UnsafePointer<syncmgr_cell_t>?, _ expected: UInt64,
  _ out_version: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  cellCall(channel) { (cells) throws(Failure) in
    let wanted = try given(cell)
    let key = try CellKey.of(wanted.key)
    var version: UInt64?
    defer { if let version { out_version?.pointee = version } }
    try cells.set(
      key, try value(of: wanted), type: wanted.type, expected: expected, &version)
    return SYNCMGR_OK
  }
}

/// The value that a cell is to have; nil: it is to be removed.
private func value(of cell: syncmgr_cell_t) throws(Failure) -> UnsafeRawBufferPointer? {
  if cell.type > SYNCMGR_CELL_JSON {
    throw Failure(SYNCMGR_E_INVALID, naming: "there is no type of cells \(cell.type)")
  }
  guard let data = cell.data else {
    if cell.length == 0 { return nil }
    throw Failure(SYNCMGR_E_INVALID, "there is a length and no data")
  }
  if cell.length < 0 {
    throw Failure(SYNCMGR_E_TOO_LARGE, "the cell is larger than any memory")
  }
  return UnsafeRawBufferPointer(start: data, count: cell.length)
}

@c @implementation
public func syncmgr_channel_get(
  _ channel: OpaquePointer?, _ cells: UnsafeMutablePointer<syncmgr_cell_t>?, _ count: UInt32,
  _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
  _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  if let cells, count > 0, capacity >= 0, buffer != nil,
    let slot = sm_enter(number(channel), HandleType.channel.rawValue)
  {
    var result = CellReader.Reading.disturbed
    if let reader = CellReader(slot) {
      result = reader.read(
        UnsafeMutableBufferPointer(start: cells, count: Int(count)),
        UnsafeMutableRawBufferPointer(start: buffer, count: capacity), isLocked: false)
    }
    sm_leave()
    if case .read(let found, let length) = result, found > 0, length <= capacity {
      out_length?.pointee = length
      return SYNCMGR_OK
    }
  }
  return getSlowly(channel, cells, count, buffer, capacity, out_length)
}

@inline(never)
private func getSlowly(
  _ channel: OpaquePointer?, _ cells: UnsafeMutablePointer<syncmgr_cell_t>?, _ count: UInt32,
  _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
  _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  cellCall(channel) { (shared) throws(Failure) in
    guard let cells, count > 0 else { throw Failure(SYNCMGR_E_INVALID, "there are no cells") }
    if capacity < 0 || (buffer == nil && capacity > 0) {
      throw Failure(SYNCMGR_E_INVALID, "the buffer is NULL, or its capacity no size")
    }
    var length = 0
    defer { out_length?.pointee = length }
    try shared.get(
      UnsafeMutableBufferPointer(start: cells, count: Int(count)),
      UnsafeMutableRawBufferPointer(start: buffer, count: capacity), &length)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_changed(
  _ channel: OpaquePointer?, _ key: UnsafePointer<CChar>?, _ seen: UInt64, _ timeout_ns: Int64,
  _ out_version: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  cellCall(channel) { (cells) throws(Failure) in
    let version = try cells.changed(try CellKey.of(key), since: seen, timeout_ns)
    out_version?.pointee = version
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_changed_start(
  _ channel: OpaquePointer?, _ cell: UnsafePointer<syncmgr_cell_t>?, _ timeout_ns: Int64,
  _ queue: OpaquePointer?, _ user_data: UInt64,
  _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  cellCall(channel) { (cells) throws(Failure) in
    let target = try required(out_ticket)
    let wanted = try given(cell)
    let key = try CellKey.of(wanted.key)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    return try give(try cells.changedStart(key, since: wanted.version, start), target)
  }
}

@c @implementation
public func syncmgr_channel_region(
  _ channel: OpaquePointer?, _ key: UnsafePointer<CChar>?, _ size: Int,
  _ out_data: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
  cellCall(channel) { (cells) throws(Failure) in
    let target = try required(out_data)
    target.pointee = try cells.region(try CellKey.of(key), size)
    return SYNCMGR_OK
  }
}

/// A call on the cells of a channel.
@inline(__always)
private func cellCall(
  _ handle: OpaquePointer?, _ body: (SharedCells) throws(Failure) -> Int32
) -> Int32 {
  channelCall(handle) { (channel) throws(Failure) in try body(try SharedCells(channel)) }
}

private func given(_ cell: UnsafePointer<syncmgr_cell_t>?) throws(Failure) -> syncmgr_cell_t {
  guard let cell else { throw Failure(SYNCMGR_E_INVALID, "the cell is NULL") }
  return cell.pointee
}
