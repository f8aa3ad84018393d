import CSyncMgr
import CSyncMgrShim
import Glibc

/// Named memory that every process sees at once: a variable of the channel's table whose first
/// value is the region. Its key is another than that of a cell of the same text.
extension SharedCells {
  func region(_ key: CellKey, _ size: Int) throws(Failure) -> UnsafeMutableRawPointer {
    if size == 0 {
      throw Failure(
        SYNCMGR_E_INVALID, channel.caller.object, text: "a region has at least one byte")
    }
    attachment.lent.store(1)
    if let unit = try inGuard({ () throws(Failure) in try find(key, size) }) {
      return attachment.segment.unit(unit)
    }
    // Made before it is anybody's: nobody waits while it is zeroed.
    let made = try attachment.allocate(
      UInt64(UInt(bitPattern: size)), SM_CHUNK_MEMORY, object: owner)
    memset(attachment.segment.unit(made), 0, size)
    do throws(Failure) {
      let unit = try inGuard { () throws(Failure) in
        if let unit = try find(key, size) { return unit }
        guard let (_, variable) = try find(key, SM_VARIABLE_REGION, makes: true) else {
          throw attachment.corrupt("the table of cells")
        }
        let value = variable.value(0)
        // Dies before it has its memory: there is no region yet, and the memory is freed.
        value.length.store(UInt64(UInt(bitPattern: size)))
        _ = attachment.exchange(value.memory, for: made + 1, of: owner)
        return made
      }
      if unit != made { attachment.free(made) }
      return attachment.segment.unit(unit)
    } catch {
      attachment.free(made)
      throw error
    }
  }

  /// The unit of a region that is there. Under the send guard.
  private func find(_ key: CellKey, _ size: Int) throws(Failure) -> UInt32? {
    if row.shut.load() != 0 { throw channel.isShut() }
    guard let (_, variable) = try find(key, SM_VARIABLE_REGION, makes: false) else { return nil }
    let value = variable.value(0)
    let memory = value.memory.load()
    if memory == 0 { return nil }
    let length = value.length.load()
    if length != UInt64(UInt(bitPattern: size)) {
      throw Failure(
        SYNCMGR_E_MISMATCH, channel.caller.object,
        text: "the region has \(length) bytes, not \(UInt(bitPattern: size))")
    }
    guard let chunk = attachment.segment.chunk(memory - 1), chunk.object.load() == owner,
      chunk.state.load() == SM_CHUNK_MEMORY,
      UInt64(memory - 1) + UInt64(chunk.units.load())
        <= UInt64(SM_UNITS), length <= UInt64(chunk.units.load()) * UInt64(SM_UNIT)
    else { throw attachment.corrupt("a region") }
    return memory - 1
  }
}
