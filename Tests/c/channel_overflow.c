/* Full mailboxes: the four policies, and that every lost message is counted and told once. */
#include "channels.h"

static const uint32_t broadcast = SYNCMGR_CHANNEL_BROADCAST, queue = SYNCMGR_CHANNEL_QUEUE;

static syncmgr_channel_options_t with_policy(uint32_t policy, uint32_t capacity) {
  syncmgr_channel_options_t options = channel_defaults();
  options.overflow = policy;
  options.capacity = capacity;
  return options;
}

static syncmgr_channel_t *open_with(syncmgr_t *space, uint32_t kind, uint32_t policy,
                                    uint32_t capacity) {
  syncmgr_channel_options_t options = with_policy(policy, capacity);
  return open_channel(open_workstream(space, NULL), "c", kind, &options);
}

static syncmgr_channel_t *subscribe(syncmgr_t *space, const char *name) {
  syncmgr_channel_t *channel =
      open_channel(open_workstream(space, name), "c", broadcast, NULL);
  CHECK_OK(syncmgr_channel_subscribe(channel, NULL, 0));
  return channel;
}

/* Random sends and receives beside a model: a list of what has to be in the mailbox. */
static void check_model(syncmgr_t *space, uint32_t kind, uint32_t policy, uint32_t capacity) {
  uint64_t state = harness_seed() ^ ((uint64_t)policy << 40 | (uint64_t)capacity << 8 | kind);
  uint64_t model[64], sent = 0, lost = 0, untold = 0, taken = 0;
  unsigned count = 0;
  CHECK(capacity <= 64);
  syncmgr_channel_t *sender = open_with(space, kind, policy, capacity);
  syncmgr_channel_t *receiver = kind == queue ? sender : subscribe(space, NULL);
  for (unsigned step = 0; step < 3000; step++) {
    /* In waves, so that it is often full and often empty. */
    bool sends = random_below(&state, 16) < (step / 200 % 2 ? 11u : 5u);
    if (sends) {
      int32_t expected = SYNCMGR_OK;
      uint32_t has = 99;
      if (count == capacity && policy == SYNCMGR_OVERFLOW_BLOCK) expected = SYNCMGR_E_TIMEOUT;
      if (count == capacity && policy == SYNCMGR_OVERFLOW_FAIL) expected = SYNCMGR_E_FULL;
      if (count == capacity && policy == SYNCMGR_OVERFLOW_DROP_NEWEST) expected = SYNCMGR_E_FULL;
      CHECK_STATUS(syncmgr_channel_send(sender, &sent, sizeof sent, NULL, 0, &has), expected);
      CHECK_EQUAL(has, expected == SYNCMGR_OK ? 1 : 99);
      bool drops = count == capacity && policy >= SYNCMGR_OVERFLOW_DROP_OLDEST;
      lost += drops;
      untold += drops;
      if (drops && policy == SYNCMGR_OVERFLOW_DROP_OLDEST) {
        memmove(model, model + 1, --count * sizeof model[0]);
      }
      if (expected == SYNCMGR_OK) model[count++] = sent;
      sent += 1;
    } else {
      received_t received;
      CHECK_STATUS(take(receiver, 0, &received), count ? SYNCMGR_OK : SYNCMGR_E_TIMEOUT);
      if (!count) continue;
      CHECK_EQUAL(number_of(&received.message), model[0]);
      CHECK_EQUAL(received.message.dropped, untold);
      untold = 0;
      taken += 1;
      memmove(model, model + 1, --count * sizeof model[0]);
    }
    syncmgr_mailbox_t mailbox = mailbox_at(sender, 0);
    CHECK_EQUAL(mailbox.dropped, lost);
    CHECK_EQUAL(mailbox.waiting, count);
    CHECK_EQUAL(mailbox.received, taken);
  }
  CHECK(lost > 0 || policy < SYNCMGR_OVERFLOW_DROP_OLDEST);
}

static void check_models(uint32_t kind, uint32_t policy) {
  const uint32_t capacities[] = {1, 2, 3, 8, 13, 64};
  for (unsigned index = 0; index < 6; index++) {
    syncmgr_t *space = open_space(index % 2 ? unique_url() : "local:", 0);
    check_model(space, kind, policy, capacities[index]);
    check_and_close(space);
  }
}

TEST(a_full_queue_that_blocks_loses_nothing) { check_models(queue, SYNCMGR_OVERFLOW_BLOCK); }
TEST(a_full_queue_that_fails_loses_nothing) { check_models(queue, SYNCMGR_OVERFLOW_FAIL); }
TEST(a_full_queue_drops_its_oldest_and_tells_once) {
  check_models(queue, SYNCMGR_OVERFLOW_DROP_OLDEST);
}
TEST(a_full_queue_drops_the_newest_and_tells_once) {
  check_models(queue, SYNCMGR_OVERFLOW_DROP_NEWEST);
}
TEST(a_full_subscriber_that_blocks_loses_nothing) {
  check_models(broadcast, SYNCMGR_OVERFLOW_BLOCK);
}
TEST(a_full_subscriber_that_fails_loses_nothing) {
  check_models(broadcast, SYNCMGR_OVERFLOW_FAIL);
}
TEST(a_full_subscriber_drops_its_oldest_and_is_told_once) {
  check_models(broadcast, SYNCMGR_OVERFLOW_DROP_OLDEST);
}
TEST(a_full_subscriber_drops_the_newest_and_is_told_once) {
  check_models(broadcast, SYNCMGR_OVERFLOW_DROP_NEWEST);
}

/* One of two subscribers is full: what the other gets, by policy. */
TEST(with_block_and_fail_all_get_it_or_none) {
  for (uint32_t policy = SYNCMGR_OVERFLOW_BLOCK; policy <= SYNCMGR_OVERFLOW_FAIL; policy++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    syncmgr_channel_t *sender = open_with(space, broadcast, policy, 2);
    syncmgr_channel_t *slow = subscribe(space, "slow"), *fast = subscribe(space, "fast");
    int32_t full = policy == SYNCMGR_OVERFLOW_FAIL ? SYNCMGR_E_FULL : SYNCMGR_E_TIMEOUT;
    CHECK_OK(send_text(sender, "1"));
    CHECK_OK(send_text(sender, "2"));
    EXPECT_TEXT(fast, "1");
    EXPECT_TEXT(fast, "2");
    CHECK_STATUS(send_text(sender, "3"), full);
    CHECK_STATUS(syncmgr_channel_send(sender, "3", 1, NULL, 2 * MILLISECOND, NULL), full);
    EXPECT_NOTHING(fast);
    EXPECT_TEXT(slow, "1");
    CHECK_OK(send_text(sender, "4"));
    EXPECT_TEXT(fast, "4");
    EXPECT_TEXT(slow, "2");
    EXPECT_TEXT(slow, "4");
    /* A sender that names others does not care for the full one. */
    CHECK_OK(send_text(sender, "5"));
    CHECK_OK(send_text(sender, "6"));
    EXPECT_TEXT(fast, "5");
    EXPECT_TEXT(fast, "6");
    CHECK_OK(send_to(sender, "fast", "7"));
    EXPECT_TEXT(fast, "7");
    check_and_close(space);
  }
}

TEST(who_drops_the_newest_tells_how_many_have_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *sender = open_with(space, broadcast, SYNCMGR_OVERFLOW_DROP_NEWEST, 2);
  syncmgr_channel_t *slow = subscribe(space, "slow"), *fast = subscribe(space, "fast");
  uint32_t count = 99;
  received_t received;
  CHECK_OK(syncmgr_channel_send(sender, "1", 1, NULL, 0, &count));
  CHECK_EQUAL(count, 2);
  CHECK_OK(syncmgr_channel_send(sender, "2", 1, NULL, 0, &count));
  EXPECT_TEXT(fast, "1");
  CHECK_STATUS(syncmgr_channel_send(sender, "3", 1, NULL, 0, &count), SYNCMGR_PARTIAL);
  CHECK_EQUAL(count, 1);
  count = 99;
  CHECK_STATUS(syncmgr_channel_send(sender, "4", 1, NULL, SYNCMGR_FOREVER, &count),
               SYNCMGR_E_FULL);
  CHECK_EQUAL(count, 99);
  const char *of_slow[] = {"1", "2"}, *of_fast[] = {"2", "3"};
  for (unsigned index = 0; index < 2; index++) {
    CHECK_OK(take(slow, 0, &received));
    CHECK(message_is(&received.message, of_slow[index]));
    CHECK_EQUAL(received.message.dropped, index ? 0 : 2);
    CHECK_OK(take(fast, 0, &received));
    CHECK(message_is(&received.message, of_fast[index]));
    CHECK_EQUAL(received.message.dropped, index ? 0 : 1);
  }
  check_and_close(space);
}

TEST(a_slow_subscriber_loses_only_its_own) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *sender = open_with(space, broadcast, SYNCMGR_OVERFLOW_DEFAULT, 4);
  syncmgr_channel_t *slow = subscribe(space, "slow"), *fast = subscribe(space, "fast");
  received_t received;
  for (uint64_t number = 0; number < 1000; number++) {
    CHECK_OK(send_number(sender, number));
    CHECK_OK(take(fast, 0, &received));
    CHECK_EQUAL(number_of(&received.message), number);
    CHECK_EQUAL(received.message.dropped, 0);
  }
  CHECK_OK(take(slow, 0, &received));
  CHECK_EQUAL(number_of(&received.message), 996);
  CHECK_EQUAL(received.message.dropped, 996);
  check_and_close(space);
}

typedef struct blocked {
  syncmgr_channel_t *channel;
  int64_t timeout_ns;
  _Atomic int32_t status;
} blocked_t;

static void *send_one(void *argument) {
  blocked_t *blocked = argument;
  blocked->status =
      syncmgr_channel_send(blocked->channel, "more", 4, NULL, blocked->timeout_ns, NULL);
  return NULL;
}

TEST(a_blocked_sender_goes_on_when_there_is_room) {
  for (unsigned way = 0; way < 4; way++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    uint32_t kind = way == 3 ? broadcast : queue;
    syncmgr_channel_t *channel = open_with(space, kind, SYNCMGR_OVERFLOW_BLOCK, 1), *receiver;
    received_t received;
    syncmgr_message_t message;
    receiver = kind == queue ? channel : subscribe(space, NULL);
    CHECK_OK(send_text(channel, "first"));
    blocked_t blocked = {open_with(space, kind, SYNCMGR_OVERFLOW_BLOCK, 1), SYNCMGR_FOREVER, 99};
    pthread_t thread = start_thread(send_one, &blocked);
    sleep_ms(20);
    CHECK_EQUAL(blocked.status, 99);
    uint32_t count = 0;
    if (way == 0) CHECK_OK(take(receiver, 0, &received));
    if (way == 1) {
      CHECK_OK(syncmgr_channel_recv_many(receiver, received.buffer, 4096, &message, 1, &count));
    }
    if (way == 2) {
      /* A view takes room until it is given back. */
      CHECK_OK(syncmgr_channel_view(receiver, 0, &message));
      sleep_ms(20);
      CHECK_EQUAL(blocked.status, 99);
      CHECK_OK(syncmgr_message_acknowledge(receiver, message.receipt));
    }
    /* The full one unsubscribes: nobody is full any more. */
    if (way == 3) CHECK_OK(syncmgr_channel_unsubscribe(receiver, NULL));
    join_thread(thread);
    CHECK_STATUS(blocked.status, way == 3 ? SYNCMGR_NOBODY : SYNCMGR_OK);
    if (way < 3) EXPECT_TEXT(receiver, "more");
    check_and_close(space);
  }
}

TEST(a_blocked_sender_gives_up_in_time) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_with(space, queue, SYNCMGR_OVERFLOW_BLOCK, 1);
  CHECK_OK(send_text(channel, "first"));
  int64_t begin = now_ns();
  CHECK_STATUS(syncmgr_channel_send(channel, "more", 4, NULL, 30 * MILLISECOND, NULL),
               SYNCMGR_E_TIMEOUT);
  CHECK(now_ns() - begin >= 30 * MILLISECOND);
  CHECK(now_ns() - begin < 5 * SECOND);
  EXPECT_TEXT(channel, "first");
  EXPECT_NOTHING(channel);
  check_and_close(space);
}

/* Opens the channel of one slot and subscribes. Pause 1: subscribed. */
static void subscribe_and_pause(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_channel_options_t options = with_policy(SYNCMGR_OVERFLOW_BLOCK, 1);
  syncmgr_channel_t *channel = open_channel(peer_enter(self, &space), "c", broadcast, &options);
  CHECK_OK(syncmgr_channel_subscribe(channel, NULL, 0));
  peer_pause(self);
}

TEST(a_sender_blocked_by_one_that_dies_goes_on) {
  const char *url = unique_url();
  peer_t *peer = peer_start(subscribe_and_pause, url, 0, 0);
  peer_wait_pause(peer, 1);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *other = subscribe(space, "other");
  blocked_t blocked = {open_channel(open_workstream(space, NULL), "c", broadcast, NULL),
                       SYNCMGR_FOREVER, 99};
  CHECK_OK(send_text(blocked.channel, "first"));
  EXPECT_TEXT(other, "first");
  pthread_t thread = start_thread(send_one, &blocked);
  sleep_ms(20);
  CHECK_EQUAL(blocked.status, 99);
  peer_kill(peer);
  join_thread(thread);
  CHECK_OK(blocked.status);
  EXPECT_TEXT(other, "more");
  check_and_close(space);
}
