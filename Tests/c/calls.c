#include "calls.h"

#include <stdio.h>
#include <string.h>

/* The output begins with whatever single value the function writes; the rest is spare room. */
static char snapshot_buffer[1 << 20];

static void ignore_notice(const syncmgr_notice_t *notice, void *user) {
  (void)notice;
  (void)user;
}

CALL(close, handle)
CALL(cleanup, handle, OUTPUT)
CALL(check, handle)
/* Its length is an output of failures too: a buffer that it fits in leaves nothing to fail. */
CALL(snapshot_json, handle, 0, snapshot_buffer, sizeof snapshot_buffer, OUTPUT)
CALL(url, handle, snapshot_buffer, sizeof snapshot_buffer, OUTPUT)
CALL(object_remove, handle, SYNCMGR_TYPE_MUTEX, "never-made")
CALL(workstream_open, handle, NULL, OUTPUT)
CALL(queue_open, handle, 0, -1, OUTPUT)
CALL(on, handle, SYNCMGR_NOTICE_ALL, ignore_notice, NULL, NULL, OUTPUT)
CALL(subscribe, handle, NULL, ignore_notice, NULL, NULL, OUTPUT)
CALL(notification_status, handle, 1, OUTPUT, 1, SECOND_OUTPUT)
CALL(dispatch, handle, context->timeout_ns)

CALL(deadlock_configure, handle, NULL)
CALL(deadlock_detect, handle, SYNCMGR_DETECT_WAIT_FOR_GRAPH, OUTPUT)
CALL(deadlock_list, handle, NULL, 0, OUTPUT)
CALL(deadlock_members, handle, 1, NULL, 0, OUTPUT)
CALL(deadlock_text, handle, 1, NULL, 0, OUTPUT)
CALL(deadlock_resolve, handle, 1, SYNCMGR_VICTIM_YOUNGEST)
CALL(deadlock_clear, handle, OUTPUT)
CALL(deadlock_counts, handle, OUTPUT)
CALL(prevention_configure, handle, NULL)
CALL(object_set_rank, handle, SYNCMGR_TYPE_MUTEX, "never-made", 1)

CALL(workstream_close, handle)
CALL(workstream_name, handle, OUTPUT, 256)
CALL(workstream_id, handle, OUTPUT)
CALL(workstream_set_priority, handle, 1)
CALL(resource_open, handle, "resource", 2, OUTPUT)
CALL(workstream_complete, handle, NULL)
CALL(workstream_fail, handle, NULL)
CALL(notify, handle, "nobody", NULL, NULL, NULL, OUTPUT)
CALL(inbox_next, handle, context->timeout_ns, OUTPUT)
CALL(inbox_next_start, handle, context->timeout_ns, context->queue, 7, OUTPUT, SECOND_OUTPUT)
CALL(notification_read, handle, 1)
CALL(mutex_open, handle, "mutex", NULL, OUTPUT)
CALL(semaphore_open, handle, "semaphore", 2, NULL, OUTPUT)
CALL(latch_open, handle, "latch", 1, OUTPUT)
CALL(barrier_open, handle, "barrier", 2, NULL, OUTPUT)
CALL(event_open, handle, "event", NULL, OUTPUT)
CALL(rwlock_open, handle, "rwlock", NULL, OUTPUT)
CALL(condition_open, handle, "condition", OUTPUT)
CALL(election_open, handle, "election", OUTPUT)
CALL(sync_point_open, handle, "sync point", "nobody", NULL, NULL, OUTPUT)

CALL(resource_close, handle)
CALL(resource_declare, handle, 1)
CALL(resource_request, handle, 1)
CALL(resource_allocate, handle, 1)
CALL(resource_release, handle, 1)
CALL(resource_cancel, handle)
CALL(resource_available, handle, OUTPUT)
CALL(resource_holders, handle, NULL, 0, OUTPUT)

CALL(queue_close, handle)
CALL(queue_fd, handle, OUTPUT)
CALL(queue_drain, handle, OUTPUT, 1, SECOND_OUTPUT)
CALL(queue_watch, handle, SYNCMGR_NOTICE_ALL, 7)
CALL(queue_filter, handle, 0, NULL, NULL)
CALL(queue_notices, handle, OUTPUT, 1, SECOND_OUTPUT)

CALL(ticket_wait, handle, context->timeout_ns, OUTPUT)
CALL(ticket_cancel, handle)

CALL(mutex_close, handle)
CALL(mutex_lock, handle, context->timeout_ns)
CALL(mutex_lock_start, handle, context->timeout_ns, context->queue, 7, OUTPUT)
CALL(mutex_unlock, handle)
CALL(mutex_token, handle, OUTPUT)
CALL(mutex_is_valid, handle, 1)
CALL(mutex_held_by, handle, OUTPUT)
CALL(mutex_previous_owner, handle, OUTPUT)
CALL(mutex_force_release, handle)
CALL(mutex_fastpath, handle, OUTPUT)

CALL(semaphore_close, handle)
CALL(semaphore_acquire, handle, 1, context->timeout_ns)
CALL(semaphore_acquire_start, handle, 2, context->timeout_ns, context->queue, 7, OUTPUT)
CALL(semaphore_release, handle, 1)
CALL(semaphore_available, handle, OUTPUT)
CALL(semaphore_held, handle, OUTPUT)
CALL(semaphore_holders, handle, OUTPUT, 2, SECOND_OUTPUT)

CALL(latch_close, handle)
CALL(latch_count_down, handle, 2, OUTPUT)
CALL(latch_wait, handle, context->timeout_ns)
CALL(latch_wait_start, handle, context->timeout_ns, context->queue, 7, OUTPUT)
CALL(latch_count, handle, OUTPUT)

CALL(barrier_close, handle)
CALL(barrier_wait, handle, context->timeout_ns, OUTPUT, SECOND_OUTPUT)
CALL(barrier_wait_start, handle, context->timeout_ns, context->queue, 7, OUTPUT, SECOND_OUTPUT)
CALL(barrier_arrive, handle, OUTPUT)
CALL(barrier_release, handle)
CALL(barrier_abort, handle)
CALL(barrier_reset, handle)
CALL(barrier_state, handle, OUTPUT)
CALL(barrier_join, handle)
CALL(barrier_leave, handle)

CALL(rwlock_close, handle)
CALL(rwlock_lock, handle, SYNCMGR_EXCLUSIVE, context->timeout_ns)
CALL(rwlock_lock_start, handle, SYNCMGR_SHARED, context->timeout_ns, context->queue, 7, OUTPUT)
CALL(rwlock_unlock, handle)
CALL(rwlock_upgrade, handle, context->timeout_ns)
CALL(rwlock_upgrade_start, handle, context->timeout_ns, context->queue, 7, OUTPUT)
CALL(rwlock_downgrade, handle)
CALL(rwlock_token, handle, OUTPUT)
CALL(rwlock_is_valid, handle, 1)
CALL(rwlock_holders, handle, OUTPUT, 2, SECOND_OUTPUT)
CALL(rwlock_previous_owner, handle, OUTPUT)
CALL(rwlock_force_release, handle)

CALL(condition_close, handle)
CALL(condition_wait, handle, context->mutex, context->timeout_ns)
CALL(condition_wait_start, handle, context->mutex, context->timeout_ns, context->queue, 7, OUTPUT)
CALL(condition_signal, handle, 1, OUTPUT)
CALL(condition_broadcast, handle, OUTPUT)
CALL(condition_waiting, handle, OUTPUT)

CALL(election_close, handle)
CALL(election_campaign, handle, context->timeout_ns, OUTPUT)
CALL(election_campaign_start, handle, context->timeout_ns, context->queue, 7, OUTPUT,
     SECOND_OUTPUT)
CALL(election_resign, handle)
CALL(election_finish, handle, "done", 4)
CALL(election_result, handle, OUTPUT, SYNCMGR_RESULT_MAX, SECOND_OUTPUT)
CALL(election_reset, handle)
CALL(election_leader, handle, OUTPUT)
CALL(election_is_valid, handle, 1)
CALL(election_force_release, handle)

CALL(sync_point_close, handle)
/* Without a result: that is written when it fails, too. */
CALL(sync_point_wait, handle, context->timeout_ns, NULL)
CALL(sync_point_wait_start, handle, context->timeout_ns, context->queue, 7, OUTPUT, SECOND_OUTPUT)
CALL(sync_point_force_complete, handle)
CALL(sync_point_cancel, handle, "a reason")
CALL(sync_point_fail, handle, NULL)
CALL(sync_point_result, handle, OUTPUT)
CALL(sync_point_members, handle, OUTPUT, 2, SECOND_OUTPUT)

CALL(lease_set, handle, SECOND, 0)
CALL(lease_renew, handle)
CALL(lease_remaining, handle, OUTPUT)

CALL(event_close, handle)
CALL(event_set, handle)
CALL(event_reset, handle)
CALL(event_wait, handle, context->timeout_ns)
CALL(event_wait_start, handle, context->timeout_ns, context->queue, 7, OUTPUT)
CALL(event_is_set, handle, OUTPUT)

CALL(off, handle)

static const call_t rows[] = {
    CLOSING(MANAGER, close),
    ROW(MANAGER, cleanup),
    ROW(MANAGER, check),
    ROW(MANAGER, snapshot_json),
    ROW(MANAGER, url),
    ROW(MANAGER, object_remove),
    ROW(MANAGER, workstream_open),
    ROW(MANAGER, queue_open),
    ROW(MANAGER, on),
    ROW(MANAGER, subscribe),
    ROW(MANAGER, notification_status),
    ROW(MANAGER, dispatch),
    CLOSING(WORKSTREAM, workstream_close),
    ROW(WORKSTREAM, workstream_name),
    ROW(WORKSTREAM, workstream_id),
    ROW(WORKSTREAM, workstream_complete),
    ROW(WORKSTREAM, workstream_fail),
    ROW(WORKSTREAM, notify),
    ROW(WORKSTREAM, inbox_next),
    ROW(WORKSTREAM, inbox_next_start),
    ROW(WORKSTREAM, notification_read),
    ROW(WORKSTREAM, mutex_open),
    ROW(WORKSTREAM, semaphore_open),
    ROW(WORKSTREAM, latch_open),
    ROW(WORKSTREAM, barrier_open),
    ROW(WORKSTREAM, event_open),
    ROW(WORKSTREAM, rwlock_open),
    ROW(WORKSTREAM, condition_open),
    ROW(WORKSTREAM, election_open),
    ROW(WORKSTREAM, sync_point_open),
    CLOSING(QUEUE, queue_close),
    ROW(QUEUE, queue_fd),
    ROW(QUEUE, queue_drain),
    ROW(QUEUE, queue_watch),
    ROW(QUEUE, queue_filter),
    ROW(QUEUE, queue_notices),
    ROW(TICKET, ticket_wait),
    {"syncmgr_ticket_cancel", TICKET, true, false, run_ticket_cancel, false},
    CLOSING(MUTEX, mutex_close),
    ROW(MUTEX, mutex_lock),
    ROW(MUTEX, mutex_lock_start),
    ROW(MUTEX, mutex_unlock),
    ROW(MUTEX, mutex_token),
    ROW(MUTEX, mutex_is_valid),
    ROW(MUTEX, mutex_held_by),
    ROW(MUTEX, mutex_previous_owner),
    ROW(MUTEX, mutex_force_release),
    ROW(MUTEX, mutex_fastpath),
    OF_ANY_LOCK(lease_set),
    OF_ANY_LOCK(lease_renew),
    OF_ANY_LOCK(lease_remaining),
    CLOSING(SEMAPHORE, semaphore_close),
    ROW(SEMAPHORE, semaphore_acquire),
    ROW(SEMAPHORE, semaphore_acquire_start),
    ROW(SEMAPHORE, semaphore_release),
    ROW(SEMAPHORE, semaphore_available),
    ROW(SEMAPHORE, semaphore_held),
    ROW(SEMAPHORE, semaphore_holders),
    CLOSING(LATCH, latch_close),
    ROW(LATCH, latch_count_down),
    ROW(LATCH, latch_wait),
    ROW(LATCH, latch_wait_start),
    ROW(LATCH, latch_count),
    CLOSING(BARRIER, barrier_close),
    ROW(BARRIER, barrier_wait),
    ROW(BARRIER, barrier_wait_start),
    ROW(BARRIER, barrier_arrive),
    ROW(BARRIER, barrier_release),
    ROW(BARRIER, barrier_abort),
    ROW(BARRIER, barrier_reset),
    ROW(BARRIER, barrier_state),
    ROW(BARRIER, barrier_join),
    ROW(BARRIER, barrier_leave),
    CLOSING(RWLOCK, rwlock_close),
    ROW(RWLOCK, rwlock_lock),
    ROW(RWLOCK, rwlock_lock_start),
    ROW(RWLOCK, rwlock_unlock),
    ROW(RWLOCK, rwlock_upgrade),
    ROW(RWLOCK, rwlock_upgrade_start),
    ROW(RWLOCK, rwlock_downgrade),
    ROW(RWLOCK, rwlock_token),
    ROW(RWLOCK, rwlock_is_valid),
    ROW(RWLOCK, rwlock_holders),
    ROW(RWLOCK, rwlock_previous_owner),
    ROW(RWLOCK, rwlock_force_release),
    CLOSING(CONDITION, condition_close),
    ROW(CONDITION, condition_wait),
    ROW(CONDITION, condition_wait_start),
    ROW(CONDITION, condition_signal),
    ROW(CONDITION, condition_broadcast),
    ROW(CONDITION, condition_waiting),
    CLOSING(ELECTION, election_close),
    ROW(ELECTION, election_campaign),
    ROW(ELECTION, election_campaign_start),
    ROW(ELECTION, election_resign),
    ROW(ELECTION, election_finish),
    ROW(ELECTION, election_result),
    ROW(ELECTION, election_reset),
    ROW(ELECTION, election_leader),
    ROW(ELECTION, election_is_valid),
    ROW(ELECTION, election_force_release),
    CLOSING(SYNC_POINT, sync_point_close),
    ROW(SYNC_POINT, sync_point_wait),
    ROW(SYNC_POINT, sync_point_wait_start),
    ROW(SYNC_POINT, sync_point_force_complete),
    ROW(SYNC_POINT, sync_point_cancel),
    ROW(SYNC_POINT, sync_point_fail),
    ROW(SYNC_POINT, sync_point_result),
    ROW(SYNC_POINT, sync_point_members),
    CLOSING(EVENT, event_close),
    ROW(EVENT, event_set),
    ROW(EVENT, event_reset),
    ROW(EVENT, event_wait),
    ROW(EVENT, event_wait_start),
    ROW(EVENT, event_is_set),
    ROW(MANAGER, deadlock_configure),
    ROW(MANAGER, deadlock_detect),
    ROW(MANAGER, deadlock_list),
    ROW(MANAGER, deadlock_members),
    ROW(MANAGER, deadlock_text),
    ROW(MANAGER, deadlock_resolve),
    ROW(MANAGER, deadlock_clear),
    ROW(MANAGER, deadlock_counts),
    ROW(MANAGER, prevention_configure),
    ROW(MANAGER, object_set_rank),
    ROW(WORKSTREAM, workstream_set_priority),
    ROW(WORKSTREAM, resource_open),
    CLOSING(RESOURCE, resource_close),
    ROW(RESOURCE, resource_declare),
    ROW(RESOURCE, resource_request),
    ROW(RESOURCE, resource_allocate),
    ROW(RESOURCE, resource_release),
    ROW(RESOURCE, resource_cancel),
    ROW(RESOURCE, resource_available),
    ROW(RESOURCE, resource_holders),
    CLOSING(SUBSCRIPTION, off),
};

enum { CAPACITY = 256 };

call_t calls[CAPACITY];
unsigned call_count;

void add_calls(const call_t *more, unsigned count) {
  CHECK(call_count + count <= CAPACITY);
  memcpy(calls + call_count, more, count * sizeof *more);
  call_count += count;
}

__attribute__((constructor)) static void add_rows(void) {
  add_calls(rows, sizeof rows / sizeof rows[0]);
}

handle_set_t open_handle_set_in(syncmgr_t *space) {
  handle_set_t set = {{NULL}};
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_subscription_t *subscription = NULL;
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  set.of[WORKSTREAM] = me;
  set.of[QUEUE] = open_queue(space);
  set.of[MUTEX] = open_mutex(me, "mutex", 0);
  set.of[SEMAPHORE] = open_semaphore(me, "semaphore", 2, 0);
  set.of[LATCH] = open_latch(me, "latch", 1);
  set.of[BARRIER] = open_barrier(me, "barrier", 2);
  set.of[RWLOCK] = open_rwlock(me, "rwlock", 0);
  set.of[CONDITION] = open_condition(me, "condition");
  set.of[ELECTION] = open_election(me, "election");
  /* Expected is this one, and one that never comes. */
  char name[SYNCMGR_NAME_MAX + 1], expected[SYNCMGR_NAME_MAX + 16];
  syncmgr_sync_point_t *point = NULL;
  CHECK_OK(syncmgr_workstream_name(me, name, sizeof name));
  snprintf(expected, sizeof expected, "%s/nobody", name);
  CHECK_OK(syncmgr_sync_point_open(me, name, expected, NULL, NULL, &point));
  set.of[SYNC_POINT] = point;
  set.of[EVENT] = open_event(me, "event", 0);
  set.of[RESOURCE] = open_resource(me, "resource", 2);
  syncmgr_channel_t *channel = NULL;
  CHECK_OK(syncmgr_channel_open(me, "channel", SYNCMGR_CHANNEL_QUEUE, NULL, &channel));
  set.of[CHANNEL] = channel;
  syncmgr_store_t *store = NULL;
  CHECK_OK(syncmgr_store_open(me, NULL, &store));
  set.of[STORE] = store;
  syncmgr_transaction_t *transaction = NULL;
  CHECK_OK(syncmgr_transaction_begin(store, NULL, &transaction));
  set.of[TRANSACTION] = transaction;
  CHECK_STATUS(syncmgr_latch_wait_start(set.of[LATCH], SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  set.of[TICKET] = ticket;
  CHECK_OK(syncmgr_on(space, SYNCMGR_NOTICE_ALL, ignore_notice, NULL, NULL, &subscription));
  set.of[SUBSCRIPTION] = subscription;
  return set;
}

handle_set_t open_handle_set(const char *url, uint32_t flags) {
  syncmgr_t *space = open_space(url, flags);
  handle_set_t set = open_handle_set_in(space);
  set.of[MANAGER] = space;
  return set;
}

void close_handle_set(handle_set_t *set) {
  /* Objects go before the workstream that owns them, so that each is closed by its own call. */
  static const handle_type_t order[] = {SUBSCRIPTION, TICKET,     MUTEX, SEMAPHORE,
                                        LATCH,        BARRIER,    RWLOCK, CONDITION,
                                        ELECTION,     SYNC_POINT, EVENT, RESOURCE,
                                        CHANNEL,      STORE,      QUEUE, WORKSTREAM};
  call_context_t context = {.timeout_ns = 0};
  for (unsigned step = 0; step < sizeof order / sizeof order[0]; step++) {
    for (unsigned index = 0; index < call_count; index++) {
      if (calls[index].type != order[step] || !calls[index].closes) continue;
      CHECK_OK(calls[index].run(set->of[order[step]], &context));
    }
  }
}

int32_t run_call(const call_t *call, void *handle, call_context_t *context) {
  unsigned char before[OUTPUT_SIZE];
  memset(before, 0xa5, sizeof before);
  memcpy(context->output, before, sizeof before);
  int32_t status = call->run(handle, context);
  /* Not so for a ticket's record: a test of its own says what becomes of that. */
  if (status < 0 && call->type != TICKET && memcmp(before, context->output, sizeof before) != 0) {
    harness_fail(__FILE__, __LINE__, "%s failed with %s and yet wrote an output", call->name,
                 syncmgr_status_name(status));
  }
  return status;
}
