/* Room for one message: whether it would have to wait, and for whom. */
#include "channels.h"

static syncmgr_channel_t *open_small(syncmgr_t *space, const char *name, uint32_t kind,
                                     syncmgr_workstream_t **out_stream) {
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = 1;
  options.overflow = SYNCMGR_OVERFLOW_BLOCK;
  syncmgr_workstream_t *stream = open_workstream(space, name);
  if (out_stream) *out_stream = stream;
  return open_channel(stream, "c", kind, &options);
}

static uint64_t room(syncmgr_channel_t *channel, const char *target, const char *topic) {
  syncmgr_send_options_t options = send_defaults();
  uint64_t what = 77;
  options.target = target;
  options.topic = topic;
  CHECK_OK(syncmgr_channel_room(channel, &options, &what));
  return what;
}

static void wait_for_one(syncmgr_t *space) {
  syncmgr_workstream_t *stream = NULL;
  syncmgr_channel_t *sender = open_small(space, "sender", SYNCMGR_CHANNEL_DIRECT, NULL);
  syncmgr_channel_t *stuck = open_small(space, "stuck", SYNCMGR_CHANNEL_DIRECT, &stream);
  syncmgr_channel_t *quick = open_small(space, "quick", SYNCMGR_CHANNEL_DIRECT, NULL);
  syncmgr_queue_t *records = open_queue(space);
  syncmgr_ticket_t *ticket = NULL;
  CHECK_EQUAL(room(sender, "stuck", NULL), 0);
  CHECK_OK(send_to(sender, "stuck", "1"));
  uint64_t what = room(sender, "stuck", NULL);
  CHECK(what != 0);
  CHECK_EQUAL(room(sender, "quick", NULL), 0);
  CHECK_OK(send_to(sender, "quick", "2"));
  uint64_t other = room(sender, "quick", NULL);
  CHECK(other != 0 && other != what);
  CHECK_STATUS(syncmgr_channel_wait(sender, what, 0), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_channel_wait(sender, what, MILLISECOND), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_channel_wait_start(sender, other, SYNCMGR_FOREVER, records, 1, &ticket),
               SYNCMGR_PENDING);
  /* The stuck one holds nobody up but its own. */
  EXPECT_TEXT(quick, "2");
  CHECK_OK(next_record(records).status);
  CHECK_OK(syncmgr_channel_wait(sender, other, 0));
  CHECK_STATUS(syncmgr_channel_wait(sender, what, 0), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_channel_wait_start(sender, what, SYNCMGR_FOREVER, records, 2, &ticket),
               SYNCMGR_PENDING);
  CHECK_OK(syncmgr_channel_close(stuck));
  next_record(records);
  CHECK_STATUS(send_to(sender, "stuck", "3"), SYNCMGR_E_NOT_FOUND);
  CHECK_OK(syncmgr_workstream_close(stream));
}

TEST(room_for_one_message_is_waited_for_alone) { in_both_spaces(wait_for_one); }

TEST(room_of_a_topic_is_that_of_its_subscribers) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *sender = open_small(space, "sender", SYNCMGR_CHANNEL_PUBSUB, NULL);
  syncmgr_channel_t *ann = open_small(space, "ann", SYNCMGR_CHANNEL_PUBSUB, NULL);
  syncmgr_channel_t *bob = open_small(space, "bob", SYNCMGR_CHANNEL_PUBSUB, NULL);
  CHECK_OK(syncmgr_channel_subscribe(ann, "a/*", 0));
  CHECK_OK(syncmgr_channel_subscribe(bob, "b/*", 0));
  CHECK_OK(send_topic(sender, "a/1", "1"));
  CHECK(room(sender, NULL, "a/2") != 0);
  CHECK_EQUAL(room(sender, NULL, "b/2"), 0);
  CHECK_EQUAL(room(sender, NULL, "c"), 0);
  CHECK_EQUAL(room(sender, "bob", "a/2"), 0);
  uint64_t what = room(sender, NULL, "a/2");
  EXPECT_TEXT(ann, "1");
  CHECK_OK(syncmgr_channel_wait(sender, what, 0));
  CHECK_EQUAL(room(sender, NULL, "a/2"), 0);
  check_and_close(space);
}

TEST(room_says_what_is_wrong) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *direct = open_small(space, "me", SYNCMGR_CHANNEL_DIRECT, NULL);
  syncmgr_send_options_t options = send_defaults();
  uint64_t what = 77;
  CHECK_STATUS(syncmgr_channel_room(direct, NULL, &what), SYNCMGR_E_INVALID);
  options.target = "nobody";
  CHECK_STATUS(syncmgr_channel_room(direct, &options, &what), SYNCMGR_E_NOT_FOUND);
  options.target = "me";
  CHECK_STATUS(syncmgr_channel_room(direct, &options, NULL), SYNCMGR_E_INVALID);
  options.priority = 9;
  CHECK_STATUS(syncmgr_channel_room(direct, &options, &what), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_channel_shut(direct, 0));
  options.priority = 0;
  CHECK_STATUS(syncmgr_channel_room(direct, &options, &what), SYNCMGR_E_CLOSED);
  syncmgr_channel_t *cells = open_channel(open_workstream(space, NULL), "cells",
                                          SYNCMGR_CHANNEL_MEMORY, NULL);
  CHECK_STATUS(syncmgr_channel_room(cells, NULL, &what), SYNCMGR_E_UNSUPPORTED);
  CHECK_EQUAL(what, 77);
  check_and_close(space);
}
