import CSyncMgr
import Testing

/// The structures of options, each as an opening with the given size and flags.
private enum Options: String, CaseIterable, Sendable {
  case open, mutex, semaphore, barrier, event

  var size: UInt32 {
    let size =
      switch self {
      case .open: MemoryLayout<syncmgr_open_options_t>.size
      case .mutex: MemoryLayout<syncmgr_mutex_options_t>.size
      case .semaphore: MemoryLayout<syncmgr_semaphore_options_t>.size
      case .barrier: MemoryLayout<syncmgr_barrier_options_t>.size
      case .event: MemoryLayout<syncmgr_event_options_t>.size
      }
    return UInt32(size)
  }

  func opening(_ me: Workstream, size: UInt32, flags: UInt32) -> Status {
    var out: OpaquePointer?
    let workstream = me.handle.pointer
    let code: Int32
    switch self {
    case .open:
      var options = syncmgr_open_options_t(
        size: size, flags: flags, mode: 0o600, group: SYNCMGR_ANY, owner: SYNCMGR_ANY)
      code = syncmgr_open("local:", &options, &out)
      if code == SYNCMGR_OK { syncmgr_close(out) }
    case .mutex:
      var options = syncmgr_mutex_options_t(size: size, flags: flags)
      code = syncmgr_mutex_open(workstream, "mutex", &options, &out)
    case .semaphore:
      var options = syncmgr_semaphore_options_t(size: size, flags: flags)
      code = syncmgr_semaphore_open(workstream, "semaphore", 1, &options, &out)
    case .barrier:
      var options = syncmgr_barrier_options_t(size: size, flags: flags, action: nil, user: nil)
      code = syncmgr_barrier_open(workstream, "barrier", 2, &options, &out)
    case .event:
      var options = syncmgr_event_options_t(size: size, flags: flags)
      code = syncmgr_event_open(workstream, "event", &options, &out)
    }
    return Status(code)
  }
}

@Suite("Options and names", .watched)
struct ArgumentTests {
  @Test("options whose size is right are taken, with a size that no structure has not",
    arguments: Options.allCases)
  private func sizes(options: Options) throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      for size in [0, 1, 3, 1 << 20, .max] as [UInt32] {
        #expect(options.opening(me, size: size, flags: 0) == .invalid)
      }
      #expect(options.opening(me, size: options.size, flags: 0) == .ok)
    }
  }

  @Test("unknown flags are E_INVALID", arguments: Options.allCases)
  private func flags(options: Options) throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      for flag in (options == .open ? 5 : 4)..<32 {
        #expect(options.opening(me, size: options.size, flags: 1 << flag) == .invalid)
      }
    }
  }

  @Test("NULL options are the defaults")
  func nullOptions() throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      let raw = me.handle.pointer
      _ = try Handle { syncmgr_mutex_open(raw, "m", nil, $0) }
      _ = try Handle { syncmgr_semaphore_open(raw, "s", 2, nil, $0) }
      _ = try Handle { syncmgr_barrier_open(raw, "b", 2, nil, $0) }
      _ = try Handle { syncmgr_event_open(raw, "e", nil, $0) }
      #expect(try me.mutex("m").lock(0) == .ok)
      #expect(try me.semaphore("s", permits: 2).acquire(2) == .ok)
      #expect(try me.barrier("b", parties: 2).arrive() == .ok)
      #expect(try !me.event("e").isSet())
    }
  }

  @Test("a NULL output is E_INVALID, not a crash")
  func nullOutputs() throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      let raw = me.handle.pointer
      let statuses = [
        syncmgr_open("local:", nil, nil), syncmgr_workstream_open(space.handle.pointer, nil, nil),
        syncmgr_mutex_open(raw, "m", nil, nil), syncmgr_latch_open(raw, "l", 1, nil),
        syncmgr_workstream_id(raw, nil),
        syncmgr_latch_count(try me.latch(count: 1).handle.pointer, nil),
      ].map(Status.init)
      for status in statuses { #expect(status == .invalid) }
    }
  }

  @Test("names are 1 to 255 bytes of UTF-8 without '/' and control characters")
  func names() throws {
    let good: [[UInt8]] = [
      Array("a".utf8), Array("with space".utf8), Array("..".utf8), Array("naïve ☂ 名前".utf8),
      [UInt8](repeating: 0x6e, count: 255), [0xf4, 0x8f, 0xbf, 0xbf], [0x7e],
    ]
    let bad: [[UInt8]] = [
      [], Array("a/b".utf8), Array("/".utf8), Array("tab\t".utf8), [0x61, 0x1f], [0x7f], [0x01],
      [UInt8](repeating: 0x6e, count: 256), [UInt8](repeating: 0x6e, count: 4000),
      [0xff], [0xc3], [0x61, 0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x82],
    ]
    try withSpace(.local) { space in
      let me = try space.workstream()
      for (names, expected) in [(good, Status.ok), (bad, Status.name)] {
        for bytes in names {
          let text = bytes.map { CChar(bitPattern: $0) } + [0]
          let statuses = [
            status { () throws(Failed) in
              try Handle { syncmgr_workstream_open(space.handle.pointer, text, $0) }
            },
            status { () throws(Failed) in
              try Handle { syncmgr_mutex_open(me.handle.pointer, text, nil, $0) }
            },
          ]
          for status in statuses { #expect(status == expected, "\(bytes.prefix(8))") }
        }
      }
    }
  }

  @Test("names that are different are different objects, however alike")
  func alike() throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      let long = String(repeating: "n", count: 254)
      let names = ["a", "A", "a ", " a", "aa", "é", "e\u{301}", long + "1", long + "2"]
      for name in names { #expect(try me.mutex(name).lock(0) == .ok) }
      for name in names { #expect(try me.mutex(name).unlock() == .ok) }
    }
  }
}
