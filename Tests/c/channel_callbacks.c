/* Callbacks for messages: each message once and in order, and the end of the subscription once. */
#include "channels.h"

typedef struct hearing {
  syncmgr_channel_t *channel;
  syncmgr_subscription_t *subscription;
  _Atomic uint64_t count, destroyed;
  _Atomic bool is_inside, ends_itself;
} hearing_t;

static void hear(const syncmgr_message_t *message, void *user) {
  hearing_t *hearing = user;
  CHECK_EQUAL(hearing->destroyed, 0);
  CHECK(!atomic_exchange(&hearing->is_inside, true));
  CHECK_EQUAL(number_of(message), hearing->count);
  CHECK(message->sender[0] != 0);
  if (message->receipt) {
    CHECK_OK(syncmgr_message_acknowledge(hearing->channel, message->receipt));
  }
  hearing->is_inside = false;
  hearing->count += 1;
  if (hearing->ends_itself) CHECK_OK(syncmgr_off(hearing->subscription));
}

static void note_end(void *user) {
  hearing_t *hearing = user;
  hearing->destroyed += 1;
}

static syncmgr_workstream_t *start_hearing(syncmgr_t *space, hearing_t *hearing, uint32_t flags) {
  syncmgr_workstream_t *stream = open_workstream(space, NULL);
  syncmgr_channel_options_t options = channel_defaults();
  options.flags = flags;
  memset(hearing, 0, sizeof *hearing);
  hearing->channel = open_channel(stream, "c", SYNCMGR_CHANNEL_QUEUE, &options);
  CHECK_OK(syncmgr_channel_on(hearing->channel, hear, hearing, note_end, &hearing->subscription));
  return stream;
}

static void hear_all(syncmgr_t *space) {
  const uint32_t flags[] = {0, SYNCMGR_CHANNEL_ACKNOWLEDGE};
  for (unsigned round = 0; round < 2; round++) {
    static hearing_t hearing;
    syncmgr_workstream_t *stream = start_hearing(space, &hearing, flags[round]);
    syncmgr_workstream_t *other = open_workstream(space, NULL);
    syncmgr_channel_t *sender = open_channel(other, "c", SYNCMGR_CHANNEL_QUEUE, NULL);
    for (uint64_t number = 0; number < 5000; number++) {
      CHECK_OK(syncmgr_channel_send(sender, &number, sizeof number, NULL, SYNCMGR_FOREVER, NULL));
    }
    WAIT_UNTIL(hearing.count == 5000);
    CHECK_EQUAL(mailbox_at(sender, 0).waiting, 0);
    CHECK_OK(syncmgr_off(hearing.subscription));
    CHECK_EQUAL(hearing.destroyed, 1);
    CHECK_OK(send_number(sender, 1));
    sleep_ms(5);
    CHECK_EQUAL(hearing.count, 5000);
    EXPECT_NOTHING(open_channel(stream, "d", SYNCMGR_CHANNEL_QUEUE, NULL));
    CHECK_OK(syncmgr_workstream_close(stream));
    CHECK_OK(syncmgr_workstream_close(other));
    CHECK_EQUAL(hearing.destroyed, 1);
    CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_CHANNEL, "c"));
  }
}

TEST(a_callback_hears_every_message_once_and_in_order) { in_both_spaces(hear_all); }

/* Off, from within; the workstream, the manager, the channel end. */
TEST(a_callbacks_end_is_told_exactly_once) {
  for (unsigned way = 0; way < 6; way++) {
    static hearing_t hearing;
    const char *url = unique_url();
    syncmgr_t *space = open_space(url, 0), *other = open_space(url, 0);
    syncmgr_workstream_t *stream = start_hearing(space, &hearing, 0);
    syncmgr_channel_t *sender =
        open_channel(open_workstream(other, NULL), "c", SYNCMGR_CHANNEL_QUEUE, NULL);
    hearing.ends_itself = way == 1;
    CHECK_OK(send_number(sender, 0));
    WAIT_UNTIL(hearing.count == 1);
    if (way == 0) CHECK_OK(syncmgr_off(hearing.subscription));
    if (way == 2) CHECK_OK(syncmgr_workstream_close(stream));
    if (way == 3) CHECK_OK(syncmgr_close(space));
    if (way == 4) CHECK_OK(syncmgr_channel_shut(sender, 0));
    if (way == 5) CHECK_OK(syncmgr_channel_shut(sender, SYNCMGR_CHANNEL_DRAIN));
    WAIT_UNTIL(hearing.destroyed == 1);
    if (way != 3) CHECK_OK(syncmgr_close(space));
    CHECK_EQUAL(hearing.destroyed, 1);
    CHECK_EQUAL(hearing.count, 1);
    check_and_close(other);
  }
}

TEST(a_callback_that_cannot_be_is_refused_and_its_end_told) {
  static hearing_t hearing;
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_t *silent = open_space(unique_url(), SYNCMGR_OPEN_NO_THREADS);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *queue = open_channel(me, "q", SYNCMGR_CHANNEL_QUEUE, NULL);
  syncmgr_channel_t *all = open_channel(me, "b", SYNCMGR_CHANNEL_BROADCAST, NULL);
  syncmgr_channel_t *cells = open_channel(me, "m", SYNCMGR_CHANNEL_MEMORY, NULL);
  syncmgr_channel_t *quiet =
      open_channel(open_workstream(silent, NULL), "q", SYNCMGR_CHANNEL_QUEUE, NULL);
  syncmgr_subscription_t *out = NULL;
  CHECK_STATUS(syncmgr_channel_on(queue, NULL, &hearing, note_end, &out), SYNCMGR_E_INVALID);
  CHECK_EQUAL(hearing.destroyed, 1);
  CHECK_STATUS(syncmgr_channel_on(all, hear, &hearing, note_end, &out), SYNCMGR_E_NOT_FOUND);
  CHECK_EQUAL(hearing.destroyed, 2);
  CHECK_STATUS(syncmgr_channel_on(cells, hear, &hearing, note_end, &out), SYNCMGR_E_UNSUPPORTED);
  CHECK_EQUAL(hearing.destroyed, 3);
  CHECK_STATUS(syncmgr_channel_on(quiet, hear, &hearing, note_end, &out), SYNCMGR_E_UNSUPPORTED);
  CHECK_EQUAL(hearing.destroyed, 4);
  CHECK_OK(syncmgr_channel_shut(queue, 0));
  CHECK_STATUS(syncmgr_channel_on(queue, hear, &hearing, note_end, &out), SYNCMGR_E_CLOSED);
  CHECK_EQUAL(hearing.destroyed, 5);
  CHECK(out == NULL);
  CHECK_OK(syncmgr_close(silent));
  check_and_close(space);
}

TEST(unsubscribing_ends_the_callback) {
  static hearing_t hearing;
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *sender =
      open_channel(open_workstream(space, NULL), "c", SYNCMGR_CHANNEL_BROADCAST, NULL);
  hearing.channel = open_channel(open_workstream(space, NULL), "c", SYNCMGR_CHANNEL_BROADCAST,
                                 NULL);
  CHECK_OK(syncmgr_channel_subscribe(hearing.channel, NULL, 0));
  CHECK_OK(syncmgr_channel_on(hearing.channel, hear, &hearing, note_end, &hearing.subscription));
  CHECK_OK(send_number(sender, 0));
  WAIT_UNTIL(hearing.count == 1);
  CHECK_OK(syncmgr_channel_unsubscribe(hearing.channel, NULL));
  WAIT_UNTIL(hearing.destroyed == 1);
  syncmgr_off(hearing.subscription);
  CHECK_EQUAL(hearing.destroyed, 1);
  check_and_close(space);
}
