/* The addresses of the shared fields. */
#ifndef SM_FIELDS_H
#define SM_FIELDS_H

#include "sm_layout.h"

/* Swift is not to look for NULL where there is none. */
#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

/* One accessor per shared word: Swift names the field, C finds the address. */
#define SM_FIELD(type, field, bits)                                                               \
  SM_INLINE uint##bits##_t *sm_##type##_##field(struct sm_##type *at) {                           \
    return (uint##bits##_t *)&at->field;                                                          \
  }

#define SM_COUNTER(field)                                                                         \
  SM_INLINE uint64_t *sm_object_##field(struct sm_object *at) { return &at->counters.field; }

SM_FIELD(header, guard, 32)
SM_FIELD(header, membership, 32)
SM_FIELD(header, wanted, 32)
SM_FIELD(header, news, 32)
SM_FIELD(header, participants_high, 32)
SM_FIELD(header, workstreams_high, 32)
SM_FIELD(header, objects_high, 32)
SM_FIELD(header, holdings_high, 32)
SM_FIELD(header, batches_high, 32)
SM_FIELD(header, workstreams_committed, 32)
SM_FIELD(header, objects_committed, 32)
SM_FIELD(header, holdings_committed, 32)
SM_FIELD(header, batches_committed, 32)
SM_FIELD(header, workstreams_hint, 32)
SM_FIELD(header, objects_hint, 32)
SM_FIELD(header, holdings_hint, 32)
SM_FIELD(header, serial, 64)
SM_FIELD(header, events_next, 64)
SM_FIELD(header, message_serial, 64)
SM_FIELD(header, events_guard, 32)
SM_FIELD(header, events_committed, 32)
SM_FIELD(header, messages_high, 32)
SM_FIELD(header, messages_committed, 32)
SM_FIELD(header, lease_next, 64)
SM_FIELD(header, flags, 32)
SM_FIELD(header, deadlock_guard, 32)
SM_FIELD(header, deadlock_flags, 32)
SM_FIELD(header, deadlock_victim, 32)
SM_FIELD(header, deadlocks_high, 32)
SM_FIELD(header, deadlocks_committed, 32)
SM_FIELD(header, deadlock_delay, 64)
SM_FIELD(header, deadlock_interval, 64)
SM_FIELD(header, deadlock_limit, 64)
SM_FIELD(header, deadlock_covered, 64)
SM_FIELD(header, deadlock_next, 64)
SM_FIELD(header, deadlock_serial, 64)
SM_FIELD(header, deadlock_searches, 64)
SM_FIELD(header, deadlocks_found, 64)
SM_FIELD(header, deadlocks_resolved, 64)
SM_FIELD(header, members_high, 32)
SM_FIELD(header, members_committed, 32)
SM_FIELD(header, members_hint, 32)
SM_FIELD(header, sync_points, 32)

SM_FIELD(participant, id, 32)
SM_FIELD(participant, generation, 32)
SM_FIELD(participant, recoverer, 32)
SM_FIELD(participant, pid, 32)
SM_FIELD(participant, has_life, 32)
SM_FIELD(participant, start_time, 64)
SM_FIELD(participant, pid_namespace, 64)
SM_FIELD(participant, life, 32)
SM_FIELD(participant, doorbell, 32)
SM_FIELD(participant, wanted, 32)

SM_FIELD(batch, owner, 32)
SM_FIELD(batch, finished, 64)

SM_FIELD(workstream, owner, 32)
SM_FIELD(workstream, state, 32)
SM_FIELD(workstream, generation, 32)
SM_FIELD(workstream, pid, 32)
SM_FIELD(workstream, id, 64)
SM_FIELD(workstream, name_length, 32)
SM_FIELD(workstream, hash, 32)
SM_FIELD(workstream, priority, 32)
SM_FIELD(workstream, wounded, 32)
SM_FIELD(workstream, inbox, 32)
SM_FIELD(workstream, outcome, 32)

SM_FIELD(object, word, 32)
SM_FIELD(object, guard, 32)
SM_FIELD(object, grants, 64)
SM_FIELD(object, cpu, 32)
SM_FIELD(object, head, 32)
/* `head` and `watched` in one load. */
SM_INLINE uint64_t *sm_object_company(struct sm_object *at) {
  return (uint64_t *)(void *)&at->head;
}
SM_FIELD(object, tail, 32)
SM_FIELD(object, epoch, 32)
SM_FIELD(object, order, 64)
SM_FIELD(object, woken, 32)
SM_FIELD(object, broken, 32)
SM_FIELD(object, arrived, 32)
SM_FIELD(object, leader, 32)
SM_FIELD(object, watched, 32)
SM_FIELD(object, detached, 64)
SM_FIELD(object, intent, 32)
SM_FIELD(object, intent_amount, 32)
SM_FIELD(object, intent_word, 32)
SM_FIELD(object, intent_result, 32)
SM_FIELD(object, owner, 32)
SM_FIELD(object, state, 32)
SM_FIELD(object, type, 32)
SM_FIELD(object, flags, 32)
SM_FIELD(object, count, 32)
SM_FIELD(object, name_length, 32)
SM_FIELD(object, hash, 32)
SM_FIELD(object, previous_workstream, 64)
SM_FIELD(object, previous_token, 64)
SM_FIELD(object, previous_pid, 32)
SM_FIELD(object, previous_set, 32)
SM_FIELD(object, value_length, 32)
SM_FIELD(object, joined, 32)
SM_FIELD(object, rank, 32)
SM_FIELD(object, members, 32)
SM_FIELD(object, member_count, 32)
SM_FIELD(object, least, 32)
SM_FIELD(object, timeout, 64)
SM_FIELD(object, deadline, 64)
SM_FIELD(object, ended_at, 64)

SM_COUNTER(waits)
SM_COUNTER(waited)
SM_COUNTER(longest)
SM_COUNTER(deaths)
SM_INLINE uint32_t *sm_object_bucket(struct sm_object *at, uint32_t index) {
  return &at->counters.histogram[index < SM_BUCKETS ? index : SM_BUCKETS - 1];
}

SM_FIELD(holding, owner, 32)
SM_FIELD(holding, state, 32)
SM_FIELD(holding, workstream, 32)
SM_FIELD(holding, object, 32)
SM_FIELD(holding, amount, 32)
SM_FIELD(holding, index, 32)
SM_FIELD(holding, waits, 32)
SM_FIELD(holding, mark, 64)
SM_FIELD(holding, joined, 32)
SM_FIELD(holding, token, 64)
SM_FIELD(holding, lease, 64)
SM_FIELD(holding, lease_length, 64)

SM_FIELD(cell, state, 32)
SM_FIELD(cell, object, 32)
SM_FIELD(cell, holding, 32)
SM_FIELD(cell, workstream, 32)
SM_FIELD(cell, amount, 32)
SM_FIELD(cell, flags, 32)
SM_FIELD(cell, next, 32)
SM_FIELD(cell, previous, 32)
SM_FIELD(cell, order, 64)
SM_FIELD(cell, since, 64)
SM_FIELD(cell, ticket, 64)
SM_FIELD(cell, value, 64)
SM_FIELD(cell, index, 32)
SM_FIELD(cell, result, 32)
SM_FIELD(cell, partner, 32)
SM_FIELD(cell, partner_slot, 32)
SM_FIELD(cell, signalled, 32)
SM_FIELD(cell, override, 32)
SM_FIELD(cell, seen, 64)

SM_FIELD(deadlock, state, 32)
SM_FIELD(deadlock, kind, 32)
SM_FIELD(deadlock, algorithm, 32)
SM_FIELD(deadlock, policy, 32)
SM_FIELD(deadlock, resolution, 32)
SM_FIELD(deadlock, count, 32)
SM_FIELD(deadlock, total, 32)
SM_FIELD(deadlock, victim_pid, 32)
SM_FIELD(deadlock, id, 64)
SM_FIELD(deadlock, identity, 64)
SM_FIELD(deadlock, found, 64)
SM_FIELD(deadlock, ended, 64)
SM_FIELD(deadlock, victim, 64)

SM_FIELD(deadlock_member, workstream, 64)
SM_FIELD(deadlock_member, holder, 64)
SM_FIELD(deadlock_member, order, 64)
SM_FIELD(deadlock_member, pid, 32)
SM_FIELD(deadlock_member, holder_pid, 32)
SM_FIELD(deadlock_member, type, 32)
SM_FIELD(deadlock_member, relation, 32)
SM_FIELD(deadlock_member, place, 32)
SM_FIELD(deadlock_member, owner, 32)

SM_FIELD(member, owner, 32)
SM_FIELD(member, object, 32)
SM_FIELD(member, next, 32)
SM_FIELD(member, flags, 32)
SM_FIELD(member, order, 32)
SM_FIELD(member, name_length, 32)
SM_FIELD(member, hash, 32)
SM_FIELD(member, at, 64)

SM_FIELD(slot, tag, 64)
SM_FIELD(slot, generation, 32)
SM_FIELD(slot, flags, 32)
SM_FIELD(slot, presence, 32)

SM_FIELD(thread, inside, 64)
SM_FIELD(thread, used, 32)
SM_FIELD(thread, registered, 32)

SM_INLINE uint8_t *sm_header_store_path(struct sm_header *at) { return at->store_path; }
SM_INLINE uint8_t *sm_object_name(struct sm_object *at) { return at->name; }
SM_INLINE uint8_t *sm_object_previous_name(struct sm_object *at) { return at->previous_name; }
SM_INLINE uint8_t *sm_object_value(struct sm_object *at) { return at->value; }
SM_INLINE uint8_t *sm_workstream_name(struct sm_workstream *at) { return at->name; }
SM_INLINE uint8_t *sm_member_name(struct sm_member *at) { return at->name; }
SM_INLINE struct sm_deadlock_member *sm_deadlock_members(struct sm_deadlock *at) {
  return at->members;
}
SM_INLINE uint8_t *sm_deadlock_member_name(struct sm_deadlock_member *at) { return at->name; }
SM_INLINE uint8_t *sm_deadlock_member_object_name(struct sm_deadlock_member *at) {
  return at->object_name;
}
SM_INLINE uint8_t *sm_deadlock_member_other_name(struct sm_deadlock_member *at) {
  return at->other_name;
}

SM_FIELD(header, heap_guard, 32)
SM_FIELD(header, heap_high, 32)
SM_FIELD(header, heap_committed, 32)
SM_FIELD(header, heap_hint, 32)
SM_FIELD(header, mailboxes_committed, 32)
SM_FIELD(header, channels, 32)
SM_FIELD(chunk, state, 32)
SM_FIELD(chunk, units, 32)
SM_FIELD(chunk, hands, 32)
SM_FIELD(chunk, owner, 32)
SM_FIELD(chunk, references, 32)
SM_FIELD(chunk, object, 32)
SM_FIELD(chunk, size, 64)

SM_FIELD(mailbox, memory, 32)
SM_FIELD(mailbox, log, 32)
SM_FIELD(mailbox, committing, 64)
SM_FIELD(mailbox, capacity, 32)
SM_FIELD(mailbox, stride, 32)
SM_FIELD(mailbox, mask, 32)
SM_FIELD(mailbox, levels, 32)
SM_FIELD(mailbox, role, 32)
SM_FIELD(mailbox, channel, 32)
SM_FIELD(mailbox, owner, 32)
SM_FIELD(mailbox, serial, 64)
SM_FIELD(mailbox, asked, 32)
SM_FIELD(mailbox, holding, 32)
SM_FIELD(mailbox, shut, 32)
SM_FIELD(mailbox, next, 32)
SM_FIELD(mailbox, failed, 32)
SM_FIELD(mailbox, send_guard, 32)
SM_FIELD(mailbox, hint, 32)
SM_FIELD(mailbox, claimed, 32)
SM_FIELD(mailbox, seen, 32)
SM_FIELD(mailbox, sequence, 64)
SM_FIELD(mailbox, dropped, 64)
SM_FIELD(mailbox, guard, 32)
SM_FIELD(mailbox, released, 32)
SM_FIELD(mailbox, returned, 32)
SM_FIELD(mailbox, taken, 32)
SM_FIELD(mailbox, received, 64)
SM_FIELD(mailbox, due, 64)
SM_FIELD(mailbox, expired, 64)
SM_FIELD(mailbox, told, 64)
SM_FIELD(mailbox, undelivered, 64)
SM_FIELD(mailbox, kind, 32)
SM_FIELD(mailbox, overflow, 32)
SM_FIELD(mailbox, inline_size, 32)
SM_FIELD(mailbox, history, 32)
SM_FIELD(mailbox, max_deliveries, 32)
SM_FIELD(mailbox, dead_letters, 32)
SM_FIELD(mailbox, visibility, 64)
SM_FIELD(mailbox, first, 32)
SM_FIELD(mailbox, past, 32)
SM_FIELD(mailbox, retained, 32)
SM_FIELD(mailbox, patterns, 32)
SM_FIELD(mailbox, version, 64)
SM_FIELD(mailbox, waiting, 32)
SM_FIELD(mailbox, dead, 32)
SM_FIELD(mailbox, mover, 32)
SM_FIELD(mailbox, cpu, 32)
SM_FIELD(mailbox, perishable, 32)
SM_FIELD(mailbox, served, 32)
SM_FIELD(mailbox, head_seen, 64)
SM_FIELD(mailbox, expected, 32)
SM_INLINE uint64_t *sm_mailbox_tail(struct sm_mailbox *at, uint32_t level) {
  return &at->tails[level % SM_LEVELS];
}
SM_INLINE uint64_t *sm_mailbox_head(struct sm_mailbox *at, uint32_t level) {
  return &at->heads[level % SM_LEVELS];
}
SM_INLINE uint64_t *sm_mailbox_tail_seen(struct sm_mailbox *at, uint32_t level) {
  return &at->tails_seen[level % SM_LEVELS];
}

SM_FIELD(patterns, capacity, 32)
SM_FIELD(patterns, used, 32)
SM_INLINE uint32_t *sm_patterns_log(struct sm_patterns *at, uint64_t version) {
  return &at->log[version % SM_PATTERN_LOG];
}
SM_FIELD(pattern, mailbox, 32)
SM_FIELD(pattern, length, 32)
SM_FIELD(pattern, serial, 64)
SM_INLINE uint8_t *sm_pattern_text(struct sm_pattern *at) { return at->text; }

SM_FIELD(variables, capacity, 32)
SM_FIELD(variables, used, 32)
SM_FIELD(variables, mask, 32)
SM_FIELD(variables, room, 32)
SM_FIELD(variable, version, 64)
SM_FIELD(variable, begun, 64)
SM_FIELD(variable, hash, 32)
SM_FIELD(variable, length, 32)
SM_FIELD(variable, role, 32)
SM_FIELD(variable, waiting, 32)
SM_INLINE uint8_t *sm_variable_key(struct sm_variable *at) { return at->key; }
SM_INLINE struct sm_value *sm_variable_value(struct sm_variable *at, uint64_t version) {
  return &at->values[version & 1];
}
SM_FIELD(value, memory, 32)
SM_FIELD(value, type, 32)
SM_FIELD(value, length, 64)

SM_FIELD(post, state, 32)
SM_FIELD(post, taker, 32)
SM_FIELD(post, deliveries, 32)
SM_FIELD(post, chunk, 32)
SM_FIELD(post, place, 64)
SM_FIELD(post, due, 64)
SM_FIELD(post, expires, 64)
SM_FIELD(post, sequence, 64)
SM_FIELD(post, flags, 32)
SM_FIELD(post, sender, 64)
SM_INLINE uint8_t *sm_post_name(struct sm_post *at) { return at->name; }

SM_FIELD(event, sequence, 64)
SM_FIELD(event, time, 64)
SM_FIELD(event, wall, 64)
SM_FIELD(event, workstream, 64)
SM_FIELD(event, value, 64)
SM_FIELD(event, message, 64)
SM_FIELD(event, recipient, 64)
SM_FIELD(event, expires, 64)
SM_FIELD(event, kind, 32)
SM_FIELD(event, priority, 32)
SM_FIELD(event, type, 32)
SM_FIELD(event, object, 32)
SM_FIELD(event, recipient_owner, 32)
SM_FIELD(event, pid, 32)

SM_FIELD(recipient, workstream, 64)
SM_FIELD(recipient, owner, 32)
SM_FIELD(recipient, status, 32)
SM_FIELD(recipient, pid, 32)

SM_FIELD(message, id, 64)
SM_FIELD(message, time, 64)
SM_FIELD(message, wall, 64)
SM_FIELD(message, expires, 64)
SM_FIELD(message, sender, 64)
SM_FIELD(message, owner, 32)
SM_FIELD(message, state, 32)
SM_FIELD(message, kind, 32)
SM_FIELD(message, priority, 32)
SM_FIELD(message, flags, 32)
SM_FIELD(message, count, 32)
SM_FIELD(message, pid, 32)

SM_INLINE uint32_t *sm_event_counts(struct sm_event *at) { return at->counts; }
SM_INLINE uint8_t *sm_event_name(struct sm_event *at) { return at->name; }
SM_INLINE uint8_t *sm_event_object_name(struct sm_event *at) { return at->object_name; }
SM_INLINE uint8_t *sm_event_text(struct sm_event *at) { return at->text; }
SM_INLINE uint8_t *sm_event_detail(struct sm_event *at) { return at->detail; }
SM_INLINE uint8_t *sm_recipient_name(struct sm_recipient *at) { return at->name; }
SM_INLINE uint8_t *sm_message_name(struct sm_message *at) { return at->name; }
SM_INLINE uint8_t *sm_message_text(struct sm_message *at) { return at->text; }
SM_INLINE uint8_t *sm_message_detail(struct sm_message *at) { return at->detail; }
SM_INLINE struct sm_recipient *sm_message_recipient(struct sm_message *at, uint32_t index) {
  return &at->recipients[index % SM_RECIPIENTS];
}

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
