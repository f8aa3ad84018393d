/* Messages that are not copied: loans, views, and large ones. */
#include "channels.h"

static const uint32_t queue = SYNCMGR_CHANNEL_QUEUE, broadcast = SYNCMGR_CHANNEL_BROADCAST;

static void *lend(syncmgr_channel_t *channel, size_t size) {
  void *data = NULL;
  CHECK_OK(syncmgr_channel_loan(channel, size, &data));
  CHECK(data != NULL);
  CHECK_EQUAL((uintptr_t)data % 4096, 0);
  return data;
}

/* How much can be lent at once: the largest free run of the segment, within 4 KiB. */
static size_t largest_loan(syncmgr_channel_t *channel) {
  size_t low = 0, high = (size_t)2 << 30;
  while (high - low > 4096) {
    size_t middle = low + (high - low) / 2;
    void *data = NULL;
    int32_t status = syncmgr_channel_loan(channel, middle, &data);
    if (status == SYNCMGR_OK) {
      CHECK_OK(syncmgr_channel_loan_return(channel, data));
      low = middle;
    } else {
      CHECK(status == SYNCMGR_E_NO_SPACE || status == SYNCMGR_E_TOO_LARGE);
      high = middle;
    }
  }
  return low;
}

static void lend_and_publish(syncmgr_t *space) {
  const size_t sizes[] = {1, 100, 255, 4096, 4097, 1 << 20, 16 << 20};
  syncmgr_channel_t *sender = open_channel(open_workstream(space, "sender"), "c", queue, NULL);
  syncmgr_channel_t *receiver = open_channel(open_workstream(space, NULL), "c", queue, NULL);
  for (unsigned index = 0; index < 7; index++) {
    syncmgr_send_options_t options = send_defaults();
    syncmgr_message_t message;
    unsigned char *data = lend(sender, sizes[index]);
    uint32_t count = 99;
    for (size_t at = 0; at < sizes[index]; at++) data[at] = (unsigned char)(at * 7 + index);
    options.topic = "topic";
    options.metadata = "[1]";
    CHECK_OK(syncmgr_channel_publish(sender, data, sizes[index], &options, 0, &count));
    CHECK_EQUAL(count, 1);
    /* It is no loan any more. */
    CHECK_STATUS(syncmgr_channel_publish(sender, data, 1, NULL, 0, NULL), SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(syncmgr_channel_loan_return(sender, data), SYNCMGR_E_NOT_FOUND);
    CHECK_OK(syncmgr_channel_view(receiver, 0, &message));
    CHECK_EQUAL(message.length, sizes[index]);
    CHECK((message.flags & SYNCMGR_MESSAGE_VIEW) != 0);
    CHECK(message.receipt != 0);
    CHECK(strcmp(message.sender, "sender") == 0);
    CHECK(strcmp(message.topic, "topic") == 0);
    CHECK(strcmp(message.metadata, "[1]") == 0);
    const unsigned char *bytes = message.data;
    for (size_t at = 0; at < sizes[index]; at++) {
      if (bytes[at] != (unsigned char)(at * 7 + index)) CHECK_EQUAL(at, -1);
    }
    CHECK_EQUAL(mailbox_at(sender, 0).taken, 1);
    CHECK_OK(syncmgr_message_acknowledge(receiver, message.receipt));
    CHECK_STATUS(syncmgr_message_acknowledge(receiver, message.receipt), SYNCMGR_E_NOT_FOUND);
    CHECK_EQUAL(mailbox_at(sender, 0).taken, 0);
  }
}

TEST(a_loan_is_written_published_and_viewed_in_place) { in_both_spaces(lend_and_publish); }

TEST(a_part_of_a_loan_can_be_published_and_a_view_be_of_a_small_message) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_channel(open_workstream(space, NULL), "c", queue, NULL);
  syncmgr_message_t message;
  char *data = lend(channel, 10000);
  memcpy(data, "part", 4);
  CHECK_STATUS(syncmgr_channel_publish(channel, data, 10001, NULL, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_channel_publish(channel, data, 4, NULL, 0, NULL));
  EXPECT_TEXT(channel, "part");
  data = lend(channel, 1);
  CHECK_OK(syncmgr_channel_publish(channel, data, 0, NULL, 0, NULL));
  EXPECT_TEXT(channel, "");
  CHECK_OK(send_text(channel, "small"));
  CHECK_OK(syncmgr_channel_view(channel, 0, &message));
  CHECK(message_is(&message, "small"));
  CHECK_OK(syncmgr_message_acknowledge(channel, message.receipt));
  check_and_close(space);
}

TEST(what_cannot_be_sent_stays_a_loan) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = 1;
  syncmgr_channel_t *channel = open_channel(open_workstream(space, NULL), "c", queue, &options);
  syncmgr_channel_t *all = open_channel(open_workstream(space, NULL), "b", broadcast, NULL);
  char *data = lend(channel, 5);
  memcpy(data, "later", 5);
  CHECK_OK(send_text(channel, "first"));
  CHECK_STATUS(syncmgr_channel_publish(channel, data, 5, NULL, 0, NULL), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_channel_publish(channel, data, 5, NULL, MILLISECOND, NULL),
               SYNCMGR_E_TIMEOUT);
  EXPECT_TEXT(channel, "first");
  CHECK_OK(syncmgr_channel_publish(channel, data, 5, NULL, 0, NULL));
  EXPECT_TEXT(channel, "later");
  /* Also when nobody gets it the loan is over. */
  data = lend(all, 5);
  CHECK_STATUS(syncmgr_channel_publish(all, data, 5, NULL, 0, NULL), SYNCMGR_NOBODY);
  CHECK_STATUS(syncmgr_channel_loan_return(all, data), SYNCMGR_E_NOT_FOUND);
  check_and_close(space);
}

TEST(a_loan_is_of_one_workstream_and_nothing_else_is_a_loan) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *one = open_channel(open_workstream(space, NULL), "c", queue, NULL);
  syncmgr_channel_t *two = open_channel(open_workstream(space, NULL), "c", queue, NULL);
  char *data = lend(one, 5000), local[8];
  void *others[] = {NULL, local, data + 1, data + 4096, data + 8192, data - 4096, (void *)one,
                    (void *)UINTPTR_MAX, (void *)4096};
  for (unsigned index = 0; index < sizeof others / sizeof others[0]; index++) {
    CHECK_STATUS(syncmgr_channel_loan_return(one, others[index]), SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(syncmgr_channel_publish(one, others[index], 1, NULL, 0, NULL),
                 SYNCMGR_E_NOT_FOUND);
  }
  CHECK_STATUS(syncmgr_channel_loan_return(two, data), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_channel_publish(two, data, 1, NULL, 0, NULL), SYNCMGR_E_NOT_FOUND);
  CHECK_OK(syncmgr_channel_loan_return(one, data));
  CHECK_STATUS(syncmgr_channel_loan_return(one, data), SYNCMGR_E_NOT_FOUND);
  void *nothing = NULL;
  CHECK_STATUS(syncmgr_channel_loan(one, 0, &nothing), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_loan(one, 1, NULL), SYNCMGR_E_INVALID);
  CHECK(nothing == NULL);
  check_and_close(space);
}

TEST(what_is_larger_than_the_segment_names_both_sizes) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_channel(open_workstream(space, NULL), "c", queue, NULL);
  const size_t sizes[] = {((size_t)1 << 30) + 1, (size_t)5000000000, SIZE_MAX / 2, SIZE_MAX};
  const char *texts[] = {"1073", "5000000000", "9223372036854775807", "18446744073709551615"};
  void *data = NULL;
  static char byte;
  for (unsigned index = 0; index < 4; index++) {
    CHECK_STATUS(syncmgr_channel_loan(channel, sizes[index], &data), SYNCMGR_E_TOO_LARGE);
    if (index < 2) CHECK_SENTENCE(texts[index]);
    CHECK_SENTENCE("1073741824");
    /* Nothing of it is read. */
    CHECK_STATUS(syncmgr_channel_send(channel, &byte, sizes[index], NULL, 0, NULL),
                 SYNCMGR_E_TOO_LARGE);
    if (index != 1) CHECK_SENTENCE(texts[index]);
    CHECK_SENTENCE("1073741824");
  }
  CHECK(data == NULL);
  check_and_close(space);
}

TEST(a_segment_that_is_full_has_no_space_now_and_later_again) {
  enum { CHUNK = 64 << 20 };
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_channel_t *channel = open_channel(open_workstream(space, NULL), "c", queue, NULL);
  void *loans[16], *more = NULL;
  unsigned count = 0;
  while (count < 16 && syncmgr_channel_loan(channel, CHUNK, &loans[count]) == SYNCMGR_OK) count++;
  CHECK(count >= 14 && count < 16);
  CHECK_STATUS(syncmgr_channel_loan(channel, CHUNK, &more), SYNCMGR_E_NO_SPACE);
  /* A small message needs none of it. */
  CHECK_OK(send_text(channel, "small"));
  EXPECT_TEXT(channel, "small");
  CHECK_OK(syncmgr_channel_loan_return(channel, loans[count / 2]));
  CHECK_OK(syncmgr_channel_loan(channel, CHUNK, &more));
  CHECK_OK(syncmgr_channel_loan_return(channel, more));
  for (unsigned index = 0; index < count; index++) {
    if (index != count / 2) CHECK_OK(syncmgr_channel_loan_return(channel, loans[index]));
  }
  CHECK(largest_loan(channel) > (size_t)1000 << 20);
  check_and_close(space);
}

static void close_with_loans(syncmgr_t *space) {
  syncmgr_channel_t *keeper = open_channel(open_workstream(space, NULL), "c", queue, NULL);
  size_t before = largest_loan(keeper);
  for (unsigned way = 0; way < 2; way++) {
    syncmgr_workstream_t *stream = open_workstream(space, NULL);
    syncmgr_channel_t *channel = open_channel(stream, "c", queue, NULL);
    for (unsigned index = 0; index < 10; index++) lend(channel, 5000 * (index + 1));
    if (way == 0) CHECK_OK(syncmgr_channel_close(channel));
    else CHECK_OK(syncmgr_workstream_close(stream));
    CHECK_EQUAL(largest_loan(keeper), before);
  }
}

TEST(what_a_closing_workstream_had_on_loan_is_free_again) { in_both_spaces(close_with_loans); }

TEST(random_loans_sends_and_views_leave_the_heap_whole) {
  enum { SLOTS = 12 };
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_channel(open_workstream(space, NULL), "c", queue, NULL);
  syncmgr_channel_t *all = open_channel(open_workstream(space, NULL), "b", broadcast, NULL);
  syncmgr_channel_t *receiver = open_channel(open_workstream(space, NULL), "b", broadcast, NULL);
  CHECK_OK(syncmgr_channel_subscribe(receiver, NULL, 0));
  static char data[100000], buffer[sizeof data + 4096];
  unsigned char *loans[SLOTS] = {NULL};
  uint64_t receipts[SLOTS] = {0}, state = harness_seed();
  size_t sizes[SLOTS], before = largest_loan(channel);
  for (unsigned step = 0; step < 5000; step++) {
    unsigned slot = random_below(&state, SLOTS);
    syncmgr_message_t message;
    if (loans[slot]) {
      /* Nobody else has written into it. */
      CHECK_EQUAL(loans[slot][0], slot + 1);
      CHECK_EQUAL(loans[slot][sizes[slot] - 1], slot + 1);
      if (random_below(&state, 2)) {
        CHECK_OK(syncmgr_channel_publish(channel, loans[slot], sizes[slot], NULL, -1, NULL));
        CHECK_OK(syncmgr_channel_recv(channel, buffer, sizeof buffer, 0, &message));
        CHECK_EQUAL(message.length, sizes[slot]);
        CHECK_EQUAL(buffer[sizes[slot] - 1], slot + 1);
      } else {
        CHECK_OK(syncmgr_channel_loan_return(channel, loans[slot]));
      }
      loans[slot] = NULL;
    } else if (random_below(&state, 2)) {
      sizes[slot] = 1 + random_below(&state, sizeof data);
      loans[slot] = lend(channel, sizes[slot]);
      memset(loans[slot], (int)slot + 1, sizes[slot]);
    }
    if (receipts[slot]) {
      CHECK_OK(syncmgr_message_acknowledge(receiver, receipts[slot]));
      receipts[slot] = 0;
    } else {
      CHECK_OK(syncmgr_channel_send(all, data, random_below(&state, sizeof data), NULL, 0, NULL));
      CHECK_OK(syncmgr_channel_view(receiver, 0, &message));
      receipts[slot] = message.receipt;
    }
  }
  for (unsigned slot = 0; slot < SLOTS; slot++) {
    if (loans[slot]) CHECK_OK(syncmgr_channel_loan_return(channel, loans[slot]));
    if (receipts[slot]) CHECK_OK(syncmgr_message_acknowledge(receiver, receipts[slot]));
  }
  CHECK_EQUAL(largest_loan(channel), before);
  check_and_close(space);
}

/* Takes loans, publishes some, views some, and dies. Pause 1: has them. */
static void lend_and_die(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_workstream_t *me = peer_enter(self, &space);
  syncmgr_channel_t *channel = open_channel(me, "c", queue, NULL);
  syncmgr_message_t message;
  for (unsigned index = 0; index < 20; index++) {
    void *loan = lend(channel, 100000);
    if (index % 4 == 0) CHECK_OK(syncmgr_channel_publish(channel, loan, 100000, NULL, 0, NULL));
  }
  for (unsigned index = 0; index < 3; index++) CHECK_OK(syncmgr_channel_view(channel, 0, &message));
  peer_pause(self);
}

TEST(loans_and_views_of_the_dead_are_reclaimed) {
  static char buffer[200000];
  const char *url = unique_url();
  syncmgr_message_t message;
  peer_t *peers[3];
  /* Forked before anything is opened here; each begins when it is let go. */
  for (unsigned index = 0; index < 3; index++) {
    peers[index] = peer_start(lend_and_die, url, 0, 0);
    peer_wait_pause(peers[index], 1);
  }
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *channel = open_channel(open_workstream(space, NULL), "c", queue, NULL);
  size_t before = largest_loan(channel);
  for (unsigned index = 0; index < 3; index++) peer_kill(peers[index]);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  /* Of five that each published it had taken three; the view of a dead one is dropped. */
  for (unsigned index = 0; index < 6; index++) {
    CHECK_OK(syncmgr_channel_recv(channel, buffer, sizeof buffer, 0, &message));
    CHECK_EQUAL(message.length, 100000);
  }
  EXPECT_NOTHING(channel);
  CHECK_EQUAL(mailbox_at(channel, 0).taken, 0);
  CHECK(largest_loan(channel) > before + 45 * 100000);
  check_and_close(space);
}

TEST(a_view_stays_as_it_is_until_it_is_given_back) {
  static char data[50000], copy[50000];
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = 4;
  options.overflow = SYNCMGR_OVERFLOW_DROP_OLDEST;
  syncmgr_channel_t *channel = open_channel(open_workstream(space, NULL), "c", queue, &options);
  syncmgr_message_t small, large;
  memset(copy, 'v', sizeof copy);
  CHECK_OK(send_text(channel, "small"));
  CHECK_OK(syncmgr_channel_send(channel, copy, sizeof copy, NULL, 0, NULL));
  CHECK_OK(syncmgr_channel_view(channel, 0, &small));
  CHECK_OK(syncmgr_channel_view(channel, 0, &large));
  for (unsigned round = 0; round < 1000; round++) {
    memset(data, (int)round, sizeof data);
    CHECK_OK(syncmgr_channel_send(channel, data, round % 2 ? 200 : sizeof data, NULL, 0, NULL));
  }
  CHECK(message_is(&small, "small"));
  CHECK_EQUAL(large.length, sizeof copy);
  CHECK(memcmp(large.data, copy, sizeof copy) == 0);
  CHECK_OK(syncmgr_message_acknowledge(channel, small.receipt));
  CHECK_OK(syncmgr_message_acknowledge(channel, large.receipt));
  check_and_close(space);
}
