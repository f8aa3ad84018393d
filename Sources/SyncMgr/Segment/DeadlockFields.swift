import CSyncMgrShim

// The fields of what is kept about deadlocks, as words.

extension UnsafeMutablePointer<sm_header> {
  @inline(__always) var deadlockGuardian: Word32 { Word32(sm_header_deadlock_guard(self)) }
  @inline(__always) var deadlockFlags: Word32 { Word32(sm_header_deadlock_flags(self)) }
  @inline(__always) var deadlockVictim: Word32 { Word32(sm_header_deadlock_victim(self)) }
  @inline(__always) var deadlocksHigh: Word32 { Word32(sm_header_deadlocks_high(self)) }
  @inline(__always) var deadlocksCommitted: Word32 { Word32(sm_header_deadlocks_committed(self)) }
  @inline(__always) var deadlockDelay: Word64 { Word64(sm_header_deadlock_delay(self)) }
  @inline(__always) var deadlockInterval: Word64 { Word64(sm_header_deadlock_interval(self)) }
  @inline(__always) var deadlockLimit: Word64 { Word64(sm_header_deadlock_limit(self)) }
  @inline(__always) var deadlockCovered: Word64 { Word64(sm_header_deadlock_covered(self)) }
  @inline(__always) var deadlockNext: Word64 { Word64(sm_header_deadlock_next(self)) }
  @inline(__always) var deadlockSerial: Word64 { Word64(sm_header_deadlock_serial(self)) }
  @inline(__always) var deadlockSearches: Word64 { Word64(sm_header_deadlock_searches(self)) }
  @inline(__always) var deadlocksFound: Word64 { Word64(sm_header_deadlocks_found(self)) }
  @inline(__always) var deadlocksResolved: Word64 { Word64(sm_header_deadlocks_resolved(self)) }
}

extension UnsafeMutablePointer<sm_deadlock> {
  @inline(__always) var state: Word32 { Word32(sm_deadlock_state(self)) }
  @inline(__always) var kind: Word32 { Word32(sm_deadlock_kind(self)) }
  @inline(__always) var algorithm: Word32 { Word32(sm_deadlock_algorithm(self)) }
  @inline(__always) var policy: Word32 { Word32(sm_deadlock_policy(self)) }
  @inline(__always) var resolution: Word32 { Word32(sm_deadlock_resolution(self)) }
  @inline(__always) var count: Word32 { Word32(sm_deadlock_count(self)) }
  @inline(__always) var total: Word32 { Word32(sm_deadlock_total(self)) }
  @inline(__always) var victimPid: Word32 { Word32(sm_deadlock_victim_pid(self)) }
  @inline(__always) var id: Word64 { Word64(sm_deadlock_id(self)) }
  @inline(__always) var identity: Word64 { Word64(sm_deadlock_identity(self)) }
  @inline(__always) var found: Word64 { Word64(sm_deadlock_found(self)) }
  @inline(__always) var ended: Word64 { Word64(sm_deadlock_ended(self)) }
  @inline(__always) var victim: Word64 { Word64(sm_deadlock_victim(self)) }

  /// One of the 64 members; an index out of bounds gives nil.
  func member(_ index: UInt32) -> UnsafeMutablePointer<sm_deadlock_member>? {
    index < SM_DEADLOCK_MEMBERS ? sm_deadlock_members(self) + Int(index) : nil
  }
}

extension UnsafeMutablePointer<sm_deadlock_member> {
  @inline(__always) var workstream: Word64 { Word64(sm_deadlock_member_workstream(self)) }
  @inline(__always) var holder: Word64 { Word64(sm_deadlock_member_holder(self)) }
  @inline(__always) var order: Word64 { Word64(sm_deadlock_member_order(self)) }
  @inline(__always) var pid: Word32 { Word32(sm_deadlock_member_pid(self)) }
  @inline(__always) var holderPid: Word32 { Word32(sm_deadlock_member_holder_pid(self)) }
  @inline(__always) var type: Word32 { Word32(sm_deadlock_member_type(self)) }
  @inline(__always) var relation: Word32 { Word32(sm_deadlock_member_relation(self)) }
  @inline(__always) var place: Word32 { Word32(sm_deadlock_member_place(self)) }
  @inline(__always) var owner: Word32 { Word32(sm_deadlock_member_owner(self)) }

  var name: NameField { NameField(at: sm_deadlock_member_name(self)) }
  var objectName: NameField { NameField(at: sm_deadlock_member_object_name(self)) }
  var otherName: NameField { NameField(at: sm_deadlock_member_other_name(self)) }
}
