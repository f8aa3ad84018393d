/* What those get who subscribe late: the history of a channel, and retained messages. */
#include <stdio.h>

#include "channels.h"

static syncmgr_channel_t *open_with(syncmgr_t *space, uint32_t kind, uint32_t history,
                                    uint32_t flags, uint32_t capacity) {
  syncmgr_channel_options_t options = channel_defaults();
  options.history = history;
  options.flags = flags;
  options.capacity = capacity;
  return open_channel(open_workstream(space, NULL), "c", kind, &options);
}

static syncmgr_channel_t *join(syncmgr_t *space, uint32_t kind) {
  return open_channel(open_workstream(space, NULL), "c", kind, NULL);
}

static int32_t retain(syncmgr_channel_t *channel, const char *topic, const char *text) {
  syncmgr_send_options_t options = send_defaults();
  options.topic = topic;
  options.flags = SYNCMGR_SEND_RETAIN;
  return syncmgr_channel_send(channel, text, strlen(text), &options, 0, NULL);
}

static void expect_flagged(syncmgr_channel_t *channel, const char *text, uint32_t flag) {
  received_t received;
  CHECK_OK(take(channel, 0, &received));
  if (!message_is(&received.message, text)) {
    harness_fail(__FILE__, __LINE__, "expected '%s', and '%.*s' came", text,
                 (int)received.message.length, (const char *)received.message.data);
  }
  const uint32_t flags = SYNCMGR_MESSAGE_HISTORY | SYNCMGR_MESSAGE_RETAINED;
  CHECK_EQUAL(received.message.flags & flags, flag);
}

static void replay(syncmgr_t *space) {
  const uint32_t kind = SYNCMGR_CHANNEL_BROADCAST;
  syncmgr_channel_t *sender = open_with(space, kind, 5, 0, 256);
  char text[16];
  for (unsigned sent = 0; sent < 12; sent++) {
    for (uint32_t last = 0; last <= 5; last++) {
      syncmgr_channel_t *late = join(space, kind);
      CHECK_OK(syncmgr_channel_subscribe(late, NULL, last));
      for (unsigned number = sent > last ? sent - last : 0; number < sent; number++) {
        snprintf(text, sizeof text, "%u", number);
        expect_flagged(late, text, SYNCMGR_MESSAGE_HISTORY);
      }
      EXPECT_NOTHING(late);
      CHECK_OK(syncmgr_channel_unsubscribe(late, NULL));
    }
    snprintf(text, sizeof text, "%u", sent);
    CHECK_STATUS(send_text(sender, text), SYNCMGR_NOBODY);
  }
  syncmgr_channel_t *late = join(space, kind);
  CHECK_STATUS(syncmgr_channel_subscribe(late, NULL, 6), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_subscribe(late, NULL, UINT32_MAX), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_channel_subscribe(late, NULL, 2));
  CHECK_OK(send_text(sender, "new"));
  expect_flagged(late, "10", SYNCMGR_MESSAGE_HISTORY);
  expect_flagged(late, "11", SYNCMGR_MESSAGE_HISTORY);
  expect_flagged(late, "new", 0);
}

TEST(who_subscribes_late_gets_the_last_messages_oldest_first) { in_both_spaces(replay); }

TEST(a_history_is_of_what_matches) {
  syncmgr_t *space = open_space(unique_url(), 0);
  const uint32_t kind = SYNCMGR_CHANNEL_PUBSUB;
  syncmgr_channel_t *sender = open_with(space, kind, 6, 0, 256);
  const char *names[] = {"a/0", "b/0", "a/1", "b/1", "a/2", "b/2", "a/3", "b/3"};
  for (unsigned index = 0; index < 8; index++) {
    CHECK_STATUS(send_topic(sender, names[index], names[index]), SYNCMGR_NOBODY);
  }
  syncmgr_channel_t *late = join(space, kind), *all = join(space, kind);
  CHECK_OK(syncmgr_channel_subscribe(late, "a/*", 2));
  expect_flagged(late, "a/2", SYNCMGR_MESSAGE_HISTORY);
  expect_flagged(late, "a/3", SYNCMGR_MESSAGE_HISTORY);
  EXPECT_NOTHING(late);
  /* More is wanted than is kept of these topics. */
  CHECK_OK(syncmgr_channel_subscribe(all, "a/*", 6));
  for (unsigned index = 2; index < 8; index += 2) {
    expect_flagged(all, names[index], SYNCMGR_MESSAGE_HISTORY);
  }
  EXPECT_NOTHING(all);
  check_and_close(space);
}

TEST(a_history_outlives_its_senders_and_keeps_large_messages) {
  static char large[100000], buffer[sizeof large + 4096];
  syncmgr_t *space = open_space(unique_url(), 0);
  const uint32_t kind = SYNCMGR_CHANNEL_BROADCAST;
  syncmgr_channel_options_t options = channel_defaults();
  syncmgr_message_t message;
  syncmgr_workstream_t *stream = open_workstream(space, "sender");
  options.history = 3;
  syncmgr_channel_t *sender = open_channel(stream, "c", kind, &options), *late = join(space, kind);
  for (unsigned round = 0; round < 30; round++) {
    memset(large, 'a' + (int)round % 26, sizeof large);
    CHECK_STATUS(syncmgr_channel_send(sender, large, sizeof large, NULL, 0, NULL),
                 SYNCMGR_NOBODY);
  }
  CHECK_OK(syncmgr_workstream_close(stream));
  CHECK_OK(syncmgr_channel_subscribe(late, NULL, 3));
  for (unsigned round = 27; round < 30; round++) {
    CHECK_OK(syncmgr_channel_recv(late, buffer, sizeof buffer, 0, &message));
    CHECK_EQUAL(message.length, sizeof large);
    CHECK_EQUAL(buffer[99999], 'a' + round % 26);
    CHECK(strcmp(message.sender, "sender") == 0);
  }
  EXPECT_NOTHING(late);
  check_and_close(space);
}

TEST(what_expired_is_no_history) {
  syncmgr_t *space = open_space(unique_url(), 0);
  const uint32_t kind = SYNCMGR_CHANNEL_BROADCAST;
  syncmgr_channel_t *sender = open_with(space, kind, 4, 0, 16), *late = join(space, kind);
  syncmgr_send_options_t options = send_defaults();
  options.ttl_ns = MILLISECOND;
  CHECK_STATUS(send_text(sender, "1"), SYNCMGR_NOBODY);
  CHECK_STATUS(syncmgr_channel_send(sender, "2", 1, &options, 0, NULL), SYNCMGR_NOBODY);
  CHECK_STATUS(send_text(sender, "3"), SYNCMGR_NOBODY);
  sleep_ms(5);
  CHECK_OK(syncmgr_channel_subscribe(late, NULL, 4));
  expect_flagged(late, "1", SYNCMGR_MESSAGE_HISTORY);
  expect_flagged(late, "3", SYNCMGR_MESSAGE_HISTORY);
  EXPECT_NOTHING(late);
  check_and_close(space);
}

TEST(a_history_longer_than_the_mailbox_loses_its_oldest) {
  syncmgr_t *space = open_space(unique_url(), 0);
  const uint32_t kind = SYNCMGR_CHANNEL_BROADCAST;
  syncmgr_channel_t *sender = open_with(space, kind, 8, 0, 2), *late = join(space, kind);
  const char *texts[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
  for (unsigned index = 0; index < 8; index++) {
    CHECK_STATUS(send_text(sender, texts[index]), SYNCMGR_NOBODY);
  }
  CHECK_OK(syncmgr_channel_subscribe(late, NULL, 8));
  expect_flagged(late, "6", SYNCMGR_MESSAGE_HISTORY);
  expect_flagged(late, "7", SYNCMGR_MESSAGE_HISTORY);
  EXPECT_NOTHING(late);
  check_and_close(space);
}

static void keep_the_last_with(syncmgr_t *space, uint32_t flags) {
  const uint32_t kind = SYNCMGR_CHANNEL_PUBSUB;
  syncmgr_channel_t *sender = open_with(space, kind, 0, flags, 256);
  syncmgr_channel_t *first = join(space, kind), *second = join(space, kind);
  CHECK_OK(syncmgr_channel_subscribe(first, "**", 0));
  CHECK_OK(retain(sender, "a/1", "old"));
  CHECK_OK(retain(sender, "b/1", "other"));
  CHECK_OK(retain(sender, "a/1", "new"));
  CHECK_OK(send_topic(sender, "a/1", "not kept"));
  CHECK_OK(retain(sender, "a/2", "second"));
  /* Who was there gets them as any other. */
  const char *texts[] = {"old", "other", "new", "not kept", "second"};
  for (unsigned index = 0; index < 5; index++) expect_flagged(first, texts[index], 0);
  CHECK_OK(syncmgr_channel_subscribe(second, "a/*", 0));
  expect_flagged(second, "new", SYNCMGR_MESSAGE_RETAINED);
  expect_flagged(second, "second", SYNCMGR_MESSAGE_RETAINED);
  EXPECT_NOTHING(second);
  CHECK_OK(syncmgr_channel_subscribe(second, "b/*", 0));
  expect_flagged(second, "other", SYNCMGR_MESSAGE_RETAINED);
  EXPECT_NOTHING(second);
  /* An empty one takes the kept one away, and is delivered. */
  CHECK_OK(retain(sender, "a/1", ""));
  expect_flagged(first, "", 0);
  expect_flagged(second, "", 0);
  syncmgr_channel_t *third = join(space, kind);
  CHECK_OK(syncmgr_channel_subscribe(third, "**", 0));
  expect_flagged(third, "other", SYNCMGR_MESSAGE_RETAINED);
  expect_flagged(third, "second", SYNCMGR_MESSAGE_RETAINED);
  EXPECT_NOTHING(third);
}

static void keep_the_last(syncmgr_t *space) { keep_the_last_with(space, SYNCMGR_CHANNEL_RETAIN); }

static void keep_the_last_with_priorities(syncmgr_t *space) {
  keep_the_last_with(space, SYNCMGR_CHANNEL_RETAIN | SYNCMGR_CHANNEL_PRIORITIES);
}

TEST(the_last_retained_message_of_a_topic_is_kept) { in_both_spaces(keep_the_last); }

TEST(the_last_retained_message_is_kept_with_priorities_too) {
  in_both_spaces(keep_the_last_with_priorities);
}

TEST(retained_messages_can_be_large_many_and_of_the_dead) {
  static char large[5000], buffer[sizeof large + 4096];
  syncmgr_t *space = open_space(unique_url(), 0);
  const uint32_t kind = SYNCMGR_CHANNEL_PUBSUB;
  syncmgr_channel_t *late = join(space, kind);
  CHECK_OK(syncmgr_channel_close(late));
  CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_CHANNEL, "c"));
  syncmgr_workstream_t *stream = open_workstream(space, NULL);
  syncmgr_channel_options_t options = channel_defaults();
  syncmgr_send_options_t with = send_defaults();
  syncmgr_message_t message;
  char topic[32];
  options.flags = SYNCMGR_CHANNEL_RETAIN;
  options.capacity = 1024;
  syncmgr_channel_t *sender = open_channel(stream, "c", kind, &options);
  with.flags = SYNCMGR_SEND_RETAIN;
  with.topic = topic;
  for (unsigned round = 0; round < 2000; round++) {
    snprintf(topic, sizeof topic, "t/%u", round % 500);
    memset(large, 'a' + (int)(round % 26), sizeof large);
    CHECK_STATUS(syncmgr_channel_send(sender, large, 1 + round % sizeof large, &with, 0, NULL),
                 SYNCMGR_NOBODY);
  }
  late = join(space, kind);
  CHECK_OK(syncmgr_workstream_close(stream));
  CHECK_OK(syncmgr_channel_subscribe(late, "t/*", 0));
  for (unsigned round = 1500; round < 2000; round++) {
    CHECK_OK(syncmgr_channel_recv(late, buffer, sizeof buffer, 0, &message));
    snprintf(topic, sizeof topic, "t/%u", round % 500);
    CHECK(strcmp(message.topic, topic) == 0);
    CHECK_EQUAL(message.length, 1 + round % sizeof large);
    CHECK_EQUAL(buffer[0], 'a' + round % 26);
  }
  EXPECT_NOTHING(late);
  check_and_close(space);
}

TEST(only_a_channel_that_retains_retains) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  for (uint32_t kind = 0; kind < 4; kind++) {
    char name[] = {'c', (char)('0' + kind), 0};
    syncmgr_channel_t *channel = open_channel(me, name, kind, NULL);
    syncmgr_send_options_t options = send_defaults();
    options.flags = SYNCMGR_SEND_RETAIN;
    options.topic = "t";
    if (kind == SYNCMGR_CHANNEL_DIRECT) options.target = "me";
    int32_t status = syncmgr_channel_send(channel, "x", 1, &options, 0, NULL);
    CHECK(status == SYNCMGR_E_UNSUPPORTED || status == SYNCMGR_E_INVALID);
  }
  check_and_close(space);
}

TEST(a_topic_too_many_is_refused_and_what_is_kept_is_still_replaced) {
  syncmgr_t *space = open_space(unique_url(), 0);
  const uint32_t kind = SYNCMGR_CHANNEL_PUBSUB;
  syncmgr_channel_t *sender = open_with(space, kind, 0, SYNCMGR_CHANNEL_RETAIN, 4);
  char topic[32];
  for (unsigned index = 0; index < 4096; index++) {
    snprintf(topic, sizeof topic, "t/%u", index);
    CHECK_STATUS(retain(sender, topic, "old"), SYNCMGR_NOBODY);
  }
  CHECK_STATUS(retain(sender, "one too many", "x"), SYNCMGR_E_LIMIT);
  CHECK_STATUS(retain(sender, "t/7", "new"), SYNCMGR_NOBODY);
  syncmgr_channel_t *late = join(space, kind);
  CHECK_OK(syncmgr_channel_subscribe(late, "t/7", 0));
  expect_flagged(late, "new", SYNCMGR_MESSAGE_RETAINED);
  EXPECT_NOTHING(late);
  /* One that is taken away makes room. */
  CHECK_STATUS(retain(sender, "t/8", ""), SYNCMGR_NOBODY);
  CHECK_STATUS(retain(sender, "one too many", "x"), SYNCMGR_NOBODY);
  check_and_close(space);
}
