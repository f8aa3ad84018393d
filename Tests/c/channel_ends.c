/* Mailboxes that end while somebody is there, and what they leave. */
#include <stdatomic.h>

#include "channels.h"

typedef struct visitor {
  syncmgr_channel_t *channel;
  int32_t status;
} visitor_t;

static void *receive(void *argument) {
  visitor_t *visitor = argument;
  received_t received;
  visitor->status = take(visitor->channel, SYNCMGR_FOREVER, &received);
  return NULL;
}

static void *await_message(void *argument) {
  visitor_t *visitor = argument;
  visitor->status = syncmgr_channel_wait(visitor->channel, SYNCMGR_READABLE, SYNCMGR_FOREVER);
  return NULL;
}

/* The end comes before, while and after the other thread goes to sleep. */
TEST_WITHIN(60, nobody_sleeps_on_at_a_mailbox_that_ends) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *stream = open_workstream(space, NULL);
  uint64_t state = harness_seed();
  for (unsigned round = 0; round < 600; round++) {
    visitor_t visitor = {.channel = open_channel(stream, "c", SYNCMGR_CHANNEL_BROADCAST, NULL)};
    CHECK_OK(syncmgr_channel_subscribe(visitor.channel, NULL, 0));
    pthread_t thread = start_thread(round % 2 ? receive : await_message, &visitor);
    for (uint64_t left = random_below(&state, 20000); left > 0; left--) __asm__ volatile("");
    CHECK_OK(syncmgr_channel_unsubscribe(visitor.channel, NULL));
    join_thread(thread);
    CHECK(visitor.status == SYNCMGR_E_CLOSED || visitor.status == SYNCMGR_E_NOT_FOUND);
    CHECK_OK(syncmgr_channel_close(visitor.channel));
  }
  check_and_close(space);
}

typedef struct opener {
  syncmgr_workstream_t *stream;
  atomic_bool isOver;
} opener_t;

static void *open_and_close(void *argument) {
  opener_t *opener = argument;
  while (!atomic_load(&opener->isOver)) {
    CHECK_OK(syncmgr_channel_close(
        open_channel(opener->stream, "c", SYNCMGR_CHANNEL_DIRECT, NULL)));
  }
  return NULL;
}

/* What the old handle had goes with it, and nothing of the new one's. */
TEST_WITHIN(60, who_opens_while_its_last_handle_closes_has_all_that_is_its_own) {
  syncmgr_t *space = open_space(unique_url(), 0);
  opener_t opener = {.stream = open_workstream(space, "both")};
  syncmgr_channel_t *sender =
      open_channel(open_workstream(space, NULL), "c", SYNCMGR_CHANNEL_DIRECT, NULL);
  pthread_t thread = start_thread(open_and_close, &opener);
  for (unsigned round = 0; round < 2000; round++) {
    syncmgr_channel_t *mine = open_channel(opener.stream, "c", SYNCMGR_CHANNEL_DIRECT, NULL);
    CHECK_OK(send_to(sender, "both", "x"));
    EXPECT_TEXT(mine, "x");
    CHECK_OK(syncmgr_channel_close(mine));
  }
  atomic_store(&opener.isOver, true);
  join_thread(thread);
  check_and_close(space);
}

/* Where a loan lands tells what is free: the first page that is. */
static void *first_page(syncmgr_channel_t *channel) {
  void *loan = NULL;
  CHECK_OK(syncmgr_channel_loan(channel, 1, &loan));
  CHECK_OK(syncmgr_channel_loan_return(channel, loan));
  return loan;
}

TEST(a_channel_that_is_shut_keeps_no_messages) {
  static char large[100000];
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *stream = open_workstream(space, NULL);
  syncmgr_channel_t *other = open_channel(stream, "other", SYNCMGR_CHANNEL_QUEUE, NULL);
  syncmgr_channel_t *channel = open_channel(stream, "c", SYNCMGR_CHANNEL_QUEUE, NULL);
  void *before = first_page(other);
  for (unsigned count = 0; count < 6; count++) {
    CHECK_OK(syncmgr_channel_send(channel, large, sizeof large, NULL, 0, NULL));
  }
  CHECK(first_page(other) != before);
  CHECK_OK(syncmgr_channel_shut(channel, 0));
  CHECK(first_page(other) == before);
  check_and_close(space);
}

TEST(what_has_expired_takes_no_room) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = 2;
  syncmgr_channel_t *channel =
      open_channel(open_workstream(space, NULL), "c", SYNCMGR_CHANNEL_QUEUE, &options);
  syncmgr_send_options_t with = send_defaults();
  with.ttl_ns = 30 * MILLISECOND;
  CHECK_OK(syncmgr_channel_send(channel, "0", 1, &with, 0, NULL));
  CHECK_OK(syncmgr_channel_send(channel, "1", 1, &with, 0, NULL));
  /* It waits until they have expired, with nobody who receives. */
  CHECK_OK(syncmgr_channel_send(channel, "2", 1, NULL, 10 * SECOND, NULL));
  EXPECT_TEXT(channel, "2");
  CHECK_OK(syncmgr_channel_send(channel, "3", 1, &with, 0, NULL));
  sleep_ms(40);
  CHECK_STATUS(syncmgr_channel_wait(channel, SYNCMGR_READABLE, 0), SYNCMGR_E_TIMEOUT);
  EXPECT_NOTHING(channel);
  check_and_close(space);
}
