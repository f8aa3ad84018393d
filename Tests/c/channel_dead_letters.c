/* Messages that cannot be delivered: tried too often, or rejected for good. */
#include <stdio.h>

#include "channels.h"

static const uint32_t queue = SYNCMGR_CHANNEL_QUEUE;

static void check_letter(syncmgr_channel_t *letters, const char *text, const char *reason,
                         unsigned deliveries) {
  received_t received;
  char wanted[64];
  CHECK_OK(take(letters, SECOND, &received));
  CHECK(message_is(&received.message, text));
  if (!strstr(received.message.metadata, reason)) {
    harness_fail(__FILE__, __LINE__, "'%s' is not in '%s'", reason, received.message.metadata);
  }
  snprintf(wanted, sizeof wanted, "\"deliveries\":%u", deliveries);
  CHECK(strstr(received.message.metadata, wanted) != NULL);
  CHECK(strstr(received.message.metadata, "\"channel\":\"c\"") != NULL);
  CHECK(strcmp(received.message.sender, "the sender") == 0);
  CHECK(strcmp(received.message.topic, "topic") == 0);
  CHECK_EQUAL(received.message.correlation, 7);
  CHECK_EQUAL(received.message.priority, SYNCMGR_PRIORITY_HIGH);
}

static int32_t send_described(syncmgr_channel_t *channel, const char *text) {
  syncmgr_send_options_t options = send_defaults();
  options.topic = "topic";
  options.correlation = 7;
  options.priority = SYNCMGR_PRIORITY_HIGH;
  return syncmgr_channel_send(channel, text, strlen(text), &options, 0, NULL);
}

static void bury(syncmgr_t *space) {
  syncmgr_channel_t *channel =
      open_acknowledged(open_workstream(space, "the sender"), 3, -1, "letters");
  syncmgr_channel_t *letters = open_channel(open_workstream(space, NULL), "letters", queue, NULL);
  char large[3000];
  memset(large, 'x', sizeof large);
  large[sizeof large - 1] = 0;
  CHECK_OK(send_described(channel, "poison"));
  CHECK_OK(send_described(channel, "fine"));
  for (unsigned round = 0; round < 3; round++) {
    EXPECT_NOTHING(letters);
    CHECK_OK(syncmgr_message_reject(channel, EXPECT_TEXT(channel, "poison"), 0, "too hard"));
  }
  check_letter(letters, "poison", "too hard", 3);
  uint64_t receipt = EXPECT_TEXT(channel, "fine");
  CHECK_OK(syncmgr_message_reject(channel, receipt, SYNCMGR_REJECT_DEAD, "\"quoted\"\n"));
  check_letter(letters, "fine", "\\\"quoted\\\"", 1);
  CHECK_OK(send_described(channel, large));
  receipt = EXPECT_TEXT(channel, large);
  CHECK_OK(syncmgr_message_reject(channel, receipt, SYNCMGR_REJECT_DEAD, NULL));
  check_letter(letters, large, "rejected", 1);
  EXPECT_NOTHING(channel);
  EXPECT_NOTHING(letters);
  CHECK_EQUAL(mailbox_at(channel, 0).taken, 0);
}

TEST(what_was_tried_too_often_or_rejected_is_a_dead_letter) { in_both_spaces(bury); }

/* Opens the queue of three deliveries. Pause 1: opened. Pause 2: took one. */
static void take_poison(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_channel_t *channel = open_acknowledged(peer_enter(self, &space), 3, -1, "letters");
  peer_pause(self);
  EXPECT_TEXT(channel, "poison");
  peer_pause(self);
}

TEST(a_message_that_kills_its_receivers_ends_as_a_dead_letter) {
  const char *url = unique_url();
  peer_t *peers[3];
  for (unsigned index = 0; index < 3; index++) {
    peers[index] = peer_start(take_poison, url, 0, 0);
    peer_wait_pause(peers[index], 1);
  }
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *channel = open_channel(open_workstream(space, "the sender"), "c", queue, NULL);
  syncmgr_channel_t *letters = open_channel(open_workstream(space, NULL), "letters", queue, NULL);
  CHECK_OK(send_described(channel, "poison"));
  for (unsigned index = 0; index < 3; index++) {
    EXPECT_NOTHING(letters);
    peer_go(peers[index]);
    peer_wait_pause(peers[index], 2);
    peer_kill(peers[index]);
    CHECK_OK(syncmgr_cleanup(space, NULL));
  }
  check_letter(letters, "poison", "delivered 3 times", 3);
  EXPECT_NOTHING(channel);
  check_and_close(space);
}

TEST(dead_letters_never_wait_for_room) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = 2;
  syncmgr_channel_t *letters = open_channel(me, "letters", queue, &options);
  syncmgr_channel_t *channel = open_acknowledged(me, 0, -1, "letters");
  const char *texts[] = {"0", "1", "2", "3"};
  for (unsigned index = 0; index < 4; index++) {
    CHECK_OK(send_text(channel, texts[index]));
    uint64_t receipt = EXPECT_TEXT(channel, texts[index]);
    CHECK_OK(syncmgr_message_reject(channel, receipt, SYNCMGR_REJECT_DEAD, NULL));
  }
  EXPECT_TEXT(letters, "2");
  EXPECT_TEXT(letters, "3");
  EXPECT_NOTHING(letters);
  EXPECT_NOTHING(channel);
  check_and_close(space);
}

TEST(without_dead_letters_what_cannot_be_delivered_is_gone) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_acknowledged(open_workstream(space, NULL), 2, -1, NULL);
  for (unsigned round = 0; round < 300; round++) {
    CHECK_OK(send_text(channel, "poison"));
    CHECK_OK(syncmgr_message_reject(channel, EXPECT_TEXT(channel, "poison"), 0, NULL));
    CHECK_OK(syncmgr_message_reject(channel, EXPECT_TEXT(channel, "poison"), 0, NULL));
    EXPECT_NOTHING(channel);
  }
  check_and_close(space);
}
