/* Broadcasts: everybody who subscribed gets every message, in the same order. */
#include <sys/stat.h>

#include "channels.h"

static const uint32_t broadcast = SYNCMGR_CHANNEL_BROADCAST;

static syncmgr_channel_t *join(syncmgr_t *space, const char *name) {
  return open_channel(open_workstream(space, name), "c", broadcast, NULL);
}

static syncmgr_channel_t *subscribe(syncmgr_t *space, const char *name) {
  syncmgr_channel_t *channel = join(space, name);
  CHECK_OK(syncmgr_channel_subscribe(channel, NULL, 0));
  return channel;
}

static int32_t send_counted(syncmgr_channel_t *channel, const char *text, const char *target,
                            uint32_t flags, uint32_t *count) {
  syncmgr_send_options_t options = send_defaults();
  options.target = target;
  options.flags = flags;
  return syncmgr_channel_send(channel, text, strlen(text), &options, 0, count);
}

static void send_to_all(syncmgr_t *space) {
  uint32_t count = 99;
  syncmgr_channel_t *sender = join(space, "sender");
  CHECK_STATUS(send_counted(sender, "0", NULL, 0, &count), SYNCMGR_NOBODY);
  CHECK_EQUAL(count, 0);
  syncmgr_channel_t *ann = subscribe(space, "ann"), *bob = subscribe(space, "bob");
  CHECK_OK(send_counted(sender, "1", NULL, 0, &count));
  CHECK_EQUAL(count, 2);
  /* One that subscribed does not get its own. */
  CHECK_OK(send_counted(ann, "2", NULL, 0, &count));
  CHECK_EQUAL(count, 1);
  CHECK_OK(send_counted(ann, "3", NULL, SYNCMGR_SEND_SELF, &count));
  CHECK_EQUAL(count, 2);
  EXPECT_TEXT(ann, "1");
  EXPECT_TEXT(ann, "3");
  EXPECT_NOTHING(ann);
  EXPECT_TEXT(bob, "1");
  EXPECT_TEXT(bob, "2");
  EXPECT_TEXT(bob, "3");
  EXPECT_NOTHING(bob);
  CHECK_OK(syncmgr_channel_unsubscribe(bob, NULL));
  CHECK_STATUS(send_counted(ann, "4", NULL, 0, &count), SYNCMGR_NOBODY);
}

TEST(a_broadcast_goes_to_everybody_but_the_sender) { in_both_spaces(send_to_all); }

static void send_to_some(syncmgr_t *space) {
  uint32_t count = 99;
  syncmgr_channel_t *sender = subscribe(space, "sender");
  syncmgr_channel_t *ann = subscribe(space, "ann"), *bob = subscribe(space, "bob");
  join(space, "deaf");
  CHECK_OK(send_counted(sender, "1", "ann", 0, &count));
  CHECK_EQUAL(count, 1);
  CHECK_OK(send_counted(sender, "2", "bob/ann", 0, &count));
  CHECK_EQUAL(count, 2);
  CHECK_OK(send_counted(sender, "3", "bob/nobody/deaf/bob", 0, &count));
  CHECK_EQUAL(count, 1);
  CHECK_STATUS(send_counted(sender, "4", "nobody/deaf", 0, &count), SYNCMGR_NOBODY);
  /* A sender that is named gets it, too. */
  CHECK_OK(send_counted(sender, "5", "sender/ann", 0, &count));
  CHECK_EQUAL(count, 2);
  const char *of_ann[] = {"1", "2", "5"}, *of_bob[] = {"2", "3"};
  for (unsigned index = 0; index < 3; index++) EXPECT_TEXT(ann, of_ann[index]);
  for (unsigned index = 0; index < 2; index++) EXPECT_TEXT(bob, of_bob[index]);
  EXPECT_TEXT(sender, "5");
  EXPECT_NOTHING(ann);
  EXPECT_NOTHING(bob);
  EXPECT_NOTHING(sender);
}

TEST(a_broadcast_can_name_who_gets_it) { in_both_spaces(send_to_some); }

static void come_and_go(syncmgr_t *space) {
  syncmgr_channel_t *sender = join(space, "sender"), *ann = join(space, "ann");
  received_t received;
  CHECK_STATUS(take(ann, 0, &received), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(take(ann, SYNCMGR_FOREVER, &received), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_channel_unsubscribe(ann, NULL), SYNCMGR_E_NOT_FOUND);
  CHECK_OK(syncmgr_channel_subscribe(ann, NULL, 0));
  CHECK_STATUS(syncmgr_channel_subscribe(ann, NULL, 0), SYNCMGR_E_ALREADY);
  CHECK_OK(send_text(sender, "dropped with the subscription"));
  CHECK_OK(syncmgr_channel_unsubscribe(ann, NULL));
  CHECK_STATUS(take(ann, 0, &received), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_channel_unsubscribe(ann, NULL), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(send_text(sender, "to nobody"), SYNCMGR_NOBODY);
  CHECK_OK(syncmgr_channel_subscribe(ann, NULL, 0));
  EXPECT_NOTHING(ann);
  CHECK_OK(send_text(sender, "new"));
  EXPECT_TEXT(ann, "new");
  CHECK_STATUS(syncmgr_channel_subscribe(ann, "topic", 0), SYNCMGR_E_INVALID);
}

TEST(a_subscription_begins_and_ends) { in_both_spaces(come_and_go); }

TEST(channels_without_subscriptions_say_so) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  const uint32_t kinds[] = {SYNCMGR_CHANNEL_QUEUE, SYNCMGR_CHANNEL_DIRECT, SYNCMGR_CHANNEL_MEMORY};
  for (unsigned index = 0; index < 3; index++) {
    char name[] = {'c', (char)('0' + index), 0};
    syncmgr_channel_t *channel = open_channel(me, name, kinds[index], NULL);
    CHECK_STATUS(syncmgr_channel_subscribe(channel, NULL, 0), SYNCMGR_E_UNSUPPORTED);
    CHECK_STATUS(syncmgr_channel_subscribe(channel, "t", 0), SYNCMGR_E_UNSUPPORTED);
    CHECK_STATUS(syncmgr_channel_unsubscribe(channel, NULL), SYNCMGR_E_UNSUPPORTED);
    CHECK_STATUS(syncmgr_channel_unsubscribe(channel, "t"), SYNCMGR_E_UNSUPPORTED);
  }
  check_and_close(space);
}

enum { SENDERS = 4, EACH = 2000, RECEIVERS = 3, ALL = SENDERS * EACH };

typedef struct choir {
  syncmgr_t *space;
  _Atomic uint32_t senders, receivers, ready;
  uint64_t heard[RECEIVERS][ALL];
} choir_t;

static void *sing(void *argument) {
  choir_t *choir = argument;
  uint64_t me = atomic_fetch_add(&choir->senders, 1);
  syncmgr_channel_t *channel = join(choir->space, NULL);
  for (uint64_t number = 0; number < EACH; number++) {
    uint64_t message = me * EACH + number;
    CHECK_OK(syncmgr_channel_send(channel, &message, 8, NULL, SYNCMGR_FOREVER, NULL));
  }
  return NULL;
}

static void *listen(void *argument) {
  choir_t *choir = argument;
  uint32_t me = atomic_fetch_add(&choir->receivers, 1);
  syncmgr_channel_t *channel = subscribe(choir->space, NULL);
  uint64_t sequence = 0;
  received_t received;
  atomic_fetch_add(&choir->ready, 1);
  for (unsigned index = 0; index < ALL; index++) {
    CHECK_OK(take(channel, SYNCMGR_FOREVER, &received));
    CHECK(received.message.sequence > sequence);
    CHECK_EQUAL(received.message.dropped, 0);
    sequence = received.message.sequence;
    choir->heard[me][index] = number_of(&received.message);
  }
  EXPECT_NOTHING(channel);
  return NULL;
}

TEST_WITHIN(60, a_broadcast_arrives_in_the_same_order_everywhere) {
  static choir_t choir;
  pthread_t senders[SENDERS], receivers[RECEIVERS];
  syncmgr_channel_options_t options = channel_defaults();
  uint64_t next[SENDERS] = {0};
  choir.space = open_space(unique_url(), 0);
  options.overflow = SYNCMGR_OVERFLOW_BLOCK;
  options.capacity = 50;
  open_channel(open_workstream(choir.space, NULL), "c", broadcast, &options);
  for (unsigned index = 0; index < RECEIVERS; index++) {
    receivers[index] = start_thread(listen, &choir);
  }
  WAIT_UNTIL(choir.ready == RECEIVERS);
  for (unsigned index = 0; index < SENDERS; index++) senders[index] = start_thread(sing, &choir);
  for (unsigned index = 0; index < SENDERS; index++) join_thread(senders[index]);
  for (unsigned index = 0; index < RECEIVERS; index++) join_thread(receivers[index]);
  CHECK(memcmp(choir.heard[0], choir.heard[1], sizeof choir.heard[0]) == 0);
  CHECK(memcmp(choir.heard[0], choir.heard[2], sizeof choir.heard[0]) == 0);
  for (unsigned index = 0; index < ALL; index++) {
    uint64_t message = choir.heard[0][index];
    CHECK_EQUAL(message % EACH, next[message / EACH]++);
  }
  check_and_close(choir.space);
}

/* Bytes of shared memory that the segment takes. */
static int64_t used_bytes(const char *url) {
  struct stat status;
  CHECK_EQUAL(stat(segment_path(url), &status), 0);
  return (int64_t)status.st_blocks * 512;
}

TEST(a_large_broadcast_lies_in_the_segment_once) {
  enum { SIZE = 8 << 20, SUBSCRIBERS = 8 };
  static char data[SIZE], buffer[SIZE + 4096];
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *sender = join(space, "sender"), *all[SUBSCRIBERS];
  syncmgr_message_t message;
  for (unsigned index = 0; index < SUBSCRIBERS; index++) all[index] = subscribe(space, NULL);
  int64_t before = used_bytes(url);
  for (unsigned round = 0; round < 5; round++) {
    memset(data, 'a' + (int)round, SIZE);
    CHECK_OK(syncmgr_channel_send(sender, data, SIZE, NULL, 0, NULL));
    for (unsigned index = 0; index < SUBSCRIBERS; index++) {
      CHECK_OK(syncmgr_channel_recv(all[index], buffer, sizeof buffer, 0, &message));
      CHECK_EQUAL(message.length, SIZE);
      CHECK(memcmp(buffer, data, SIZE) == 0);
    }
  }
  /* And its memory is used again. */
  CHECK(used_bytes(url) - before < 2 * SIZE);
  check_and_close(space);
}

/* Subscribes and is killed. Pause 1: subscribed. */
static void subscribe_and_pause(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  subscribe(space, peer_workstream_name(self));
  peer_pause(self);
}

TEST(a_dead_subscriber_is_none_and_pins_nothing) {
  static char data[1 << 20];
  const char *url = unique_url();
  peer_t *peer = peer_start(subscribe_and_pause, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *sender = join(space, "sender");
  uint32_t count = 0;
  peer_wait_pause(peer, 1);
  for (unsigned index = 0; index < 200; index++) {
    CHECK_OK(syncmgr_channel_send(sender, data, sizeof data, NULL, 0, NULL));
  }
  CHECK_EQUAL(mailbox_at(sender, 0).waiting, 200);
  CHECK_EQUAL(mailbox_at(sender, 0).pid, peer->pid);
  peer_kill(peer);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_EQUAL(mailbox_count(sender), 0);
  CHECK_STATUS(send_counted(sender, "1", NULL, 0, &count), SYNCMGR_NOBODY);
  /* What it had not taken is free again: there is room for most of the segment. */
  syncmgr_channel_t *late = subscribe(space, "late");
  void *loan = NULL;
  CHECK_OK(syncmgr_channel_loan(late, (size_t)900 << 20, &loan));
  CHECK_OK(syncmgr_channel_loan_return(late, loan));
  check_and_close(space);
}
