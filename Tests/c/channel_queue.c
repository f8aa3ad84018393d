/* Queues: in order, each message to exactly one, with all that belongs to it. */
#include <time.h>

#include "channels.h"

static syncmgr_channel_t *open_queue_of(syncmgr_t *space, uint32_t capacity) {
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = capacity;
  return open_channel(open_workstream(space, NULL), "c", SYNCMGR_CHANNEL_QUEUE, &options);
}

static void keep_the_order(syncmgr_t *space) {
  const uint32_t capacities[] = {1, 2, 3, 5, 16, 100};
  for (unsigned index = 0; index < 6; index++) {
    char name[] = {'c', (char)('0' + index), 0};
    syncmgr_workstream_t *me = open_workstream(space, NULL);
    syncmgr_channel_options_t options = channel_defaults();
    uint64_t state = harness_seed() + index, sent = 0, taken = 0;
    options.capacity = capacities[index];
    syncmgr_channel_t *channel = open_channel(me, name, SYNCMGR_CHANNEL_QUEUE, &options);
    for (unsigned step = 0; step < 2000; step++) {
      received_t received;
      if (random_below(&state, 2)) {
        int32_t expected = sent - taken < options.capacity ? SYNCMGR_OK : SYNCMGR_E_TIMEOUT;
        CHECK_STATUS(send_number(channel, sent), expected);
        sent += expected == SYNCMGR_OK;
      } else {
        int32_t expected = taken < sent ? SYNCMGR_OK : SYNCMGR_E_TIMEOUT;
        CHECK_STATUS(take(channel, 0, &received), expected);
        if (expected == SYNCMGR_OK) CHECK_EQUAL(number_of(&received.message), taken++);
      }
      CHECK_EQUAL(mailbox_at(channel, 0).waiting, sent - taken);
    }
    CHECK_EQUAL(mailbox_at(channel, 0).received, taken);
    CHECK_EQUAL(mailbox_at(channel, 0).dropped, 0);
    CHECK_EQUAL(mailbox_count(channel), 1);
  }
}

TEST(messages_of_a_queue_come_in_the_order_in_which_they_were_sent) {
  in_both_spaces(keep_the_order);
}

static void carry_everything(syncmgr_t *space) {
  syncmgr_workstream_t *me = open_workstream(space, "the sender");
  syncmgr_channel_t *channel = open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, NULL);
  syncmgr_channel_t *other =
      open_channel(open_workstream(space, NULL), "c", SYNCMGR_CHANNEL_QUEUE, NULL);
  syncmgr_send_options_t options = send_defaults();
  received_t received;
  uint64_t id = 0, last = 0;
  char topic[256], metadata[1024];
  memset(topic, 't', 255);
  memset(metadata, ' ', 1023);
  memcpy(metadata, "{\"key\": [1]}", 12);
  topic[255] = metadata[1023] = 0;
  options.priority = SYNCMGR_PRIORITY_HIGH;
  options.correlation = UINT64_MAX - 1;
  options.topic = topic;
  options.metadata = metadata;
  options.ttl_ns = 100 * SECOND;
  CHECK_OK(syncmgr_workstream_id(me, &id));
  for (unsigned round = 0; round < 3; round++) {
    uint32_t count = 0;
    struct timespec before, after;
    clock_gettime(CLOCK_REALTIME, &before);
    CHECK_OK(syncmgr_channel_send(channel, "bytes\0with\0zeros", 16, &options, 0, &count));
    CHECK_EQUAL(count, 1);
    CHECK_OK(take(other, 0, &received));
    clock_gettime(CLOCK_REALTIME, &after);
    const syncmgr_message_t *message = &received.message;
    CHECK_EQUAL(message->length, 16);
    CHECK(memcmp(message->data, "bytes\0with\0zeros", 16) == 0);
    CHECK(strcmp(message->sender, "the sender") == 0);
    CHECK_EQUAL(message->sender_id, id);
    CHECK(strcmp(message->topic, topic) == 0);
    CHECK(strcmp(message->metadata, metadata) == 0);
    CHECK_EQUAL(message->correlation, options.correlation);
    CHECK_EQUAL(message->priority, SYNCMGR_PRIORITY_HIGH);
    CHECK(message->ttl_ns <= 100 * SECOND && message->ttl_ns > 80 * SECOND);
    CHECK(round == 0 || message->sequence == last + 1);
    /* The clock may be one that ticks with the timer. */
    CHECK(message->wall_ns >= before.tv_sec * SECOND + before.tv_nsec - 20 * MILLISECOND);
    CHECK(message->wall_ns <= after.tv_sec * SECOND + after.tv_nsec);
    CHECK_EQUAL(message->deliveries, 1);
    CHECK_EQUAL(message->reply_to, 0);
    CHECK_EQUAL(message->receipt, 0);
    CHECK_EQUAL(message->dropped, 0);
    CHECK_EQUAL(message->flags, 0);
    CHECK_EQUAL(message->reserved, 0);
    /* All of it lies in the buffer. */
    CHECK((const char *)message->data >= received.buffer);
    CHECK(message->metadata + strlen(message->metadata) < received.buffer + 4096);
    last = message->sequence;
  }
}

TEST(a_message_arrives_with_all_that_belongs_to_it) { in_both_spaces(carry_everything); }

TEST(what_a_message_does_not_have_is_empty_and_a_message_may_be_empty) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_queue_of(space, 4);
  received_t received;
  CHECK_OK(syncmgr_channel_send(channel, NULL, 0, NULL, 0, NULL));
  CHECK_OK(take(channel, 0, &received));
  CHECK_EQUAL(received.message.length, 0);
  CHECK(received.message.data != NULL);
  CHECK(strcmp(received.message.topic, "") == 0);
  CHECK(strcmp(received.message.metadata, "") == 0);
  CHECK_EQUAL(received.message.correlation, 0);
  CHECK_EQUAL(received.message.priority, SYNCMGR_PRIORITY_MEDIUM);
  CHECK_EQUAL(received.message.ttl_ns, SYNCMGR_FOREVER);
  check_and_close(space);
}

TEST(messages_of_every_size_arrive_whole) {
  static unsigned char data[3 << 20], buffer[sizeof data + 4096];
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_queue_of(space, 4);
  uint64_t state = harness_seed();
  for (size_t index = 0; index < sizeof data; index++) data[index] = (unsigned char)(index * 31);
  for (unsigned round = 0; round < 400; round++) {
    const size_t edges[] = {0, 1, 200, 255, 256, 257, 319, 320, 4095, 4096, 4097, 65536};
    size_t length = round < 12 ? edges[round] : random_below(&state, 1u << (8 + round % 14));
    syncmgr_message_t message;
    CHECK(length <= sizeof data);
    CHECK_OK(syncmgr_channel_send(channel, data, length, NULL, 0, NULL));
    CHECK_OK(syncmgr_channel_recv(channel, buffer, sizeof buffer, 0, &message));
    CHECK_EQUAL(message.length, length);
    CHECK(memcmp(message.data, data, length) == 0);
  }
  check_and_close(space);
}

TEST(a_message_that_does_not_fit_into_the_buffer_stays_and_tells_its_size) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_queue_of(space, 4);
  char buffer[1024];
  syncmgr_message_t message;
  CHECK_OK(send_text(channel, "a message of some length"));
  CHECK_OK(send_text(channel, "next"));
  for (size_t room = 0;; room++) {
    message.length = 0;
    int32_t status = syncmgr_channel_recv(channel, buffer, room, 0, &message);
    if (status == SYNCMGR_OK) {
      CHECK(message_is(&message, "a message of some length"));
      break;
    }
    CHECK_STATUS(status, SYNCMGR_E_TOO_LARGE);
    CHECK(message.length > room);
    CHECK(message.length < 24 + 300);
    CHECK_EQUAL(mailbox_at(channel, 0).waiting, 2);
    if (room > 3) room = message.length - 1;
  }
  EXPECT_TEXT(channel, "next");
  check_and_close(space);
}

TEST(nothing_is_written_when_nothing_came) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_queue_of(space, 4);
  syncmgr_message_t message, before;
  uint32_t count = 77;
  char buffer[64];
  memset(&message, 0x5a, sizeof message);
  before = message;
  CHECK_STATUS(syncmgr_channel_recv(channel, buffer, 64, 0, &message), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_channel_recv(channel, buffer, 64, 1, &message), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_channel_view(channel, 0, &message), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_channel_recv_many(channel, buffer, 64, &message, 1, &count),
               SYNCMGR_E_TIMEOUT);
  CHECK(memcmp(&message, &before, sizeof message) == 0);
  CHECK_EQUAL(count, 77);
  check_and_close(space);
}

TEST(many_are_taken_as_far_as_they_fit) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_queue_of(space, 256);
  syncmgr_message_t messages[100];
  _Alignas(8) char buffer[600];
  uint64_t state = harness_seed(), next = 0, sent = 0;
  uint32_t count = 0;
  CHECK_STATUS(syncmgr_channel_recv_many(channel, buffer, 600, messages, 100, &count),
               SYNCMGR_E_TIMEOUT);
  while (sent < 200) CHECK_OK(send_number(channel, sent++));
  CHECK_STATUS(syncmgr_channel_recv_many(channel, buffer, 4, messages, 100, &count),
               SYNCMGR_E_TOO_LARGE);
  CHECK(messages[0].length > 8 && messages[0].length < 600);
  while (next < sent) {
    uint32_t wanted = 1 + random_below(&state, 100), left = (uint32_t)(sent - next);
    CHECK_OK(syncmgr_channel_recv_many(channel, buffer, 600, messages, wanted, &count));
    CHECK(count >= 1 && count <= wanted && count <= left);
    /* Some, and none where there was room for it. */
    CHECK(count >= 5 || count == wanted || count == left);
    for (uint32_t index = 0; index < count; index++) {
      CHECK_EQUAL(number_of(&messages[index]), next++);
      CHECK((const char *)messages[index].data >= buffer);
      CHECK(messages[index].metadata < buffer + 600);
      CHECK(messages[index].sender[0] != 0);
    }
  }
  check_and_close(space);
}

TEST(many_are_sent_as_far_as_there_is_room) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_queue_of(space, 6);
  const uint32_t lengths[] = {1, 0, 3, 2};
  uint32_t count = 4;
  CHECK_OK(syncmgr_channel_send_many(channel, "abbbcc", lengths, &count, NULL, 0));
  CHECK_EQUAL(count, 4);
  CHECK_OK(syncmgr_channel_send_many(channel, "abbbcc", lengths, &count, NULL, 0));
  CHECK_EQUAL(count, 2);
  count = 4;
  CHECK_STATUS(syncmgr_channel_send_many(channel, "abbbcc", lengths, &count, NULL, MILLISECOND),
               SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(count, 4);
  count = 0;
  CHECK_STATUS(syncmgr_channel_send_many(channel, "a", lengths, &count, NULL, 0),
               SYNCMGR_E_INVALID);
  const char *texts[] = {"a", "", "bbb", "cc", "a", ""};
  for (unsigned index = 0; index < 6; index++) EXPECT_TEXT(channel, texts[index]);
  EXPECT_NOTHING(channel);
  check_and_close(space);
}

enum { PRODUCERS = 4, CONSUMERS = 4, EACH = 5000 };

typedef struct crowd {
  syncmgr_t *space;
  _Atomic uint32_t producers, consumers;
  _Atomic uint8_t came[PRODUCERS * EACH];
} crowd_t;

static void *produce(void *argument) {
  crowd_t *crowd = argument;
  uint32_t me = atomic_fetch_add(&crowd->producers, 1);
  syncmgr_channel_t *channel = open_queue_of(crowd->space, 16);
  for (uint64_t number = 0; number < EACH; number++) {
    uint64_t message = me * EACH + number;
    CHECK_OK(syncmgr_channel_send(channel, &message, 8, NULL, SYNCMGR_FOREVER, NULL));
  }
  return NULL;
}

static void *consume(void *argument) {
  crowd_t *crowd = argument;
  syncmgr_channel_t *channel = open_queue_of(crowd->space, 16);
  int64_t last[PRODUCERS] = {-1, -1, -1, -1};
  received_t received;
  int32_t status = SYNCMGR_OK;
  while ((status = take(channel, SYNCMGR_FOREVER, &received)) == SYNCMGR_OK) {
    uint64_t message = number_of(&received.message);
    CHECK(message < PRODUCERS * EACH);
    CHECK_EQUAL(atomic_fetch_add(&crowd->came[message], 1), 0);
    CHECK((int64_t)message > last[message / EACH]);
    last[message / EACH] = (int64_t)message;
  }
  CHECK_STATUS(status, SYNCMGR_E_CLOSED);
  return NULL;
}

static void trade(syncmgr_t *space) {
  static crowd_t crowd;
  memset(&crowd, 0, sizeof crowd);
  crowd.space = space;
  pthread_t producers[PRODUCERS], consumers[CONSUMERS];
  syncmgr_channel_t *channel = open_queue_of(space, 16);
  for (unsigned index = 0; index < CONSUMERS; index++) {
    consumers[index] = start_thread(consume, &crowd);
    producers[index] = start_thread(produce, &crowd);
  }
  for (unsigned index = 0; index < PRODUCERS; index++) join_thread(producers[index]);
  CHECK_OK(syncmgr_channel_shut(channel, SYNCMGR_CHANNEL_DRAIN));
  for (unsigned index = 0; index < CONSUMERS; index++) join_thread(consumers[index]);
  for (unsigned index = 0; index < PRODUCERS * EACH; index++) CHECK_EQUAL(crowd.came[index], 1);
}

TEST_WITHIN(60, each_message_goes_to_exactly_one_of_many_threads) { in_both_spaces(trade); }

/* Sends as many as `index` and dies without closing anything. */
static void send_and_die(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_channel_t *channel = open_channel(peer_enter(self, &space), "c", 0, NULL);
  for (uint64_t number = 0; number < self->index; number++) CHECK_OK(send_number(channel, number));
  peer_pause(self);
}

TEST(messages_outlive_their_sender) {
  const char *url = unique_url();
  peer_t *sender = peer_start(send_and_die, url, 100, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *channel =
      open_channel(open_workstream(space, NULL), "c", SYNCMGR_CHANNEL_QUEUE, NULL);
  received_t received;
  peer_wait_pause(sender, 1);
  peer_kill(sender);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  for (uint64_t number = 0; number < 100; number++) {
    CHECK_OK(take(channel, 0, &received));
    CHECK_EQUAL(number_of(&received.message), number);
    CHECK(strcmp(received.message.sender, peer_workstream_name(sender)) == 0);
  }
  EXPECT_NOTHING(channel);
  check_and_close(space);
}

TEST(messages_stay_in_a_persistent_space_that_nobody_has_open) {
  static char large[100000];
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, SYNCMGR_PERSISTENT);
  syncmgr_channel_t *channel = open_queue_of(space, 4);
  CHECK_OK(send_text(channel, "small"));
  CHECK_OK(syncmgr_channel_send(channel, large, sizeof large, NULL, 0, NULL));
  CHECK_OK(syncmgr_close(space));
  space = open_space(url, SYNCMGR_PERSISTENT);
  channel = open_channel(open_workstream(space, NULL), "c", SYNCMGR_CHANNEL_QUEUE, NULL);
  EXPECT_TEXT(channel, "small");
  syncmgr_message_t message;
  CHECK_OK(syncmgr_channel_view(channel, 0, &message));
  CHECK_EQUAL(message.length, sizeof large);
  CHECK_OK(syncmgr_message_acknowledge(channel, message.receipt));
  check_and_close(space);
  CHECK_OK(syncmgr_unlink(url));
}
