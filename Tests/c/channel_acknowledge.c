/* Queues that acknowledge: what is taken is not gone before its receiver says so. */
#include "channels.h"

static const uint32_t queue = SYNCMGR_CHANNEL_QUEUE;

static syncmgr_channel_t *open_another(syncmgr_t *space) {
  return open_channel(open_workstream(space, NULL), "c", queue, NULL);
}

static void give_back(syncmgr_t *space) {
  syncmgr_channel_t *one = open_acknowledged(open_workstream(space, "one"), 0, -1, NULL);
  syncmgr_channel_t *two = open_another(space);
  received_t received;
  const char *texts[] = {"0", "1", "2", "3"};
  uint64_t receipts[4];
  for (unsigned index = 0; index < 4; index++) CHECK_OK(send_text(one, texts[index]));
  for (unsigned index = 0; index < 3; index++) receipts[index] = EXPECT_TEXT(one, texts[index]);
  CHECK(receipts[0] && receipts[1] && receipts[0] != receipts[1]);
  CHECK_EQUAL(mailbox_at(one, 0).taken, 3);
  CHECK_EQUAL(mailbox_at(one, 0).waiting, 1);
  /* Out of order, and each once. */
  CHECK_OK(syncmgr_message_reject(one, receipts[2], 0, "no"));
  CHECK_OK(syncmgr_message_reject(one, receipts[0], 0, NULL));
  CHECK_STATUS(syncmgr_message_reject(one, receipts[0], 0, NULL), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_message_acknowledge(one, receipts[0]), SYNCMGR_E_NOT_FOUND);
  CHECK_OK(syncmgr_message_acknowledge(one, receipts[1]));
  CHECK_STATUS(syncmgr_message_acknowledge(one, receipts[1]), SYNCMGR_E_NOT_FOUND);
  /* The old places, before what was never taken. */
  CHECK_OK(take(two, 0, &received));
  CHECK(message_is(&received.message, "0"));
  CHECK_EQUAL(received.message.deliveries, 2);
  CHECK(received.message.receipt != receipts[0]);
  CHECK_STATUS(syncmgr_message_acknowledge(two, receipts[0]), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_message_acknowledge(one, received.message.receipt), SYNCMGR_E_NOT_FOUND);
  CHECK_OK(syncmgr_message_acknowledge(two, received.message.receipt));
  CHECK_OK(syncmgr_message_acknowledge(two, EXPECT_TEXT(two, "2")));
  CHECK_OK(take(two, 0, &received));
  CHECK(message_is(&received.message, "3"));
  CHECK_EQUAL(received.message.deliveries, 1);
  CHECK_OK(syncmgr_message_acknowledge(two, received.message.receipt));
  EXPECT_NOTHING(one);
  CHECK_EQUAL(mailbox_at(one, 0).taken, 0);
}

TEST(a_rejected_message_goes_back_to_its_old_place) { in_both_spaces(give_back); }

static void close_with_messages(syncmgr_t *space) {
  for (unsigned way = 0; way < 4; way++) {
    syncmgr_workstream_t *stream = open_workstream(space, "one");
    syncmgr_channel_t *one = open_acknowledged(stream, 0, -1, NULL);
    syncmgr_channel_t *two = open_another(space);
    syncmgr_message_t message;
    CHECK_OK(send_text(one, "0"));
    CHECK_OK(send_text(one, "1"));
    CHECK_OK(send_text(one, "2"));
    EXPECT_TEXT(one, "0");
    if (way % 2) EXPECT_TEXT(one, "1");
    else CHECK_OK(syncmgr_channel_view(one, 0, &message));
    EXPECT_TEXT(two, "2");
    if (way < 2) CHECK_OK(syncmgr_channel_close(one));
    CHECK_OK(syncmgr_workstream_close(stream));
    EXPECT_TEXT(two, "0");
    EXPECT_TEXT(two, "1");
    EXPECT_NOTHING(two);
    CHECK_EQUAL(mailbox_at(two, 0).taken, 3);
    CHECK_OK(syncmgr_channel_close(two));
    syncmgr_channel_t *three = open_another(space);
    for (unsigned index = 0; index < 3; index++) {
      received_t received;
      CHECK_OK(take(three, 0, &received));
      CHECK_OK(syncmgr_message_acknowledge(three, received.message.receipt));
    }
    CHECK_OK(syncmgr_channel_close(three));
  }
}

TEST(what_a_closing_receiver_had_goes_back) { in_both_spaces(close_with_messages); }

/* Takes as many messages as `index`, views every second one, and dies. Pause 1: opened. Pause 2:
 * took them. */
static void take_and_die(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_channel_t *channel = open_acknowledged(peer_enter(self, &space), 0, -1, NULL);
  received_t received;
  peer_pause(self);
  for (unsigned index = 0; index < self->index; index++) {
    if (index % 2) CHECK_OK(syncmgr_channel_view(channel, SYNCMGR_FOREVER, &received.message));
    else CHECK_OK(take(channel, SYNCMGR_FOREVER, &received));
  }
  peer_pause(self);
}

static void let_take(peer_t *peer) {
  peer_go(peer);
  peer_wait_pause(peer, 2);
}

TEST(what_the_dead_had_goes_back_to_its_old_place) {
  const uint32_t flags[] = {0, SYNCMGR_OPEN_NO_THREADS};
  for (unsigned round = 0; round < 2; round++) {
    const char *url = unique_url();
    peer_t *first = peer_start(take_and_die, url, 3, flags[round]);
    peer_t *second = peer_start(take_and_die, url, 2, flags[round]);
    peer_wait_pause(first, 1);
    peer_wait_pause(second, 1);
    syncmgr_t *space = open_space(url, flags[round]);
    syncmgr_channel_t *channel = open_another(space);
    for (uint64_t number = 0; number < 7; number++) CHECK_OK(send_number(channel, number));
    let_take(first);
    let_take(second);
    received_t received;
    CHECK_OK(take(channel, 0, &received));
    CHECK_EQUAL(number_of(&received.message), 5);
    CHECK_OK(syncmgr_message_acknowledge(channel, received.message.receipt));
    peer_kill(second);
    CHECK_OK(syncmgr_cleanup(space, NULL));
    peer_kill(first);
    CHECK_OK(syncmgr_cleanup(space, NULL));
    for (uint64_t number = 0; number < 7; number++) {
      if (number == 5) continue;
      CHECK_OK(take(channel, 0, &received));
      CHECK_EQUAL(number_of(&received.message), number);
      CHECK_EQUAL(received.message.deliveries, number == 6 ? 1 : 2);
      CHECK_OK(syncmgr_message_acknowledge(channel, received.message.receipt));
    }
    EXPECT_NOTHING(channel);
    check_and_close(space);
  }
}

TEST(who_sleeps_gets_what_the_dead_had) {
  const uint32_t flags[] = {0, SYNCMGR_OPEN_NO_THREADS};
  for (unsigned round = 0; round < 2; round++) {
    const char *url = unique_url();
    peer_t *dying = peer_start(take_and_die, url, 1, flags[round]);
    peer_wait_pause(dying, 1);
    peer_t *heir = peer_start(take_and_die, url, 1, flags[round]);
    peer_wait_pause(heir, 1);
    syncmgr_t *space = open_space(url, flags[round]);
    CHECK_OK(send_text(open_another(space), "only"));
    let_take(dying);
    peer_go(heir);
    peer_wait_asleep(heir);
    peer_kill(dying);
    peer_wait_pause(heir, 2);
    peer_kill(heir);
    CHECK_OK(syncmgr_cleanup(space, NULL));
    check_and_close(space);
  }
}

TEST(a_message_whose_receivers_time_has_passed_goes_to_another) {
  const int64_t visible = 40 * MILLISECOND;
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *one = open_acknowledged(open_workstream(space, NULL), 0, visible, NULL);
  syncmgr_channel_t *two = open_another(space);
  received_t received, again;
  CHECK_OK(send_text(one, "slow"));
  CHECK_OK(send_text(one, "quick"));
  int64_t begin = now_ns();
  CHECK_OK(take(one, 0, &received));
  CHECK_OK(syncmgr_message_acknowledge(two, EXPECT_TEXT(two, "quick")));
  CHECK_OK(take(two, 5 * SECOND, &again));
  CHECK(message_is(&again.message, "slow"));
  CHECK_EQUAL(again.message.deliveries, 2);
  CHECK(now_ns() - begin >= visible);
  CHECK_STATUS(syncmgr_message_acknowledge(one, received.message.receipt), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_message_reject(one, received.message.receipt, 0, NULL),
               SYNCMGR_E_NOT_FOUND);
  CHECK_OK(syncmgr_message_acknowledge(two, again.message.receipt));
  EXPECT_NOTHING(one);
  check_and_close(space);
}

TEST(a_visibility_of_nothing_leaves_the_message_to_the_next) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_channel_t *channel = open_acknowledged(open_workstream(space, NULL), 0, 0, NULL);
  received_t received;
  CHECK_OK(send_text(channel, "x"));
  for (unsigned round = 1; round <= 300; round++) {
    CHECK_OK(take(channel, 0, &received));
    CHECK_EQUAL(received.message.deliveries, round);
  }
  CHECK_OK(syncmgr_message_acknowledge(channel, received.message.receipt));
  EXPECT_NOTHING(channel);
  check_and_close(space);
}

typedef struct taker {
  syncmgr_channel_t *channel;
  _Atomic int32_t status;
  _Atomic uint32_t deliveries;
} taker_t;

static void *take_for_ever(void *argument) {
  taker_t *taker = argument;
  received_t received;
  int32_t status = take(taker->channel, SYNCMGR_FOREVER, &received);
  taker->deliveries = received.message.deliveries;
  taker->status = status;
  return NULL;
}

/* Both fell asleep when nothing was out: the one that is left has to wake when the other's time has
 * passed. */
TEST(of_two_that_sleep_the_second_gets_what_the_first_lets_pass) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *sender =
      open_acknowledged(open_workstream(space, NULL), 0, 50 * MILLISECOND, NULL);
  taker_t takers[2] = {{open_another(space), 99, 0}, {open_another(space), 99, 0}};
  pthread_t threads[2];
  for (unsigned index = 0; index < 2; index++) {
    threads[index] = start_thread(take_for_ever, &takers[index]);
  }
  sleep_ms(50);
  CHECK_OK(send_text(sender, "only"));
  for (unsigned index = 0; index < 2; index++) join_thread(threads[index]);
  CHECK_OK(takers[0].status);
  CHECK_OK(takers[1].status);
  CHECK_EQUAL(takers[0].deliveries + takers[1].deliveries, 3);
  check_and_close(space);
}

TEST(waits_end_when_a_receivers_time_has_passed) {
  const int64_t visible = 40 * MILLISECOND;
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *one = open_acknowledged(open_workstream(space, NULL), 0, visible, NULL);
  syncmgr_channel_t *two = open_another(space);
  syncmgr_queue_t *records = open_queue(space);
  syncmgr_ticket_t *ticket = NULL;
  CHECK_OK(send_text(one, "slow"));
  EXPECT_TEXT(one, "slow");
  CHECK_STATUS(syncmgr_channel_wait(two, SYNCMGR_READABLE, MILLISECOND), SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_channel_wait(two, SYNCMGR_READABLE, 10 * SECOND));
  EXPECT_TEXT(two, "slow");
  int32_t status = syncmgr_channel_wait_start(one, SYNCMGR_READABLE, SYNCMGR_FOREVER, records, 1,
                                              &ticket);
  if (status == SYNCMGR_PENDING) CHECK_OK(next_record(records).status);
  else CHECK_OK(status);
  EXPECT_TEXT(one, "slow");
  check_and_close(space);
}

TEST(only_queues_that_acknowledge_take_messages_back) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *plain = open_channel(me, "plain", queue, NULL);
  syncmgr_channel_t *channel = open_acknowledged(me, 0, -1, NULL);
  syncmgr_message_t message;
  char reason[300];
  CHECK_OK(send_text(plain, "x"));
  CHECK_EQUAL(EXPECT_TEXT(plain, "x"), 0);
  CHECK_STATUS(syncmgr_message_acknowledge(plain, 0), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_message_acknowledge(plain, 1), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_message_reject(plain, 1, 0, NULL), SYNCMGR_E_UNSUPPORTED);
  CHECK_OK(send_text(plain, "y"));
  CHECK_OK(syncmgr_channel_view(plain, 0, &message));
  CHECK_STATUS(syncmgr_message_reject(plain, message.receipt, 0, NULL), SYNCMGR_E_UNSUPPORTED);
  CHECK_OK(syncmgr_message_acknowledge(plain, message.receipt));
  CHECK_OK(send_text(channel, "x"));
  uint64_t receipt = EXPECT_TEXT(channel, "x"), state = harness_seed();
  memset(reason, 'r', sizeof reason);
  reason[256] = 0;
  CHECK_STATUS(syncmgr_message_reject(channel, receipt, 2, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_message_reject(channel, receipt, UINT32_MAX, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_message_reject(channel, receipt, 0, reason), SYNCMGR_E_INVALID);
  for (unsigned round = 0; round < 10000; round++) {
    uint64_t number = random_next(&state) >> random_below(&state, 64);
    if (round % 2) number = receipt ^ (1ull << random_below(&state, 64));
    CHECK_STATUS(syncmgr_message_acknowledge(channel, number), SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(syncmgr_message_reject(channel, number, 0, NULL), SYNCMGR_E_NOT_FOUND);
  }
  reason[255] = 0;
  CHECK_OK(syncmgr_message_reject(channel, receipt, 0, reason));
  EXPECT_TEXT(channel, "x");
  check_and_close(space);
}

TEST(what_is_out_takes_room) {
  const uint32_t policies[] = {SYNCMGR_OVERFLOW_BLOCK, SYNCMGR_OVERFLOW_FAIL,
                               SYNCMGR_OVERFLOW_DROP_OLDEST, SYNCMGR_OVERFLOW_DROP_NEWEST};
  for (unsigned index = 0; index < 4; index++) {
    syncmgr_t *space = open_space("local:", 0);
    syncmgr_channel_options_t options = channel_defaults();
    options.flags = SYNCMGR_CHANNEL_ACKNOWLEDGE;
    options.capacity = 2;
    options.overflow = policies[index];
    syncmgr_channel_t *channel =
        open_channel(open_workstream(space, NULL), "c", queue, &options);
    CHECK_OK(send_text(channel, "0"));
    CHECK_OK(send_text(channel, "1"));
    uint64_t first = EXPECT_TEXT(channel, "0"), second = EXPECT_TEXT(channel, "1");
    /* What somebody has is never dropped. */
    CHECK_STATUS(send_text(channel, "2"), index ? SYNCMGR_E_FULL : SYNCMGR_E_TIMEOUT);
    CHECK_OK(syncmgr_message_acknowledge(channel, first));
    CHECK_OK(send_text(channel, "3"));
    EXPECT_TEXT(channel, "3");
    CHECK_OK(syncmgr_message_acknowledge(channel, second));
    EXPECT_NOTHING(channel);
    check_and_close(space);
  }
}
