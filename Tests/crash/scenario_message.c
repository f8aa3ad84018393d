/* Scenarios: messages, and waits for them. Whoever dies while it sends, waits or reads: a message
 * is sent or it is not, nobody waits for one that is there, and what was not read has failed. */
#include <stddef.h>
#include <string.h>

#include "scenario.h"
#include "support.h"

static void act_send(struct role *role) {
  CALL(role, syncmgr_notify(role->workstream, "peer-0", NULL, "of the victim", "{}", NULL),
       SYNCMGR_OK);
}

static void prepare_send(struct role *role) {
  open_both(role);
  role_await(role, TOLD_READY(1));
  role_await_peer_asleep(role, 0);
}

/* Peer 0 waits for messages until that of peer 1 comes; that of the victim came before, unless it
 * died. */
static void peer_receive_or_send(struct role *role) {
  open_both(role);
  if (role->index == 1) {
    role_tell_ready(role);
    role_await(role, TOLD_READY(0));
    role_await_outcome(role);
    syncmgr_notify_options_t options = SYNCMGR_NOTIFY_OPTIONS_INIT;
    options.priority = SYNCMGR_PRIORITY_LOW;
    CALL(role, syncmgr_notify(role->workstream, "peer-0", &options, "of peer 1", NULL, NULL),
         SYNCMGR_OK);
    return;
  }
  role_tell_ready(role);
  role_tell_waiting(role);
  bool came = false;
  for (bool is_last = false; !is_last;) {
    syncmgr_notice_t message;
    CALL(role, syncmgr_inbox_next(role->workstream, SYNCMGR_FOREVER, &message), SYNCMGR_OK);
    is_last = strcmp(message.text, "of peer 1") == 0;
    INSIST(role, is_last || (!came && strcmp(message.text, "of the victim") == 0),
           "the message '%s' came", message.text);
    came = came || !is_last;
  }
  INSIST(role, came || role_await_outcome(role) != VICTIM_FINISHED, "a message was lost");
}

/* Takes the next message by started waits, with a queue or by the ticket. */
static syncmgr_notice_t next_started(struct role *role) {
  syncmgr_notice_t message;
  bool queued = role->scenario->flags & SCENARIO_NO_THREADS ? false : role->scenario->count != 0;
  while (true) {
    CALL(role,
         syncmgr_inbox_next_start(role->workstream, SYNCMGR_FOREVER, queued ? role->queue : NULL, 0,
                                  &role->ticket, &message),
         SYNCMGR_OK, SYNCMGR_PENDING);
    if (role->status == SYNCMGR_OK) {
      return message;
    }
    role_tell_waiting(role);
    if (!queued) {
      CALL(role, syncmgr_ticket_wait(role->ticket, patience_ns(), NULL), SYNCMGR_OK);
      continue;
    }
    syncmgr_record_t record;
    uint32_t count = 0;
    for (int64_t deadline_ns = now_ns() + patience_ns(); count == 0; sleep_ns(50000)) {
      INSIST(role, now_ns() < deadline_ns, "the started wait does not end");
      CALL(role, syncmgr_queue_drain(role->queue, &record, 1, &count), SYNCMGR_OK);
    }
    INSIST(role, record.status == SYNCMGR_OK, "it ended with %d", (int)record.status);
  }
}

/* The same as peer_receive_or_send, by started waits. */
static void peer_receive_started_or_send(struct role *role) {
  if (role->index == 1) {
    peer_receive_or_send(role);
    return;
  }
  open_both(role);
  CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  role_tell_ready(role);
  bool came = strcmp(next_started(role).text, "of the victim") == 0;
  if (came) {
    syncmgr_notice_t last = next_started(role);
    INSIST(role, strcmp(last.text, "of peer 1") == 0, "the message '%s' came", last.text);
  }
  INSIST(role, came || role_await_outcome(role) != VICTIM_FINISHED, "a message was lost");
}

/* Begins waits, cancels one, and has the others end by a message. */
static void act_wait_started(struct role *role) {
  syncmgr_notice_t message;
  syncmgr_record_t record;
  uint32_t count = 0;
  CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  CALL(role,
       syncmgr_inbox_next_start(role->workstream, SYNCMGR_FOREVER, NULL, 0, &role->ticket,
                                &message),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_cancel(role->ticket), SYNCMGR_OK);
  CALL(role,
       syncmgr_inbox_next_start(role->workstream, MILLISECOND, NULL, 0, &role->ticket, &message),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_wait(role->ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_E_TIMEOUT);
  CALL(role,
       syncmgr_inbox_next_start(role->workstream, SYNCMGR_FOREVER, role->queue, 0, &role->ticket,
                                &message),
       SYNCMGR_PENDING);
  atomic_store(&role->stage->note, 1);
  while (count == 0) {
    CALL(role, syncmgr_queue_drain(role->queue, &record, 1, &count), SYNCMGR_OK);
    sleep_ns(50000);
  }
  CALL(role,
       syncmgr_inbox_next_start(role->workstream, 0, NULL, 0, &role->ticket, &message),
       SYNCMGR_OK);
  CALL(role, syncmgr_notification_read(role->workstream, message.message), SYNCMGR_OK);
  CALL(role,
       syncmgr_inbox_next_start(role->workstream, SYNCMGR_FOREVER, role->queue, 0, &role->ticket,
                                &message),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_workstream_close(role->workstream), SYNCMGR_OK);
  CALL(role, syncmgr_queue_close(role->queue), SYNCMGR_OK);
  role->workstream = NULL;
}

static void prepare_workstream(struct role *role) {
  open_both(role);
  role_await(role, TOLD_READY(0));
}

/* Sends when the victim waits, or finds it dead. */
static void peer_send_to_who_waits(struct role *role) {
  syncmgr_notify_options_t options = SYNCMGR_NOTIFY_OPTIONS_INIT;
  open_both(role);
  role_tell_ready(role);
  while (atomic_load(&role->stage->note) == 0 &&
         atomic_load(&role->stage->outcome) == VICTIM_RUNS) {
    sleep_ns(50000);
  }
  options.flags = SYNCMGR_NOTIFY_REQUIRE_ACK;
  CALL(role, syncmgr_notify(role->workstream, "victim", &options, NULL, NULL, NULL), SYNCMGR_OK,
       SYNCMGR_E_NOT_FOUND);
  role_await_outcome(role);
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_notify(role->workstream, "victim", NULL, NULL, NULL, NULL),
       SYNCMGR_E_NOT_FOUND);
}

/* Messages to three, of whom one is not there, into slots of messages that are over. */
static void act_send_many(struct role *role) {
  syncmgr_notify_options_t options = SYNCMGR_NOTIFY_OPTIONS_INIT;
  uint64_t id = 0;
  options.ttl_ns = 0;
  for (int round = 0; round < 3; round++) {
    CALL(role, syncmgr_notify(role->workstream, "peer-0/nobody/victim", &options, NULL, NULL, &id),
         SYNCMGR_PARTIAL);
  }
}

/* As many as are kept, all of them over: each new one takes the place of the oldest. */
static void prepare_send_many(struct role *role) {
  syncmgr_notify_options_t options = SYNCMGR_NOTIFY_OPTIONS_INIT;
  options.ttl_ns = 0;
  prepare_workstream(role);
  for (int round = 0; round < 64; round++) {
    CALL(role, syncmgr_notify(role->workstream, "victim", &options, NULL, NULL, NULL), SYNCMGR_OK);
  }
}

static void peer_send_afterwards(struct role *role) {
  open_both(role);
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_notify(role->workstream, "peer-0", NULL, "after", NULL, NULL), SYNCMGR_OK);
  syncmgr_notice_t message;
  CALL(role, syncmgr_inbox_next(role->workstream, patience_ns(), &message), SYNCMGR_OK);
  INSIST(role, strcmp(message.text, "after") == 0, "the message '%s' came", message.text);
}

/* Peer 0 dies while it waits for messages in both ways; the victim clears that away, or begins to;
 * peer 1 does the rest. */
static void prepare_recover(struct role *role) {
  open_both(role);
  role_await(role, TOLD_READY(0) | TOLD_READY(1));
  CALL(role, syncmgr_notify(role->workstream, "peer-0/peer-1", NULL, NULL, NULL, NULL), SYNCMGR_OK);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await_peer_dead(role, 0);
}

static void act_recover(struct role *role) {
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
}

static void peer_die_waiting(struct role *role) {
  syncmgr_notice_t message;
  open_both(role);
  if (role->index == 0) {
    CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
    for (int way = 0; way < 2; way++) {
      CALL(role,
           syncmgr_inbox_next_start(role->workstream, SYNCMGR_FOREVER,
                                    way == 0 ? role->queue : NULL, 0, &role->ticket, &message),
           SYNCMGR_PENDING);
    }
    role_tell_ready(role);
    role_await(role, TOLD_PREPARED);
    role_die(role);
  }
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_notify(role->workstream, "peer-0", NULL, NULL, NULL, NULL),
       SYNCMGR_E_NOT_FOUND);
  CALL(role, syncmgr_inbox_next(role->workstream, 0, &message), SYNCMGR_OK);
}

static void prepare_receive(struct role *role) {
  open_both(role);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await(role, TOLD_READY(0));
}

static void act_receive(struct role *role) {
  syncmgr_notice_t message;
  CALL(role, syncmgr_inbox_next(role->workstream, SYNCMGR_FOREVER, &message), SYNCMGR_OK);
  CALL(role, syncmgr_notification_read(role->workstream, message.message), SYNCMGR_OK);
  CALL(role, syncmgr_workstream_close(role->workstream), SYNCMGR_OK);
  role->workstream = NULL;
}

/* What the victim had not read when it died has failed; it is never still on its way. */
static void peer_send_to_the_victim(struct role *role) {
  syncmgr_notify_options_t options = SYNCMGR_NOTIFY_OPTIONS_INIT;
  syncmgr_recipient_t recipient;
  uint64_t id = 0;
  uint32_t count = 0;
  open_both(role);
  options.flags = SYNCMGR_NOTIFY_REQUIRE_ACK;
  role_await(role, TOLD_PREPARED);
  CALL(role, syncmgr_notify(role->workstream, "victim", &options, NULL, NULL, &id), SYNCMGR_OK);
  role_tell_ready(role);
  bool finished = role_await_outcome(role) == VICTIM_FINISHED;
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_notification_status(role->manager, id, &recipient, 1, &count), SYNCMGR_OK);
  INSIST(role,
         recipient.status == SYNCMGR_NOTIFICATION_READ ||
             (!finished && recipient.status == SYNCMGR_NOTIFICATION_FAILED),
         "the message is in status %u", recipient.status);
}

const struct scenario scenarios_message[] = {
    {.name = "message-send", .peers = 2, .prepare = prepare_send, .act = act_send,
     .peer = peer_receive_or_send},
    {.name = "message-receive", .peers = 1, .prepare = prepare_receive, .act = act_receive,
     .peer = peer_send_to_the_victim},
    {.name = "message-send-ticket", .peers = 2, .prepare = prepare_send, .act = act_send,
     .peer = peer_receive_started_or_send},
    {.name = "message-send-queue", .peers = 2, .count = 2, .prepare = prepare_send,
     .act = act_send, .peer = peer_receive_started_or_send},
    {.name = "message-send-many", .peers = 1, .prepare = prepare_send_many, .act = act_send_many,
     .peer = peer_send_afterwards},
    {.name = "message-wait", .peers = 1, .prepare = prepare_workstream, .act = act_wait_started,
     .peer = peer_send_to_who_waits},
    {.name = "message-recover", .flags = SCENARIO_NO_THREADS, .peers = 2,
     .prepare = prepare_recover, .act = act_recover, .peer = peer_die_waiting},
    {.name = NULL},
};
