/* Waiting for messages without a thread. */
#include <string.h>

#include "peer.h"

static void send_text(syncmgr_workstream_t *me, const char *text) {
  CHECK_OK(syncmgr_notify(me, "me", NULL, text, NULL, NULL));
}

static syncmgr_ticket_t *begin(syncmgr_workstream_t *me, int64_t timeout_ns,
                               syncmgr_queue_t *queue) {
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_notice_t message;
  CHECK_STATUS(syncmgr_inbox_next_start(me, timeout_ns, queue, 7, &ticket, &message),
               SYNCMGR_PENDING);
  return ticket;
}

static void take(syncmgr_workstream_t *me, const char *text) {
  syncmgr_notice_t message;
  CHECK_OK(syncmgr_inbox_next(me, 0, &message));
  CHECK(strcmp(message.text, text) == 0);
}

static void check_empty(syncmgr_workstream_t *me) {
  CHECK_STATUS(syncmgr_inbox_next(me, 0, &(syncmgr_notice_t){0}), SYNCMGR_E_TIMEOUT);
}

TEST(a_message_that_is_there_is_taken_without_a_ticket) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_notice_t message;
  CHECK_STATUS(syncmgr_inbox_next_start(me, 0, NULL, 0, &ticket, &message), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_inbox_next_start(me, -2, NULL, 0, &ticket, &message), SYNCMGR_E_INVALID);
  send_text(me, "one");
  CHECK_OK(syncmgr_inbox_next_start(me, SYNCMGR_FOREVER, NULL, 0, &ticket, &message));
  CHECK(strcmp(message.text, "one") == 0);
  CHECK(ticket == NULL);
  check_empty(me);
  check_and_close(space);
}

TEST(every_started_wait_ends_when_a_message_has_come_and_leaves_it_in_the_inbox) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me"), *you = open_workstream(space, "you");
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_ticket_t *plain = begin(me, SYNCMGR_FOREVER, NULL);
  syncmgr_ticket_t *queued = begin(me, SYNCMGR_FOREVER, queue);
  syncmgr_ticket_t *foreign = begin(you, SYNCMGR_FOREVER, NULL);
  CHECK_STATUS(syncmgr_ticket_wait(plain, MILLISECOND, NULL), SYNCMGR_PENDING);
  send_text(you, "hello");
  syncmgr_record_t record;
  CHECK_OK(syncmgr_ticket_wait(plain, SYNCMGR_FOREVER, &record));
  CHECK_EQUAL(record.kind, 0);
  record = next_record(queue);
  CHECK_OK(record.status);
  CHECK_EQUAL(record.ticket, (uint64_t)(uintptr_t)queued);
  CHECK_EQUAL(record.user_data, 7);
  CHECK_STATUS(syncmgr_ticket_wait(foreign, MILLISECOND, NULL), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_ticket_cancel(foreign));
  take(me, "hello");
  check_empty(me);
  check_and_close(space);
}

static void send_when_told(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_workstream_t *me = open_workstream(space, "sender");
  for (unsigned round = 0; round < 2; round++) {
    peer_pause(self);
    send_text(me, "from afar");
  }
  CHECK_OK(syncmgr_close(space));
}

static void expect_from_afar(uint32_t mine, uint32_t theirs) {
  const char *url = unique_url();
  peer_t *sender = peer_start(send_when_told, url, 0, theirs);
  syncmgr_t *space = open_space(url, mine);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_queue_t *queue = open_queue(space);
  peer_wait_pause(sender, 1);
  syncmgr_ticket_t *ticket = begin(me, SYNCMGR_FOREVER, NULL);
  peer_go(sender);
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  take(me, "from afar");
  begin(me, SYNCMGR_FOREVER, queue);
  peer_wait_pause(sender, 2);
  peer_go(sender);
  syncmgr_record_t record;
  uint32_t count = 0;
  WAIT_UNTIL(syncmgr_queue_drain(queue, &record, 1, &count) == SYNCMGR_OK && count == 1);
  CHECK_OK(record.status);
  take(me, "from afar");
  peer_join(sender);
  check_and_close(space);
}

TEST(a_message_of_another_process_ends_started_waits) {
  expect_from_afar(0, 0);
  expect_from_afar(SYNCMGR_OPEN_NO_THREADS, 0);
  expect_from_afar(0, SYNCMGR_OPEN_NO_THREADS);
}

TEST(a_started_wait_for_messages_ends_when_its_time_is_over) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_ticket_t *ticket = begin(me, 5 * MILLISECOND, NULL);
  begin(me, 5 * MILLISECOND, queue);
  CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(next_record(queue).status, SYNCMGR_E_TIMEOUT);
  send_text(me, "later");
  take(me, "later");
  check_and_close(space);
}

TEST(a_closing_workstream_ends_the_started_waits_for_its_messages) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me"), *you = open_workstream(space, "you");
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_ticket_t *ticket = begin(me, SYNCMGR_FOREVER, NULL);
  begin(me, SYNCMGR_FOREVER, queue);
  syncmgr_ticket_t *other = begin(you, SYNCMGR_FOREVER, NULL);
  CHECK_OK(syncmgr_workstream_close(me));
  CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_E_CLOSED);
  CHECK_STATUS(next_record(queue).status, SYNCMGR_E_CLOSED);
  CHECK_OK(syncmgr_ticket_cancel(other));
  begin(you, SYNCMGR_FOREVER, queue);
  CHECK_OK(syncmgr_queue_close(queue));
  begin(you, SYNCMGR_FOREVER, NULL);
  check_and_close(space);
}

typedef struct sender {
  syncmgr_workstream_t *me;
  _Atomic uint32_t round;
} sender_t;

enum { RACES = 3000 };

static void *send_each_round(void *argument) {
  sender_t *sender = argument;
  for (unsigned round = 1; round <= RACES; round++) {
    while (atomic_load(&sender->round) < round) continue;
    send_text(sender->me, "racing");
  }
  return NULL;
}

/* Whichever way the race ends there is one outcome, and the message is there. */
TEST(a_cancel_that_races_with_a_message_has_one_outcome_and_loses_no_message) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  sender_t sender = {.me = open_workstream(space, "sender")};
  pthread_t thread = start_thread(send_each_round, &sender);
  uint64_t state = harness_seed();
  for (unsigned round = 1; round <= RACES; round++) {
    syncmgr_ticket_t *ticket = begin(me, SYNCMGR_FOREVER, NULL);
    atomic_store(&sender.round, round);
    for (volatile uint32_t spin = random_below(&state, 20000); spin > 0; spin--) continue;
    int32_t status = syncmgr_ticket_cancel(ticket);
    if (status == SYNCMGR_FINISHED) {
      CHECK_OK(syncmgr_ticket_wait(ticket, 0, NULL));
    } else {
      CHECK_OK(status);
    }
    CHECK_STATUS(syncmgr_ticket_wait(ticket, 0, NULL), SYNCMGR_E_CLOSED);
    CHECK_OK(syncmgr_inbox_next(me, SYNCMGR_FOREVER, &(syncmgr_notice_t){0}));
    check_empty(me);
  }
  join_thread(thread);
  check_and_close(space);
}

static void die_while_waiting(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  begin(me, SYNCMGR_FOREVER, open_queue(space));
  begin(me, SYNCMGR_FOREVER, NULL);
  peer_pause(self);
  peer_pause(self);
}

TEST(who_died_waiting_for_messages_leaves_no_wait_behind) {
  const char *url = unique_url();
  peer_t *dying = peer_start(die_while_waiting, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  peer_wait_pause(dying, 1);
  peer_kill(dying);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_ticket_t *ticket = begin(me, SYNCMGR_FOREVER, NULL);
  send_text(me, "to the new one");
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  take(me, "to the new one");
  check_and_close(space);
}
