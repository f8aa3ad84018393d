/* Waiting for messages and for room: blocking, started, cancelled, and ended by closing. */
#include <signal.h>

#include "channels.h"

static const uint32_t queue = SYNCMGR_CHANNEL_QUEUE, broadcast = SYNCMGR_CHANNEL_BROADCAST;

static syncmgr_channel_t *open_small(syncmgr_t *space, uint32_t kind) {
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = 2;
  options.overflow = SYNCMGR_OVERFLOW_BLOCK;
  return open_channel(open_workstream(space, NULL), "c", kind, &options);
}

static syncmgr_ticket_t *start(syncmgr_channel_t *channel, uint64_t what, int64_t timeout_ns,
                               syncmgr_queue_t *records) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_channel_wait_start(channel, what, timeout_ns, records, 42, &ticket),
               SYNCMGR_PENDING);
  CHECK(ticket != NULL);
  return ticket;
}

static void wait_at_once(syncmgr_t *space) {
  syncmgr_channel_t *channel = open_small(space, queue);
  syncmgr_ticket_t *ticket = NULL;
  CHECK_OK(syncmgr_channel_wait(channel, SYNCMGR_WRITABLE, 0));
  CHECK_STATUS(syncmgr_channel_wait(channel, SYNCMGR_READABLE, 0), SYNCMGR_E_TIMEOUT);
  int64_t begin = now_ns();
  CHECK_STATUS(syncmgr_channel_wait(channel, SYNCMGR_READABLE, 10 * MILLISECOND),
               SYNCMGR_E_TIMEOUT);
  CHECK(now_ns() - begin >= 10 * MILLISECOND);
  CHECK_OK(syncmgr_channel_wait_start(channel, SYNCMGR_WRITABLE, -1, NULL, 0, &ticket));
  CHECK(ticket == NULL);
  CHECK_OK(send_text(channel, "0"));
  CHECK_OK(syncmgr_channel_wait(channel, SYNCMGR_READABLE, SYNCMGR_FOREVER));
  CHECK_OK(syncmgr_channel_wait(channel, SYNCMGR_WRITABLE, SYNCMGR_FOREVER));
  CHECK_OK(send_text(channel, "1"));
  CHECK_STATUS(syncmgr_channel_wait(channel, SYNCMGR_WRITABLE, 0), SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_channel_wait_start(channel, SYNCMGR_READABLE, -1, NULL, 0, &ticket));
  /* Nothing was taken by waiting. */
  EXPECT_TEXT(channel, "0");
  EXPECT_TEXT(channel, "1");
  EXPECT_NOTHING(channel);
  const uint64_t unknown[] = {3, 0, 4, UINT64_MAX};
  for (unsigned index = 0; index < 4; index++) {
    CHECK_STATUS(syncmgr_channel_wait(channel, unknown[index], 0), SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(syncmgr_channel_wait_start(channel, unknown[index], 0, NULL, 0, &ticket),
                 SYNCMGR_E_NOT_FOUND);
  }
  CHECK_STATUS(syncmgr_channel_wait(channel, SYNCMGR_READABLE, -2), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_wait_start(channel, SYNCMGR_READABLE, -2, NULL, 0, &ticket),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_wait_start(channel, SYNCMGR_READABLE, 0, NULL, 0, NULL),
               SYNCMGR_E_INVALID);
  CHECK(ticket == NULL);
}

TEST(what_is_so_needs_no_wait) { in_both_spaces(wait_at_once); }

static void wait_by_ticket(syncmgr_t *space) {
  syncmgr_channel_t *channel = open_small(space, queue);
  syncmgr_queue_t *records = open_queue(space);
  syncmgr_ticket_t *ticket = start(channel, SYNCMGR_READABLE, SYNCMGR_FOREVER, records);
  CHECK_OK(send_text(channel, "0"));
  syncmgr_record_t record = next_record(records);
  CHECK_OK(record.status);
  CHECK_EQUAL(record.user_data, 42);
  CHECK_EQUAL(record.ticket, (uintptr_t)ticket);
  CHECK_EQUAL(record.kind, SYNCMGR_TYPE_CHANNEL);
  CHECK_OK(send_text(channel, "1"));
  ticket = start(channel, SYNCMGR_WRITABLE, SYNCMGR_FOREVER, records);
  EXPECT_TEXT(channel, "0");
  CHECK_OK(next_record(records).status);
  EXPECT_TEXT(channel, "1");
  ticket = start(channel, SYNCMGR_READABLE, SYNCMGR_FOREVER, NULL);
  CHECK_STATUS(syncmgr_ticket_wait(ticket, MILLISECOND, NULL), SYNCMGR_PENDING);
  CHECK_OK(send_text(channel, "2"));
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  EXPECT_TEXT(channel, "2");
  start(channel, SYNCMGR_READABLE, 5 * MILLISECOND, records);
  CHECK_STATUS(next_record(records).status, SYNCMGR_E_TIMEOUT);
  ticket = start(channel, SYNCMGR_READABLE, SYNCMGR_FOREVER, records);
  CHECK_OK(syncmgr_ticket_cancel(ticket));
  CHECK_STATUS(syncmgr_ticket_cancel(ticket), SYNCMGR_E_CLOSED);
  CHECK_OK(send_text(channel, "3"));
  EXPECT_TEXT(channel, "3");
}

TEST(started_waits_end_through_their_tickets) { in_both_spaces(wait_by_ticket); }

/* Whoever is woken and does not use its turn leaves it to the next. */
TEST(a_turn_that_is_not_used_goes_to_the_next) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_queue_t *records = open_queue(space);
  syncmgr_channel_t *sender = open_small(space, queue);
  syncmgr_channel_t *first = open_small(space, queue), *second = open_small(space, queue);
  syncmgr_ticket_t *tickets[2];
  tickets[0] = start(first, SYNCMGR_READABLE, SYNCMGR_FOREVER, NULL);
  tickets[1] = start(second, SYNCMGR_READABLE, SYNCMGR_FOREVER, records);
  CHECK_OK(send_text(sender, "0"));
  CHECK_OK(syncmgr_ticket_wait(tickets[0], 5 * SECOND, NULL));
  /* It takes nothing, and says so. */
  CHECK_OK(syncmgr_channel_wait(first, SYNCMGR_READABLE, 0));
  CHECK_OK(next_record(records).status);
  EXPECT_TEXT(second, "0");
  /* It was granted, and cancels. */
  tickets[0] = start(first, SYNCMGR_READABLE, SYNCMGR_FOREVER, NULL);
  tickets[1] = start(second, SYNCMGR_READABLE, SYNCMGR_FOREVER, records);
  CHECK_OK(send_text(sender, "1"));
  CHECK_STATUS(syncmgr_ticket_cancel(tickets[0]), SYNCMGR_FINISHED);
  CHECK_OK(next_record(records).status);
  /* It was granted, and closes. */
  EXPECT_TEXT(second, "1");
  tickets[0] = start(first, SYNCMGR_READABLE, SYNCMGR_FOREVER, NULL);
  tickets[1] = start(second, SYNCMGR_READABLE, SYNCMGR_FOREVER, records);
  CHECK_OK(send_text(sender, "2"));
  CHECK_OK(syncmgr_channel_close(first));
  CHECK_OK(next_record(records).status);
  check_and_close(space);
}

static void leave_the_turn(uint32_t kind) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_queue_t *records = open_queue(space);
  syncmgr_channel_t *receiver = open_small(space, kind);
  syncmgr_channel_t *first = open_small(space, kind), *second = open_small(space, kind);
  if (kind == broadcast) CHECK_OK(syncmgr_channel_subscribe(receiver, NULL, 0));
  CHECK_OK(send_text(first, "0"));
  CHECK_OK(send_text(first, "1"));
  start(first, SYNCMGR_WRITABLE, SYNCMGR_FOREVER, NULL);
  start(second, SYNCMGR_WRITABLE, SYNCMGR_FOREVER, records);
  EXPECT_TEXT(receiver, "0");
  CHECK_OK(syncmgr_channel_close(first));
  CHECK_OK(next_record(records).status);
  CHECK_OK(send_text(second, "2"));
  check_and_close(space);
}

TEST(a_turn_at_a_queue_that_a_sender_does_not_use_goes_to_the_next) { leave_the_turn(queue); }
TEST(a_turn_at_a_subscriber_that_a_sender_does_not_use_goes_to_the_next) {
  leave_the_turn(broadcast);
}

typedef struct sleeper {
  syncmgr_channel_t *channel;
  unsigned way;
  _Atomic bool begun;
  _Atomic int32_t status;
} sleeper_t;

enum { WAYS = 5 };

static void *sleep_in_a_call(void *argument) {
  sleeper_t *sleeper = argument;
  received_t received;
  sleeper->begun = true;
  switch (sleeper->way) {
    case 0: sleeper->status = take(sleeper->channel, SYNCMGR_FOREVER, &received); break;
    case 1:
      sleeper->status = syncmgr_channel_view(sleeper->channel, SYNCMGR_FOREVER, &received.message);
      break;
    case 2:
      sleeper->status = syncmgr_channel_wait(sleeper->channel, SYNCMGR_READABLE, SYNCMGR_FOREVER);
      break;
    case 3:
      sleeper->status = syncmgr_channel_send(sleeper->channel, "x", 1, NULL, SYNCMGR_FOREVER, NULL);
      break;
    default:
      sleeper->status = syncmgr_channel_wait(sleeper->channel, SYNCMGR_WRITABLE, SYNCMGR_FOREVER);
      break;
  }
  return NULL;
}

static pthread_t start_sleeper(sleeper_t *sleeper) {
  pthread_t thread = start_thread(sleep_in_a_call, sleeper);
  WAIT_UNTIL(sleeper->begun);
  sleep_ms(10);
  CHECK_EQUAL(sleeper->status, 99);
  return thread;
}

/* What ends the waits: the handle, its workstream, the manager of all, or the channel. */
static void end_sleepers(const char *url, unsigned end, uint32_t kind) {
  for (unsigned way = 0; way < WAYS; way++) {
    syncmgr_t *space = open_space(url, 0), *other = open_space(url, 0);
    syncmgr_workstream_t *stream = open_workstream(space, NULL);
    syncmgr_channel_t *keeper = open_small(other, kind);
    sleeper_t sleeper = {open_channel(stream, "c", kind, NULL), way, false, 99};
    if (kind == broadcast && way < 3) {
      CHECK_OK(syncmgr_channel_subscribe(sleeper.channel, NULL, 0));
    }
    if (kind == broadcast) CHECK_OK(syncmgr_channel_subscribe(keeper, NULL, 0));
    if (way >= 3) {
      CHECK_OK(send_text(sleeper.channel, "0"));
      CHECK_OK(send_text(sleeper.channel, "1"));
    }
    pthread_t thread = start_sleeper(&sleeper);
    if (end == 0) CHECK_OK(syncmgr_channel_close(sleeper.channel));
    if (end == 1) CHECK_OK(syncmgr_workstream_close(stream));
    if (end == 2) CHECK_OK(syncmgr_close(space));
    if (end >= 3) {
      CHECK_OK(syncmgr_channel_shut(keeper, end == 4 ? SYNCMGR_CHANNEL_DRAIN : 0));
    }
    join_thread(thread);
    CHECK_STATUS(sleeper.status, SYNCMGR_E_CLOSED);
    if (end < 3 && way >= 3) EXPECT_TEXT(keeper, "0");
    if (end != 2) CHECK_OK(syncmgr_close(space));
    check_and_close(other);
  }
}

TEST(closing_the_handle_ends_the_calls_that_wait) {
  end_sleepers(unique_url(), 0, queue);
  end_sleepers(unique_url(), 0, broadcast);
}
TEST(closing_the_workstream_ends_the_calls_that_wait) {
  end_sleepers(unique_url(), 1, queue);
  end_sleepers(unique_url(), 1, broadcast);
}
TEST(closing_the_manager_ends_the_calls_that_wait) {
  end_sleepers(unique_url(), 2, queue);
  end_sleepers(unique_url(), 2, broadcast);
}
TEST(shutting_the_channel_ends_the_calls_that_wait) {
  end_sleepers(unique_url(), 3, queue);
  end_sleepers(unique_url(), 3, broadcast);
}
TEST(draining_the_channel_ends_the_calls_that_wait) {
  end_sleepers(unique_url(), 4, queue);
  end_sleepers(unique_url(), 4, broadcast);
}

static void shut(syncmgr_t *space) {
  for (uint32_t kind = 0; kind < 4; kind++) {
    char name[] = {'c', (char)('0' + kind), 0};
    syncmgr_workstream_t *me = open_workstream(space, kind ? NULL : "me");
    syncmgr_channel_t *channel = open_channel(me, name, kind, NULL);
    syncmgr_send_options_t options = send_defaults();
    syncmgr_message_t message;
    received_t received;
    char target[256];
    void *loan = NULL;
    CHECK_OK(syncmgr_workstream_name(me, target, sizeof target));
    if (kind != queue) options.target = target;
    if (kind == SYNCMGR_CHANNEL_PUBSUB) options.topic = "t";
    if (kind >= broadcast) {
      CHECK_OK(syncmgr_channel_subscribe(channel, kind > broadcast ? "t" : NULL, 0));
    }
    for (unsigned index = 0; index < 3; index++) {
      CHECK_OK(syncmgr_channel_send(channel, "x", 1, &options, 0, NULL));
    }
    CHECK_STATUS(syncmgr_channel_shut(channel, 2), SYNCMGR_E_INVALID);
    CHECK_OK(syncmgr_channel_shut(channel, SYNCMGR_CHANNEL_DRAIN));
    CHECK_OK(syncmgr_channel_shut(channel, SYNCMGR_CHANNEL_DRAIN));
    CHECK_STATUS(syncmgr_channel_send(channel, "x", 1, &options, 0, NULL), SYNCMGR_E_CLOSED);
    CHECK_STATUS(syncmgr_channel_send(channel, "x", 1, &options, -1, NULL), SYNCMGR_E_CLOSED);
    CHECK_STATUS(syncmgr_channel_wait(channel, SYNCMGR_WRITABLE, 0), SYNCMGR_E_CLOSED);
    CHECK_STATUS(syncmgr_channel_loan(channel, 100, &loan), SYNCMGR_E_CLOSED);
    CHECK_OK(syncmgr_channel_wait(channel, SYNCMGR_READABLE, 0));
    EXPECT_TEXT(channel, "x");
    CHECK_OK(syncmgr_channel_view(channel, 0, &message));
    CHECK_OK(syncmgr_message_acknowledge(channel, message.receipt));
    if (kind % 2) {
      /* Without a drain after one with: the rest is dropped. */
      CHECK_OK(syncmgr_channel_shut(channel, 0));
    } else {
      EXPECT_TEXT(channel, "x");
    }
    CHECK_STATUS(take(channel, 0, &received), SYNCMGR_E_CLOSED);
    CHECK_STATUS(take(channel, SYNCMGR_FOREVER, &received), SYNCMGR_E_CLOSED);
    CHECK_STATUS(syncmgr_channel_wait(channel, SYNCMGR_READABLE, -1), SYNCMGR_E_CLOSED);
    if (kind >= broadcast) {
      syncmgr_channel_t *late = open_channel(open_workstream(space, NULL), name, kind, NULL);
      CHECK_STATUS(syncmgr_channel_subscribe(late, kind > broadcast ? "t" : NULL, 0),
                   SYNCMGR_E_CLOSED);
    }
    CHECK_OK(syncmgr_channel_close(channel));
  }
}

TEST(a_channel_that_is_shut_takes_nothing_and_drains_on_request) { in_both_spaces(shut); }

TEST(what_is_shut_can_be_removed_and_made_anew) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *channel = open_channel(me, "c", queue, NULL);
  CHECK_OK(send_text(channel, "x"));
  CHECK_OK(syncmgr_channel_shut(channel, 0));
  CHECK_OK(syncmgr_channel_close(channel));
  CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_CHANNEL, "c"));
  channel = open_channel(me, "c", queue, NULL);
  EXPECT_NOTHING(channel);
  CHECK_OK(send_text(channel, "y"));
  EXPECT_TEXT(channel, "y");
  check_and_close(space);
}

/* Waits for one message, pause 1: opened. Reports. */
static void wait_for_one(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_channel_t *channel = open_channel(peer_enter(self, &space), "c", queue, NULL);
  received_t received;
  peer_pause(self);
  report_status(self, take(channel, SYNCMGR_FOREVER, &received));
  peer_pause(self);
}

TEST(a_waiting_receiver_that_dies_is_passed_over) {
  const uint32_t flags[] = {0, SYNCMGR_OPEN_NO_THREADS};
  for (unsigned round = 0; round < 4; round++) {
    const char *url = unique_url();
    peer_t *first = start_waiter(wait_for_one, url, 0, flags[round % 2]);
    peer_t *second = start_waiter(wait_for_one, url, 0, flags[round % 2]);
    syncmgr_t *space = open_space(url, flags[round % 2]);
    syncmgr_channel_t *channel = open_channel(open_workstream(space, NULL), "c", queue, NULL);
    /* Woken for it, and dead before it took it; or dead before. */
    if (round < 2) peer_signal(first, SIGSTOP);
    else peer_kill(first);
    CHECK_OK(send_text(channel, "only"));
    if (round < 2) peer_kill(first);
    CHECK_OK(peer_wait_status(second));
    peer_kill(second);
    CHECK_OK(syncmgr_cleanup(space, NULL));
    check_and_close(space);
  }
}

/* Messages go round between two processes, each asleep while the other has them. */
static void echo(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_workstream_t *me = peer_enter(self, &space);
  syncmgr_channel_t *there = open_channel(me, "there", queue, NULL);
  syncmgr_channel_t *back = open_channel(me, "back", queue, NULL);
  received_t received;
  peer_pause(self);
  while (take(there, SYNCMGR_FOREVER, &received) == SYNCMGR_OK) {
    CHECK_OK(syncmgr_channel_send(back, received.message.data, received.message.length, NULL,
                                  SYNCMGR_FOREVER, NULL));
  }
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, no_wake_is_lost_between_two_processes) {
  const uint32_t flags[] = {0, SYNCMGR_OPEN_NO_THREADS};
  for (unsigned round = 0; round < 2; round++) {
    const char *url = unique_url();
    uint64_t state = harness_seed();
    peer_t *peer = peer_start(echo, url, 0, flags[round]);
    syncmgr_t *space = open_space(url, flags[round]);
    syncmgr_workstream_t *me = open_workstream(space, NULL);
    syncmgr_channel_t *there = open_channel(me, "there", queue, NULL);
    syncmgr_channel_t *back = open_channel(me, "back", queue, NULL);
    peer_wait_pause(peer, 1);
    peer_go(peer);
    for (uint64_t number = 0; number < 20000; number++) {
      received_t received;
      CHECK_OK(send_number(there, number));
      for (volatile uint32_t spin = random_below(&state, 3000); spin > 0; spin--) continue;
      CHECK_OK(take(back, 10 * SECOND, &received));
      CHECK_EQUAL(number_of(&received.message), number);
    }
    CHECK_OK(syncmgr_channel_shut(there, 0));
    peer_join(peer);
    check_and_close(space);
  }
}
