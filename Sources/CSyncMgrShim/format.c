#include "sm_layout.h"

/* FNV-1a over every number that two builds must agree on. */
uint64_t sm_format(void) {
  const uint64_t numbers[] = {
      SM_LAYOUT_VERSION,       sizeof(struct sm_header),     sizeof(struct sm_participant),
      sizeof(struct sm_event), sizeof(struct sm_batch),      sizeof(struct sm_workstream),
      sizeof(struct sm_object), sizeof(struct sm_holding),    sizeof(struct sm_cell),
      sm_at_participants(),    sm_at_events(),               sm_at_batches(),
      sm_at_object_names(),   sm_at_workstream_names(),    sm_at_workstreams(),
      sm_at_objects(),         sm_at_holdings(),             sm_at_cells(),
      sm_at_deadlocks(),       sizeof(struct sm_deadlock),   sizeof(struct sm_deadlock_member),
      sm_segment_size(),       SM_BATCH_CELLS,
      offsetof(struct sm_participant, life),  offsetof(struct sm_participant, doorbell),
      offsetof(struct sm_object, intent),     offsetof(struct sm_object, name),
      offsetof(struct sm_object, previous_name), offsetof(struct sm_object, counters),
      offsetof(struct sm_holding, mark),      offsetof(struct sm_holding, owner),
      offsetof(struct sm_cell, order),        offsetof(struct sm_cell, result),
      sizeof(struct sm_member), sm_at_members(), offsetof(struct sm_member, name),
      offsetof(struct sm_object, deadline), offsetof(struct sm_header, members_high),
      offsetof(struct sm_workstream, name),   offsetof(struct sm_header, guard),
      offsetof(struct sm_header, deadlock_guard), offsetof(struct sm_deadlock, members),
      offsetof(struct sm_deadlock_member, name), offsetof(struct sm_object, rank),
      offsetof(struct sm_workstream, wounded),
      sizeof(struct sm_message),              sizeof(struct sm_recipient),
      sm_at_messages(),                       offsetof(struct sm_header, messages_committed),
      offsetof(struct sm_event, detail),      offsetof(struct sm_message, recipients),
      offsetof(struct sm_object, watched),    offsetof(struct sm_participant, wanted),
      offsetof(struct sm_workstream, outcome), sizeof(struct sm_mailbox),
      sizeof(struct sm_chunk),                 sizeof(struct sm_post),
      sm_at_mailboxes(),                         sm_at_chunks(),
      sm_at_heap(),                            offsetof(struct sm_mailbox, waiting),
      offsetof(struct sm_mailbox, visibility),   offsetof(struct sm_post, sender),
      offsetof(struct sm_post, priority),      SM_UNIT,
      offsetof(struct sm_header, heap_guard),  sizeof(struct sm_variables),
      sizeof(struct sm_variable),              offsetof(struct sm_variable, values),
      offsetof(struct sm_mailbox, patterns),   offsetof(struct sm_cell, seen),
      offsetof(struct sm_header, store_path),
      offsetof(struct sm_mailbox, log),        sizeof(struct sm_log),
      sizeof(struct sm_record),                sizeof(struct sm_change),
      sizeof(struct sm_entry),                 offsetof(struct sm_log, waiting),
      offsetof(struct sm_log, durable),        SM_LOG_STEP,
      offsetof(struct sm_log, tickets),
  };
  uint64_t hash = 0xcbf29ce484222325ull;
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    for (int shift = 0; shift < 64; shift += 8)
      hash = (hash ^ ((numbers[i] >> shift) & 255u)) * 0x100000001b3ull;
  return hash;
}
