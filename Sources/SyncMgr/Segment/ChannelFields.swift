import CSyncMgrShim

// The fields of what channels are made of, as words: see sm_channel.h.

extension UnsafeMutablePointer<sm_header> {
  @inline(__always) var heapGuardian: Word32 { Word32(sm_header_heap_guard(self)) }
  @inline(__always) var heapHigh: Word32 { Word32(sm_header_heap_high(self)) }
  @inline(__always) var heapCommitted: Word32 { Word32(sm_header_heap_committed(self)) }
  @inline(__always) var heapHint: Word32 { Word32(sm_header_heap_hint(self)) }
  @inline(__always) var mailboxesCommitted: Word32 { Word32(sm_header_mailboxes_committed(self)) }
  @inline(__always) var channels: Word32 { Word32(sm_header_channels(self)) }
}

extension UnsafeMutablePointer<sm_chunk> {
  @inline(__always) var state: Word32 { Word32(sm_chunk_state(self)) }
  @inline(__always) var units: Word32 { Word32(sm_chunk_units(self)) }
  @inline(__always) var hands: Word32 { Word32(sm_chunk_hands(self)) }
  @inline(__always) var owner: Word32 { Word32(sm_chunk_owner(self)) }
  @inline(__always) var references: Word32 { Word32(sm_chunk_references(self)) }
  @inline(__always) var object: Word32 { Word32(sm_chunk_object(self)) }
  @inline(__always) var size: Word64 { Word64(sm_chunk_size(self)) }
}

extension UnsafeMutablePointer<sm_mailbox> {
  @inline(__always) var memory: Word32 { Word32(sm_mailbox_memory(self)) }
  @inline(__always) var capacity: Word32 { Word32(sm_mailbox_capacity(self)) }
  @inline(__always) var stride: Word32 { Word32(sm_mailbox_stride(self)) }
  @inline(__always) var mask: Word32 { Word32(sm_mailbox_mask(self)) }
  @inline(__always) var levels: Word32 { Word32(sm_mailbox_levels(self)) }
  @inline(__always) var role: Word32 { Word32(sm_mailbox_role(self)) }
  @inline(__always) var channel: Word32 { Word32(sm_mailbox_channel(self)) }
  @inline(__always) var owner: Word32 { Word32(sm_mailbox_owner(self)) }
  @inline(__always) var serial: Word64 { Word64(sm_mailbox_serial(self)) }
  @inline(__always) var asked: Word32 { Word32(sm_mailbox_asked(self)) }
  @inline(__always) var holding: Word32 { Word32(sm_mailbox_holding(self)) }
  @inline(__always) var shut: Word32 { Word32(sm_mailbox_shut(self)) }
  @inline(__always) var next: Word32 { Word32(sm_mailbox_next(self)) }
  @inline(__always) var failed: Word32 { Word32(sm_mailbox_failed(self)) }
  @inline(__always) var sendGuardian: Word32 { Word32(sm_mailbox_send_guard(self)) }
  @inline(__always) var hint: Word32 { Word32(sm_mailbox_hint(self)) }
  @inline(__always) var claimed: Word32 { Word32(sm_mailbox_claimed(self)) }
  @inline(__always) var seen: Word32 { Word32(sm_mailbox_seen(self)) }
  @inline(__always) var sequence: Word64 { Word64(sm_mailbox_sequence(self)) }
  @inline(__always) var dropped: Word64 { Word64(sm_mailbox_dropped(self)) }
  @inline(__always) var guardian: Word32 { Word32(sm_mailbox_guard(self)) }
  @inline(__always) var released: Word32 { Word32(sm_mailbox_released(self)) }
  @inline(__always) var returned: Word32 { Word32(sm_mailbox_returned(self)) }
  @inline(__always) var taken: Word32 { Word32(sm_mailbox_taken(self)) }
  @inline(__always) var received: Word64 { Word64(sm_mailbox_received(self)) }
  @inline(__always) var due: Word64 { Word64(sm_mailbox_due(self)) }
  @inline(__always) var expired: Word64 { Word64(sm_mailbox_expired(self)) }
  @inline(__always) var told: Word64 { Word64(sm_mailbox_told(self)) }
  @inline(__always) var undelivered: Word64 { Word64(sm_mailbox_undelivered(self)) }
  @inline(__always) var kind: Word32 { Word32(sm_mailbox_kind(self)) }
  @inline(__always) var overflow: Word32 { Word32(sm_mailbox_overflow(self)) }
  @inline(__always) var inlineSize: Word32 { Word32(sm_mailbox_inline_size(self)) }
  @inline(__always) var history: Word32 { Word32(sm_mailbox_history(self)) }
  @inline(__always) var maxDeliveries: Word32 { Word32(sm_mailbox_max_deliveries(self)) }
  @inline(__always) var deadLetters: Word32 { Word32(sm_mailbox_dead_letters(self)) }
  @inline(__always) var visibility: Word64 { Word64(sm_mailbox_visibility(self)) }
  @inline(__always) var first: Word32 { Word32(sm_mailbox_first(self)) }
  @inline(__always) var past: Word32 { Word32(sm_mailbox_past(self)) }
  @inline(__always) var retained: Word32 { Word32(sm_mailbox_retained(self)) }
  @inline(__always) var patterns: Word32 { Word32(sm_mailbox_patterns(self)) }
  /// The same word, of a channel that keeps cells.
  @inline(__always) var variables: Word32 { patterns }
  @inline(__always) var version: Word64 { Word64(sm_mailbox_version(self)) }
  @inline(__always) var committing: Word64 { Word64(sm_mailbox_committing(self)) }
  @inline(__always) var log: Word32 { Word32(sm_mailbox_log(self)) }
  @inline(__always) var dead: Word32 { Word32(sm_mailbox_dead(self)) }
  @inline(__always) var cpu: Word32 { Word32(sm_mailbox_cpu(self)) }
  @inline(__always) var served: Word32 { Word32(sm_mailbox_served(self)) }
  @inline(__always) var perishable: Word32 { Word32(sm_mailbox_perishable(self)) }
  @inline(__always) var mover: Word32 { Word32(sm_mailbox_mover(self)) }
  @inline(__always) var waiting: Word32 { Word32(sm_mailbox_waiting(self)) }
  @inline(__always) var headSeen: Word64 { Word64(sm_mailbox_head_seen(self)) }
  @inline(__always) var expected: Word32 { Word32(sm_mailbox_expected(self)) }
  @inline(__always) func tail(_ level: UInt32) -> Word64 { Word64(sm_mailbox_tail(self, level)) }
  @inline(__always) func head(_ level: UInt32) -> Word64 { Word64(sm_mailbox_head(self, level)) }
  @inline(__always) func tailSeen(_ level: UInt32) -> Word64 {
    Word64(sm_mailbox_tail_seen(self, level))
  }
}

extension UnsafeMutablePointer<sm_post> {
  @inline(__always) var state: Word32 { Word32(sm_post_state(self)) }
  @inline(__always) var taker: Word32 { Word32(sm_post_taker(self)) }
  @inline(__always) var deliveries: Word32 { Word32(sm_post_deliveries(self)) }
  @inline(__always) var chunk: Word32 { Word32(sm_post_chunk(self)) }
  @inline(__always) var place: Word64 { Word64(sm_post_place(self)) }
  @inline(__always) var due: Word64 { Word64(sm_post_due(self)) }
  @inline(__always) var expires: Word64 { Word64(sm_post_expires(self)) }
  @inline(__always) var sequence: Word64 { Word64(sm_post_sequence(self)) }
  @inline(__always) var flags: Word32 { Word32(sm_post_flags(self)) }
  @inline(__always) var sender: Word64 { Word64(sm_post_sender(self)) }
  @inline(__always) var name: UnsafeMutablePointer<UInt8> { sm_post_name(self) }

  /// When its time is over (monotonic ns); 0: never.
  @inline(__always) var end: UInt64 {
    flags.load() & SM_POST_PLAIN != 0 ? 0 : expires.load()
  }
}

extension UnsafeMutablePointer<sm_patterns> {
  @inline(__always) var capacity: Word32 { Word32(sm_patterns_capacity(self)) }
  @inline(__always) var used: Word32 { Word32(sm_patterns_used(self)) }
  func log(_ version: UInt64) -> Word32 { Word32(sm_patterns_log(self, version)) }
}

extension UnsafeMutablePointer<sm_pattern> {
  @inline(__always) var mailbox: Word32 { Word32(sm_pattern_mailbox(self)) }
  @inline(__always) var length: Word32 { Word32(sm_pattern_length(self)) }
  @inline(__always) var serial: Word64 { Word64(sm_pattern_serial(self)) }
  var text: UnsafeMutablePointer<UInt8> { sm_pattern_text(self) }
}

extension UnsafeMutablePointer<sm_variables> {
  @inline(__always) var capacity: Word32 { Word32(sm_variables_capacity(self)) }
  @inline(__always) var used: Word32 { Word32(sm_variables_used(self)) }
  @inline(__always) var mask: Word32 { Word32(sm_variables_mask(self)) }
  @inline(__always) var room: Word32 { Word32(sm_variables_room(self)) }
  @inline(__always) var free: Word32 { Word32(sm_variables_free(self)) }
  @inline(__always) var cursor: Word32 { Word32(sm_variables_cursor(self)) }
}

extension UnsafeMutablePointer<sm_variable> {
  @inline(__always) var version: Word64 { Word64(sm_variable_version(self)) }
  @inline(__always) var begun: Word64 { Word64(sm_variable_begun(self)) }
  @inline(__always) var hash: Word32 { Word32(sm_variable_hash(self)) }
  @inline(__always) var length: Word32 { Word32(sm_variable_length(self)) }
  @inline(__always) var role: Word32 { Word32(sm_variable_role(self)) }
  @inline(__always) var waiting: Word32 { Word32(sm_variable_waiting(self)) }
  @inline(__always) var key: UnsafeMutablePointer<UInt8> { sm_variable_key(self) }
  /// The value of this version, or the one that it takes the place of.
  @inline(__always) func value(_ version: UInt64) -> UnsafeMutablePointer<sm_value> {
    sm_variable_value(self, version)
  }
}

extension UnsafeMutablePointer<sm_value> {
  @inline(__always) var memory: Word32 { Word32(sm_value_memory(self)) }
  @inline(__always) var type: Word32 { Word32(sm_value_type(self)) }
  @inline(__always) var length: Word64 { Word64(sm_value_length(self)) }
}
