/* Messages that are of interest for a while only. */
#include "channels.h"

static int32_t send_for(syncmgr_channel_t *channel, const char *text, int64_t ttl_ns) {
  syncmgr_send_options_t options = send_defaults();
  options.ttl_ns = ttl_ns;
  options.topic = "t";
  return syncmgr_channel_send(channel, text, strlen(text), &options, 0, NULL);
}

static void expire(syncmgr_t *space) {
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *channel = open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, NULL);
  received_t received;
  CHECK_OK(send_for(channel, "old", 5 * MILLISECOND));
  CHECK_OK(send_for(channel, "lasting", SYNCMGR_FOREVER));
  CHECK_OK(send_for(channel, "also old", 5 * MILLISECOND));
  CHECK_OK(send_for(channel, "never", 0));
  CHECK_OK(send_for(channel, "long", INT64_MAX));
  sleep_ms(10);
  CHECK_OK(take(channel, 0, &received));
  CHECK(message_is(&received.message, "lasting"));
  CHECK_EQUAL(received.message.ttl_ns, SYNCMGR_FOREVER);
  CHECK_EQUAL(received.message.dropped, 1);
  CHECK_OK(take(channel, 0, &received));
  CHECK(message_is(&received.message, "long"));
  CHECK(received.message.ttl_ns == SYNCMGR_FOREVER || received.message.ttl_ns > SECOND);
  CHECK_EQUAL(received.message.dropped, 2);
  EXPECT_NOTHING(channel);
  CHECK_EQUAL(mailbox_at(channel, 0).expired, 3);
  CHECK_EQUAL(mailbox_at(channel, 0).dropped, 0);
  CHECK_EQUAL(mailbox_at(channel, 0).received, 2);
  /* Their room is free again. */
  for (unsigned index = 0; index < 256; index++) CHECK_OK(send_for(channel, "x", SECOND));
  CHECK_STATUS(send_for(channel, "x", SECOND), SYNCMGR_E_TIMEOUT);
}

TEST(a_message_whose_time_is_over_is_not_delivered_but_counted) { in_both_spaces(expire); }

TEST(a_message_tells_how_long_it_is_of_interest) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *channel = open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, NULL);
  received_t received;
  CHECK_OK(send_for(channel, "x", 100 * SECOND));
  sleep_ms(20);
  CHECK_OK(take(channel, 0, &received));
  CHECK(received.message.ttl_ns <= 100 * SECOND - 20 * MILLISECOND);
  CHECK(received.message.ttl_ns > 50 * SECOND);
  CHECK_STATUS(send_for(channel, "x", -2), SYNCMGR_E_INVALID);
  CHECK_STATUS(send_for(channel, "x", INT64_MIN), SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(who_waits_is_not_given_what_has_expired) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *channel = open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, NULL);
  received_t received;
  CHECK_OK(send_for(channel, "x", MILLISECOND));
  sleep_ms(5);
  int64_t begin = now_ns();
  CHECK_STATUS(take(channel, 20 * MILLISECOND, &received), SYNCMGR_E_TIMEOUT);
  CHECK(now_ns() - begin >= 20 * MILLISECOND);
  CHECK_OK(send_for(channel, "x", MILLISECOND));
  sleep_ms(5);
  syncmgr_message_t message;
  CHECK_STATUS(syncmgr_channel_view(channel, 5 * MILLISECOND, &message), SYNCMGR_E_TIMEOUT);
  check_and_close(space);
}

TEST(each_subscriber_loses_what_it_lets_expire) {
  syncmgr_t *space = open_space(unique_url(), 0);
  const uint32_t kind = SYNCMGR_CHANNEL_BROADCAST;
  syncmgr_channel_t *all[3];
  received_t received;
  for (unsigned index = 0; index < 3; index++) {
    all[index] = open_channel(open_workstream(space, NULL), "c", kind, NULL);
    if (index) CHECK_OK(syncmgr_channel_subscribe(all[index], NULL, 0));
  }
  CHECK_OK(send_for(all[0], "short", 200 * MILLISECOND));
  EXPECT_TEXT(all[1], "short");
  CHECK_OK(send_for(all[0], "lasting", SYNCMGR_FOREVER));
  sleep_ms(250);
  EXPECT_TEXT(all[1], "lasting");
  CHECK_OK(take(all[2], 0, &received));
  CHECK(message_is(&received.message, "lasting"));
  CHECK_EQUAL(received.message.dropped, 1);
  check_and_close(space);
}

TEST(an_expired_message_does_not_come_back_from_who_had_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_acknowledged(open_workstream(space, NULL), 0,
                                                 SYNCMGR_FOREVER, NULL);
  received_t received;
  CHECK_OK(send_for(channel, "short", 60 * MILLISECOND));
  CHECK_OK(take(channel, 0, &received));
  sleep_ms(80);
  CHECK_OK(syncmgr_message_reject(channel, received.message.receipt, 0, NULL));
  EXPECT_NOTHING(channel);
  CHECK_EQUAL(mailbox_at(channel, 0).expired, 1);
  check_and_close(space);
}

TEST(large_messages_that_expire_give_their_memory_back) {
  static char large[1 << 20];
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *channel = open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, NULL);
  syncmgr_send_options_t options = send_defaults();
  options.ttl_ns = 0;
  /* More than there is room for. */
  for (unsigned round = 0; round < 1500; round++) {
    CHECK_OK(syncmgr_channel_send(channel, large, sizeof large, &options, 0, NULL));
    EXPECT_NOTHING(channel);
  }
  check_and_close(space);
}
