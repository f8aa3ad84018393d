import CSyncMgr
import CSyncMgrShim

typealias Slot = UnsafeMutablePointer<sm_slot>
/// The record of the thread that makes a call.
typealias Thread = UnsafeMutablePointer<sm_thread>

/// What a handle can be. The number is part of the handle's value: below 16 it is the number of an
/// object type in the header, and there are 5 bits for it.
enum HandleType: UInt32 {
  case mutex = 1
  case semaphore = 2
  case latch = 3
  case barrier = 4
  case event = 5
  case rwlock = 6
  case condition = 7
  case election = 8
  case resource = 10
  case syncPoint = 9
  case channel = 11
  case store = 13
  case target = 14
  case manager = 16
  case workstream = 17
  case ticket = 18
  case queue = 19
  case subscription = 20
  case transaction = 21

  /// With its article.
  var aNoun: String { ("aeiou".contains(noun.first ?? "x") ? "an " : "a ") + noun }

  /// As programs read it.
  var word: String {
    self == .rwlock ? "rwlock" : String(noun.map { $0 == " " ? "_" : $0 })
  }

  var noun: String {
    switch self {
    case .mutex: "mutex"
    case .semaphore: "semaphore"
    case .latch: "latch"
    case .barrier: "barrier"
    case .event: "event"
    case .rwlock: "readers-writer lock"
    case .condition: "condition"
    case .election: "election"
    case .resource: "resource"
    case .syncPoint: "sync point"
    case .channel: "channel"
    case .store: "store"
    case .target: "target"
    case .manager: "manager"
    case .workstream: "workstream"
    case .ticket: "ticket"
    case .queue: "queue"
    case .subscription: "subscription"
    case .transaction: "transaction"
    }
  }
}

/// The table of handles. A handle is a number: the index of a slot and that slot's generation. It
/// is never followed as a pointer, so any number can be given to any function.
enum Handles {
  /// Enters a call. On success the attachment stays mapped until `sm_leave`.
  @inline(__always)
  static func enter(_ handle: UInt64, _ type: HandleType) throws(Failure) -> Slot {
    if let slot = sm_enter(handle, type.rawValue) { return slot }
    return try enterSlowly(handle, type)
  }

  @inline(never)
  private static func enterSlowly(_ handle: UInt64, _ type: HandleType) throws(Failure) -> Slot {
    sm_thread_begin()
    if sm_process_forked() == 0, sm_thread_register() == nil {
      throw Failure(SYNCMGR_E_LIMIT, "too many threads of this process call the library")
    }
    if let slot = sm_enter_slowly(handle, type.rawValue) { return slot }
    throw why(handle, type)
  }

  /// Runs `body` inside of `handle`. A thread that holds the handle's attachment (`sm_hold`) holds
  /// it before, meanwhile and after.
  static func visit<Result>(
    _ handle: UInt64, _ type: HandleType, _ body: (Slot) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let held = sm_held()
    if held == 0 {
      let slot = try enter(handle, type)
      defer { sm_leave() }
      return try body(slot)
    }
    guard let slot = sm_trade(handle, type.rawValue) else { throw why(handle, type) }
    defer { sm_hold(held) }
    return try body(slot)
  }

  /// Says why `handle` does not work.
  static func why(_ handle: UInt64, _ type: HandleType) -> Failure {
    if handle == 0 { return Failure(SYNCMGR_E_HANDLE, naming: "the \(type.noun) is NULL") }
    let epoch = sm_handle_epoch(handle)
    let index = sm_handle_index(handle)
    let generation = sm_handle_generation(handle)
    let found = HandleType(rawValue: sm_handle_type(handle))
    let now = sm_fork_epoch()
    guard let found, handle < 1 << 52, index > 0, generation > 0, epoch <= now,
      sm_slots() != nil
    else {
      return Failure(SYNCMGR_E_HANDLE, naming: "not a handle: \(type.aNoun) was expected")
    }
    if epoch < now {
      return Failure(
        SYNCMGR_E_FORKED, naming: "the \(found.noun) was opened by the parent of this process")
    }
    let slot = sm_slots() + Int(index)
    if slot.generation.load() < generation {
      return Failure(SYNCMGR_E_HANDLE, naming: "not a handle: \(type.aNoun) was expected")
    }
    if found != type {
      return Failure(
        SYNCMGR_E_HANDLE, naming: "the handle is \(found.aNoun), not \(type.aNoun)")
    }
    return Failure(SYNCMGR_E_CLOSED, naming: "the \(type.noun) was closed")
  }

  /// Takes a free slot. The handle is not valid before `publish`.
  static func allocate(_ type: HandleType, _ attachment: UInt32) throws(Failure) -> Slot {
    try Local.locked { (local) throws(Failure) in
      let index: UInt32
      if local.freeSlot != 0 {
        index = local.freeSlot
        local.freeSlot = (sm_slots() + Int(index)).pointee.next
      } else {
        guard local.slotsHigh < SM_SLOTS else {
          throw Failure(SYNCMGR_E_LIMIT, "this process has more than 1,048,575 open handles")
        }
        index = local.slotsHigh
        local.slotsHigh += 1
      }
      let slot = sm_slots() + Int(index)
      slot.generation.store(slot.generation.load() % 0x1f_ffff + 1)
      slot.presence.store(attachment << SM_SLOT_BITS | index)
      slot.pointee.object = nil
      slot.pointee.holding = nil
      slot.pointee.context = nil
      slot.pointee.flags = 0
      return slot
    }
  }

  /// The value that `slot` will have, or has, as a handle.
  static func value(_ slot: Slot, _ type: HandleType) -> UInt64 {
    UInt64(slot - sm_slots()) | UInt64(type.rawValue) << 20
      | UInt64(slot.generation.load()) << 25 | UInt64(sm_fork_epoch()) << 46
  }

  static func publish(_ slot: Slot, _ type: HandleType) -> UInt64 {
    let handle = value(slot, type)
    slot.tag.store(handle)
    return handle
  }

  /// Ends `handle`: no call enters with it any more. False when somebody else ended it.
  static func retire(_ slot: Slot, _ handle: UInt64) -> Bool {
    sm_swap64(sm_slot_tag(slot), handle, 0, nil, 0) == handle
  }

  /// Gives the slot back, after `retire` and after no call is inside of it.
  static func free(_ slot: Slot) {
    Local.always { local in
      slot.pointee.next = local.freeSlot
      local.freeSlot = UInt32(truncatingIfNeeded: slot - sm_slots())
    }
  }

  /// True while a thread other than this one is inside a call that `matches`.
  static func anyoneInside(_ matches: (UInt64) -> Bool) -> Bool {
    for index in 0..<Int(sm_threads_high()) {
      let thread = sm_threads() + index
      if thread == sm_thread_self() { continue }
      let inside = Word64(sm_thread_inside(thread)).load()
      if inside != 0, matches(inside) { return true }
    }
    return false
  }

  static func isInside(_ inside: UInt64, attachment: UInt32) -> Bool {
    inside >> UInt64(SM_SLOT_BITS) == attachment
  }

  /// Makes all that was stored before visible to calls that enter from now on, and their `inside`
  /// visible to us.
  static func settle() {
    if sm_fenced() != 0 || sm_barrier_all() < 0 { sm_fence() }
  }
}

extension UInt64 {
  /// Whether this number, as a handle, is one of `type`.
  func isHandle(_ type: HandleType) -> Bool { sm_handle_type(self) == type.rawValue }
}
