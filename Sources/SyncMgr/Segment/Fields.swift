import CSyncMgrShim

// The fields of the segment's tables as words: where each is, is known in C (sm_layout.h) only.

extension UnsafeMutablePointer<sm_header> {
  @inline(__always) var guardian: Word32 { Word32(sm_header_guard(self)) }
  @inline(__always) var membership: Word32 { Word32(sm_header_membership(self)) }
  @inline(__always) var wanted: Word32 { Word32(sm_header_wanted(self)) }
  @inline(__always) var news: Word32 { Word32(sm_header_news(self)) }
  @inline(__always) var participantsHigh: Word32 { Word32(sm_header_participants_high(self)) }
  @inline(__always) var workstreamsHigh: Word32 { Word32(sm_header_workstreams_high(self)) }
  @inline(__always) var objectsHigh: Word32 { Word32(sm_header_objects_high(self)) }
  @inline(__always) var holdingsHigh: Word32 { Word32(sm_header_holdings_high(self)) }
  @inline(__always) var batchesHigh: Word32 { Word32(sm_header_batches_high(self)) }
  @inline(__always) var workstreamsCommitted: Word32 {
    Word32(sm_header_workstreams_committed(self))
  }
  @inline(__always) var objectsCommitted: Word32 { Word32(sm_header_objects_committed(self)) }
  @inline(__always) var holdingsCommitted: Word32 { Word32(sm_header_holdings_committed(self)) }
  @inline(__always) var batchesCommitted: Word32 { Word32(sm_header_batches_committed(self)) }
  @inline(__always) var workstreamsHint: Word32 { Word32(sm_header_workstreams_hint(self)) }
  @inline(__always) var objectsHint: Word32 { Word32(sm_header_objects_hint(self)) }
  @inline(__always) var holdingsHint: Word32 { Word32(sm_header_holdings_hint(self)) }
  @inline(__always) var serial: Word64 { Word64(sm_header_serial(self)) }
  @inline(__always) var leaseNext: Word64 { Word64(sm_header_lease_next(self)) }
  @inline(__always) var eventsNext: Word64 { Word64(sm_header_events_next(self)) }
  @inline(__always) var messageSerial: Word64 { Word64(sm_header_message_serial(self)) }
  @inline(__always) var eventsGuardian: Word32 { Word32(sm_header_events_guard(self)) }
  @inline(__always) var eventsCommitted: Word32 { Word32(sm_header_events_committed(self)) }
  @inline(__always) var messagesHigh: Word32 { Word32(sm_header_messages_high(self)) }
  @inline(__always) var messagesCommitted: Word32 { Word32(sm_header_messages_committed(self)) }
  @inline(__always) var flags: Word32 { Word32(sm_header_flags(self)) }
  @inline(__always) var membersHigh: Word32 { Word32(sm_header_members_high(self)) }
  @inline(__always) var membersCommitted: Word32 { Word32(sm_header_members_committed(self)) }
  @inline(__always) var membersHint: Word32 { Word32(sm_header_members_hint(self)) }
  @inline(__always) var syncPoints: Word32 { Word32(sm_header_sync_points(self)) }
}

extension UnsafeMutablePointer<sm_participant> {
  @inline(__always) var id: Word32 { Word32(sm_participant_id(self)) }
  @inline(__always) var generation: Word32 { Word32(sm_participant_generation(self)) }
  @inline(__always) var recoverer: Word32 { Word32(sm_participant_recoverer(self)) }
  @inline(__always) var pid: Word32 { Word32(sm_participant_pid(self)) }
  @inline(__always) var hasLife: Word32 { Word32(sm_participant_has_life(self)) }
  @inline(__always) var startTime: Word64 { Word64(sm_participant_start_time(self)) }
  @inline(__always) var pidNamespace: Word64 { Word64(sm_participant_pid_namespace(self)) }
  @inline(__always) var life: Word32 { Word32(sm_participant_life(self)) }
  @inline(__always) var doorbell: Word32 { Word32(sm_participant_doorbell(self)) }
  @inline(__always) var wanted: Word32 { Word32(sm_participant_wanted(self)) }
}

extension UnsafeMutablePointer<sm_batch> {
  @inline(__always) var owner: Word32 { Word32(sm_batch_owner(self)) }
  @inline(__always) var finished: Word64 { Word64(sm_batch_finished(self)) }
}

extension UnsafeMutablePointer<sm_workstream> {
  @inline(__always) var priority: Word32 { Word32(sm_workstream_priority(self)) }
  @inline(__always) var wounded: Word32 { Word32(sm_workstream_wounded(self)) }
  @inline(__always) var owner: Word32 { Word32(sm_workstream_owner(self)) }
  @inline(__always) var state: Word32 { Word32(sm_workstream_state(self)) }
  @inline(__always) var generation: Word32 { Word32(sm_workstream_generation(self)) }
  @inline(__always) var pid: Word32 { Word32(sm_workstream_pid(self)) }
  @inline(__always) var id: Word64 { Word64(sm_workstream_id(self)) }
  @inline(__always) var nameLength: Word32 { Word32(sm_workstream_name_length(self)) }
  @inline(__always) var hash: Word32 { Word32(sm_workstream_hash(self)) }
  @inline(__always) var inbox: Word32 { Word32(sm_workstream_inbox(self)) }
  @inline(__always) var outcome: Word32 { Word32(sm_workstream_outcome(self)) }
}

extension UnsafeMutablePointer<sm_object> {
  @inline(__always) var rank: Word32 { Word32(sm_object_rank(self)) }
  @inline(__always) var word: Word32 { Word32(sm_object_word(self)) }
  @inline(__always) var guardian: Word32 { Word32(sm_object_guard(self)) }
  @inline(__always) var grants: Word64 { Word64(sm_object_grants(self)) }
  @inline(__always) var cpu: Word32 { Word32(sm_object_cpu(self)) }
  @inline(__always) var head: Word32 { Word32(sm_object_head(self)) }
  /// Nobody stands in line and nobody is to be told of anything.
  @inline(__always) var isAlone: Bool { sm_load64(sm_object_company(self)) == 0 }
  @inline(__always) var tail: Word32 { Word32(sm_object_tail(self)) }
  @inline(__always) var epoch: Word32 { Word32(sm_object_epoch(self)) }
  @inline(__always) var order: Word64 { Word64(sm_object_order(self)) }
  @inline(__always) var woken: Word32 { Word32(sm_object_woken(self)) }
  @inline(__always) var broken: Word32 { Word32(sm_object_broken(self)) }
  @inline(__always) var arrived: Word32 { Word32(sm_object_arrived(self)) }
  @inline(__always) var leader: Word32 { Word32(sm_object_leader(self)) }
  @inline(__always) var watched: Word32 { Word32(sm_object_watched(self)) }
  @inline(__always) var detached: Word64 { Word64(sm_object_detached(self)) }
  @inline(__always) var intent: Word32 { Word32(sm_object_intent(self)) }
  @inline(__always) var intentAmount: Word32 { Word32(sm_object_intent_amount(self)) }
  @inline(__always) var intentWord: Word32 { Word32(sm_object_intent_word(self)) }
  @inline(__always) var intentResult: Word32 { Word32(sm_object_intent_result(self)) }
  @inline(__always) var owner: Word32 { Word32(sm_object_owner(self)) }
  @inline(__always) var state: Word32 { Word32(sm_object_state(self)) }
  @inline(__always) var type: Word32 { Word32(sm_object_type(self)) }
  @inline(__always) var flags: Word32 { Word32(sm_object_flags(self)) }
  @inline(__always) var count: Word32 { Word32(sm_object_count(self)) }
  @inline(__always) var nameLength: Word32 { Word32(sm_object_name_length(self)) }
  @inline(__always) var hash: Word32 { Word32(sm_object_hash(self)) }
  @inline(__always) var previousWorkstream: Word64 { Word64(sm_object_previous_workstream(self)) }
  @inline(__always) var previousToken: Word64 { Word64(sm_object_previous_token(self)) }
  @inline(__always) var previousPid: Word32 { Word32(sm_object_previous_pid(self)) }
  @inline(__always) var previousSet: Word32 { Word32(sm_object_previous_set(self)) }
  @inline(__always) var valueLength: Word32 { Word32(sm_object_value_length(self)) }
  @inline(__always) var joined: Word32 { Word32(sm_object_joined(self)) }
  @inline(__always) var members: Word32 { Word32(sm_object_members(self)) }
  @inline(__always) var memberCount: Word32 { Word32(sm_object_member_count(self)) }
  @inline(__always) var least: Word32 { Word32(sm_object_least(self)) }
  @inline(__always) var timeout: Word64 { Word64(sm_object_timeout(self)) }
  @inline(__always) var deadline: Word64 { Word64(sm_object_deadline(self)) }
  @inline(__always) var endedAt: Word64 { Word64(sm_object_ended_at(self)) }
}

extension UnsafeMutablePointer<sm_object> {
  var waits: Word64 { Word64(sm_object_waits(self)) }
  var waited: Word64 { Word64(sm_object_waited(self)) }
  var longest: Word64 { Word64(sm_object_longest(self)) }
  var deaths: Word64 { Word64(sm_object_deaths(self)) }
  func bucket(_ index: UInt32) -> Word32 { Word32(sm_object_bucket(self, index)) }
}

extension UnsafeMutablePointer<sm_holding> {
  @inline(__always) var owner: Word32 { Word32(sm_holding_owner(self)) }
  @inline(__always) var state: Word32 { Word32(sm_holding_state(self)) }
  @inline(__always) var workstream: Word32 { Word32(sm_holding_workstream(self)) }
  @inline(__always) var object: Word32 { Word32(sm_holding_object(self)) }
  @inline(__always) var amount: Word32 { Word32(sm_holding_amount(self)) }
  @inline(__always) var index: Word32 { Word32(sm_holding_index(self)) }
  @inline(__always) var waits: Word32 { Word32(sm_holding_waits(self)) }
  @inline(__always) var mark: Word64 { Word64(sm_holding_mark(self)) }
  @inline(__always) var joined: Word32 { Word32(sm_holding_joined(self)) }
  @inline(__always) var token: Word64 { Word64(sm_holding_token(self)) }
  /// The same word, where nothing is granted.
  @inline(__always) var asleepSince: Word64 { token }
  @inline(__always) var lease: Word64 { Word64(sm_holding_lease(self)) }
  @inline(__always) var leaseLength: Word64 { Word64(sm_holding_lease_length(self)) }
}

extension UnsafeMutablePointer<sm_cell> {
  @inline(__always) var state: Word32 { Word32(sm_cell_state(self)) }
  @inline(__always) var object: Word32 { Word32(sm_cell_object(self)) }
  @inline(__always) var holding: Word32 { Word32(sm_cell_holding(self)) }
  @inline(__always) var workstream: Word32 { Word32(sm_cell_workstream(self)) }
  @inline(__always) var amount: Word32 { Word32(sm_cell_amount(self)) }
  @inline(__always) var flags: Word32 { Word32(sm_cell_flags(self)) }
  @inline(__always) var next: Word32 { Word32(sm_cell_next(self)) }
  @inline(__always) var previous: Word32 { Word32(sm_cell_previous(self)) }
  @inline(__always) var order: Word64 { Word64(sm_cell_order(self)) }
  @inline(__always) var since: Word64 { Word64(sm_cell_since(self)) }
  @inline(__always) var ticket: Word64 { Word64(sm_cell_ticket(self)) }
  @inline(__always) var value: Word64 { Word64(sm_cell_value(self)) }
  @inline(__always) var index: Word32 { Word32(sm_cell_index(self)) }
  @inline(__always) var result: Word32 { Word32(sm_cell_result(self)) }
  @inline(__always) var partner: Word32 { Word32(sm_cell_partner(self)) }
  @inline(__always) var partnerSlot: Word32 { Word32(sm_cell_partner_slot(self)) }
  @inline(__always) var signalled: Word32 { Word32(sm_cell_signalled(self)) }
  @inline(__always) var override: Word32 { Word32(sm_cell_override(self)) }
}

extension UnsafeMutablePointer<sm_member> {
  @inline(__always) var owner: Word32 { Word32(sm_member_owner(self)) }
  @inline(__always) var object: Word32 { Word32(sm_member_object(self)) }
  @inline(__always) var next: Word32 { Word32(sm_member_next(self)) }
  @inline(__always) var flags: Word32 { Word32(sm_member_flags(self)) }
  @inline(__always) var order: Word32 { Word32(sm_member_order(self)) }
  @inline(__always) var nameLength: Word32 { Word32(sm_member_name_length(self)) }
  @inline(__always) var hash: Word32 { Word32(sm_member_hash(self)) }
  @inline(__always) var at: Word64 { Word64(sm_member_at(self)) }
}

extension UnsafeMutablePointer<sm_slot> {
  @inline(__always) var tag: Word64 { Word64(sm_slot_tag(self)) }
  @inline(__always) var flags: Word32 { Word32(sm_slot_flags(self)) }
  @inline(__always) var generation: Word32 { Word32(sm_slot_generation(self)) }
  @inline(__always) var presence: Word32 { Word32(sm_slot_presence(self)) }
  /// The number of the attachment that the handle is of.
  @inline(__always) var attachment: UInt32 { presence.load() >> SM_SLOT_BITS }
}

extension UnsafeMutablePointer<sm_thread> {
  @inline(__always) var inside: Word64 { Word64(sm_thread_inside(self)) }
  @inline(__always) var used: Word32 { Word32(sm_thread_used(self)) }
  @inline(__always) var registered: Word32 { Word32(sm_thread_registered(self)) }
}
