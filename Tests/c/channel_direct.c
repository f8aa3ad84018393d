/* Direct channels: to the one that is named, and what happens when it is not there. */
#include "channels.h"

static const uint32_t direct = SYNCMGR_CHANNEL_DIRECT;

static syncmgr_channel_t *join(syncmgr_t *space, const char *name) {
  return open_channel(open_workstream(space, name), "c", direct, NULL);
}

static int32_t send_returning(syncmgr_channel_t *channel, const char *target, const char *text) {
  syncmgr_send_options_t options = send_defaults();
  options.target = target;
  options.flags = SYNCMGR_SEND_RETURN;
  options.correlation = 4711;
  return syncmgr_channel_send(channel, text, strlen(text), &options, 0, NULL);
}

static void expect_returned(syncmgr_channel_t *channel, const char *text) {
  received_t received;
  CHECK_OK(take(channel, 5 * SECOND, &received));
  CHECK(message_is(&received.message, text));
  CHECK_EQUAL(received.message.flags & SYNCMGR_MESSAGE_RETURNED, SYNCMGR_MESSAGE_RETURNED);
  CHECK_EQUAL(received.message.correlation, 4711);
}

static void send_around(syncmgr_t *space) {
  syncmgr_channel_t *ann = join(space, "ann"), *bob = join(space, "bob"), *cid = join(space, "cid");
  received_t received;
  uint32_t count = 9;
  syncmgr_send_options_t options = send_defaults();
  options.target = "bob";
  CHECK_OK(syncmgr_channel_send(ann, "1", 1, &options, 0, &count));
  CHECK_EQUAL(count, 1);
  CHECK_OK(send_to(cid, "bob", "2"));
  CHECK_OK(send_to(ann, "cid", "3"));
  CHECK_OK(send_to(ann, "ann", "4"));
  CHECK_OK(take(bob, 0, &received));
  CHECK(message_is(&received.message, "1") && strcmp(received.message.sender, "ann") == 0);
  CHECK_OK(take(bob, 0, &received));
  CHECK(message_is(&received.message, "2") && strcmp(received.message.sender, "cid") == 0);
  EXPECT_NOTHING(bob);
  EXPECT_TEXT(cid, "3");
  EXPECT_TEXT(ann, "4");
}

TEST(a_direct_message_goes_to_the_workstream_that_is_named) { in_both_spaces(send_around); }

static void know_nobody(syncmgr_t *space) {
  syncmgr_channel_t *ann = join(space, "ann");
  /* It is there, and has not opened the channel, or another one. */
  syncmgr_workstream_t *bob = open_workstream(space, "bob");
  open_channel(bob, "d", direct, NULL);
  CHECK_STATUS(send_to(ann, "nobody", "1"), SYNCMGR_E_NOT_FOUND);
  CHECK_SENTENCE("nobody");
  CHECK_STATUS(send_to(ann, "bob", "1"), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(send_to(ann, "an", "1"), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(send_to(ann, "anna", "1"), SYNCMGR_E_NOT_FOUND);
  syncmgr_channel_t *late = open_channel(bob, "c", direct, NULL);
  CHECK_OK(send_to(ann, "bob", "2"));
  EXPECT_TEXT(late, "2");
  CHECK_OK(syncmgr_channel_close(late));
  CHECK_STATUS(send_to(ann, "bob", "3"), SYNCMGR_E_NOT_FOUND);
  CHECK_OK(syncmgr_workstream_close(bob));
  CHECK_STATUS(send_to(ann, "bob", "4"), SYNCMGR_E_NOT_FOUND);
}

TEST(an_unknown_recipient_is_an_error_of_the_send) { in_both_spaces(know_nobody); }

TEST(a_direct_message_needs_a_target_that_is_a_name) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *ann = join(space, "ann");
  char longest[300];
  memset(longest, 'x', sizeof longest);
  longest[256] = 0;
  CHECK_STATUS(send_text(ann, "1"), SYNCMGR_E_INVALID);
  CHECK_STATUS(send_to(ann, NULL, "1"), SYNCMGR_E_INVALID);
  CHECK_STATUS(send_to(ann, "", "1"), SYNCMGR_E_NAME);
  CHECK_STATUS(send_to(ann, "ann/ann", "1"), SYNCMGR_E_NAME);
  CHECK_STATUS(send_to(ann, "a\nb", "1"), SYNCMGR_E_NAME);
  CHECK_STATUS(send_to(ann, "\xff", "1"), SYNCMGR_E_NAME);
  CHECK_STATUS(send_to(ann, longest, "1"), SYNCMGR_E_NAME);
  longest[255] = 0;
  CHECK_STATUS(send_to(ann, longest, "1"), SYNCMGR_E_NOT_FOUND);
  EXPECT_NOTHING(ann);
  check_and_close(space);
}

static syncmgr_channel_options_t two_slots(void) {
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = 2;
  return options;
}

/* Opens the channel as workstream "bob", with `index` 1 of two slots. Pause 1: opened. Pause 2:
 * took one. */
static void receive_one(peer_t *self) {
  const syncmgr_channel_options_t two = two_slots();
  syncmgr_t *space = peer_space(self);
  syncmgr_channel_t *channel =
      open_channel(open_workstream(space, "bob"), "c", direct, self->index ? &two : NULL);
  received_t received;
  peer_pause(self);
  CHECK_OK(take(channel, SYNCMGR_FOREVER, &received));
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

TEST(a_dead_recipient_is_not_found) {
  const char *url = unique_url();
  peer_t *bob = peer_start(receive_one, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *ann = join(space, "ann");
  peer_wait_pause(bob, 1);
  CHECK_EQUAL(mailbox_count(ann), 2);
  peer_kill(bob);
  /* The death is noticed soon, by nobody's action. */
  int32_t status = SYNCMGR_OK;
  for (unsigned round = 0; round < 5000 && status == SYNCMGR_OK; round++) {
    status = send_to(ann, "bob", "1");
    sleep_ms(1);
  }
  CHECK_STATUS(status, SYNCMGR_E_NOT_FOUND);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_EQUAL(mailbox_count(ann), 1);
  /* The name is free for another one. */
  syncmgr_channel_t *next = join(space, "bob");
  CHECK_OK(send_to(ann, "bob", "2"));
  EXPECT_TEXT(next, "2");
  check_and_close(space);
}

TEST(what_a_dead_recipient_had_not_taken_comes_back) {
  static char large[50000];
  const char *url = unique_url();
  peer_t *bob = peer_start(receive_one, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *ann = join(space, "ann"), *cid = join(space, "cid");
  peer_wait_pause(bob, 1);
  CHECK_OK(send_returning(ann, "bob", "taken"));
  CHECK_OK(send_to(ann, "bob", "not wanted back"));
  CHECK_OK(send_returning(ann, "bob", "first"));
  CHECK_OK(send_returning(cid, "bob", "of cid"));
  CHECK_OK(send_returning(ann, "bob", "second"));
  memset(large, 'x', sizeof large - 1);
  CHECK_OK(send_returning(ann, "bob", large));
  peer_go(bob);
  peer_wait_pause(bob, 2);
  peer_kill(bob);
  expect_returned(ann, "first");
  expect_returned(ann, "second");
  syncmgr_message_t message;
  CHECK_OK(syncmgr_channel_view(ann, 5 * SECOND, &message));
  CHECK(message_is(&message, large));
  CHECK((message.flags & SYNCMGR_MESSAGE_RETURNED) != 0);
  CHECK_OK(syncmgr_message_acknowledge(ann, message.receipt));
  expect_returned(cid, "of cid");
  CHECK_OK(syncmgr_cleanup(space, NULL));
  EXPECT_NOTHING(ann);
  EXPECT_NOTHING(cid);
  check_and_close(space);
}

static void close_and_return(syncmgr_t *space) {
  for (unsigned way = 0; way < 2; way++) {
    syncmgr_workstream_t *stream = open_workstream(space, "bob");
    syncmgr_channel_t *ann = join(space, way ? "ann-1" : "ann-0");
    syncmgr_channel_t *bob = open_channel(stream, "c", direct, NULL);
    CHECK_OK(send_returning(ann, "bob", "taken"));
    CHECK_OK(send_returning(ann, "bob", "first"));
    CHECK_OK(send_to(ann, "bob", "not wanted back"));
    CHECK_OK(send_returning(ann, "bob", "second"));
    EXPECT_TEXT(bob, "taken");
    if (way == 0) CHECK_OK(syncmgr_channel_close(bob));
    CHECK_OK(syncmgr_workstream_close(stream));
    expect_returned(ann, "first");
    expect_returned(ann, "second");
    EXPECT_NOTHING(ann);
  }
}

TEST(what_a_recipient_that_closes_had_not_taken_comes_back) { in_both_spaces(close_and_return); }

TEST(a_returned_message_does_not_return_again) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *ann = join(space, "ann"), *bob = join(space, "bob");
  CHECK_OK(send_returning(ann, "bob", "one"));
  CHECK_OK(syncmgr_channel_close(bob));
  CHECK_OK(syncmgr_channel_close(ann));
  check_and_close(space);
}

TEST(only_direct_messages_can_return) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_send_options_t options = send_defaults();
  options.flags = SYNCMGR_SEND_RETURN;
  options.topic = "t";
  const uint32_t kinds[] = {SYNCMGR_CHANNEL_QUEUE, SYNCMGR_CHANNEL_BROADCAST,
                            SYNCMGR_CHANNEL_PUBSUB};
  for (unsigned index = 0; index < 3; index++) {
    char name[] = {'c', (char)('0' + index), 0};
    syncmgr_channel_t *channel = open_channel(me, name, kinds[index], NULL);
    CHECK_STATUS(syncmgr_channel_send(channel, "", 0, &options, 0, NULL), SYNCMGR_E_INVALID);
  }
  check_and_close(space);
}

TEST(a_full_mailbox_holds_up_only_who_sends_to_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  const syncmgr_channel_options_t options = two_slots();
  syncmgr_channel_t *ann = open_channel(open_workstream(space, "ann"), "c", direct, &options);
  syncmgr_channel_t *bob = join(space, "bob"), *cid = join(space, "cid");
  CHECK_OK(send_to(ann, "bob", "1"));
  CHECK_OK(send_to(ann, "bob", "2"));
  CHECK_STATUS(send_to(ann, "bob", "3"), SYNCMGR_E_TIMEOUT);
  CHECK_OK(send_to(ann, "cid", "4"));
  EXPECT_TEXT(cid, "4");
  EXPECT_TEXT(bob, "1");
  CHECK_OK(send_to(ann, "bob", "3"));
  EXPECT_TEXT(bob, "2");
  EXPECT_TEXT(bob, "3");
  check_and_close(space);
}

typedef struct blocked_send {
  syncmgr_channel_t *channel;
  _Atomic int32_t status;
} blocked_send_t;

static void *send_to_the_full(void *argument) {
  blocked_send_t *blocked = argument;
  syncmgr_send_options_t options = send_defaults();
  options.target = "bob";
  blocked->status = syncmgr_channel_send(blocked->channel, "3", 1, &options, SYNCMGR_FOREVER, NULL);
  return NULL;
}

TEST(who_waits_for_room_in_the_mailbox_of_one_that_goes_is_told) {
  for (unsigned way = 0; way < 3; way++) {
    const char *url = unique_url();
    peer_t *peer = way == 2 ? peer_start(receive_one, url, 1, 0) : NULL;
    if (peer) peer_wait_pause(peer, 1);
    syncmgr_t *space = open_space(url, 0);
    const syncmgr_channel_options_t options = two_slots();
    syncmgr_workstream_t *stream = way < 2 ? open_workstream(space, "bob") : NULL;
    syncmgr_channel_t *bob = way < 2 ? open_channel(stream, "c", direct, &options) : NULL;
    blocked_send_t blocked = {.channel = join(space, "ann"), .status = 99};
    CHECK_OK(send_to(blocked.channel, "bob", "1"));
    CHECK_OK(send_to(blocked.channel, "bob", "2"));
    pthread_t thread = start_thread(send_to_the_full, &blocked);
    sleep_ms(30);
    CHECK_EQUAL(blocked.status, 99);
    if (way == 0) CHECK_OK(syncmgr_channel_close(bob));
    if (way == 1) CHECK_OK(syncmgr_workstream_close(stream));
    if (way == 2) peer_kill(peer);
    join_thread(thread);
    CHECK_STATUS(blocked.status, SYNCMGR_E_NOT_FOUND);
    check_and_close(space);
  }
}
