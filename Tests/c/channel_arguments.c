/* What callers get wrong: pointers, sizes, options, handles and kinds. */
#include <stddef.h>
#include <unistd.h>

#include "channels.h"

enum { KINDS = 5 };

static const uint32_t queue = SYNCMGR_CHANNEL_QUEUE, memory = SYNCMGR_CHANNEL_MEMORY;

TEST(null_outputs_and_data_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *channel = open_channel(me, "c", queue, NULL);
  syncmgr_message_t message;
  uint32_t lengths[2] = {1, 1}, count = 2;
  uint64_t request = 0;
  char buffer[64];
  CHECK_OK(send_text(channel, "x"));
  CHECK_STATUS(syncmgr_channel_open(me, "c", queue, NULL, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_send(channel, NULL, 1, NULL, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_request(channel, NULL, 1, NULL, 0, &request), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_request(channel, "", 0, NULL, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_reply(channel, 1, NULL, 1, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_send_many(channel, NULL, lengths, &count, NULL, 0),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_send_many(channel, "xy", NULL, &count, NULL, 0),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_send_many(channel, "xy", lengths, NULL, NULL, 0),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_recv(channel, NULL, 64, 0, &message), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_recv(channel, buffer, 64, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_recv(channel, buffer, SIZE_MAX, 0, &message), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_recv_many(channel, NULL, 64, &message, 1, &count),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_recv_many(channel, buffer, 64, NULL, 1, &count),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_recv_many(channel, buffer, 64, &message, 0, &count),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_recv_many(channel, buffer, 64, &message, 1, NULL),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_view(channel, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_response(channel, 1, NULL, 64, 0, &message), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_response(channel, 1, buffer, 64, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_mailboxes(channel, NULL, 1, &count), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_mailboxes(channel, NULL, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_EQUAL(count, 2);
  CHECK_EQUAL(request, 0);
  /* Without a buffer it is told how large one has to be. */
  CHECK_STATUS(syncmgr_channel_recv(channel, NULL, 0, 0, &message), SYNCMGR_E_TOO_LARGE);
  EXPECT_TEXT(channel, "x");
  EXPECT_NOTHING(channel);
  check_and_close(space);
}

TEST(timeouts_below_minus_one_are_refused_by_channels) {
  const int64_t bad[] = {-2, -3, INT32_MIN, INT64_MIN, INT64_MIN + 1};
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_channel(open_workstream(space, NULL), "c", queue, NULL);
  syncmgr_message_t message;
  char buffer[512];
  uint32_t length = 1, count = 1;
  uint64_t request = 0;
  for (unsigned round = 0; round < 2; round++) {
    /* With a message there, and without. */
    if (round) CHECK_OK(send_text(channel, "x"));
    for (unsigned index = 0; index < 5; index++) {
      int64_t timeout = bad[index];
      CHECK_STATUS(syncmgr_channel_send(channel, "", 0, NULL, timeout, NULL), SYNCMGR_E_INVALID);
      CHECK_STATUS(syncmgr_channel_send_many(channel, "x", &length, &count, NULL, timeout),
                   SYNCMGR_E_INVALID);
      CHECK_STATUS(syncmgr_channel_recv(channel, buffer, 512, timeout, &message),
                   SYNCMGR_E_INVALID);
      CHECK_STATUS(syncmgr_channel_view(channel, timeout, &message), SYNCMGR_E_INVALID);
      CHECK_STATUS(syncmgr_channel_wait(channel, SYNCMGR_READABLE, timeout), SYNCMGR_E_INVALID);
      CHECK_STATUS(syncmgr_channel_request(channel, "", 0, NULL, timeout, &request),
                   SYNCMGR_E_INVALID);
    }
    CHECK_EQUAL(mailbox_at(channel, 0).waiting, round);
  }
  check_and_close(space);
}

TEST(send_options_that_cannot_be_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  char long_text[1100];
  memset(long_text, ' ', sizeof long_text);
  for (uint32_t kind = 0; kind < 4; kind++) {
    char name[] = {'c', (char)('0' + kind), 0};
    syncmgr_channel_t *channel = open_channel(me, name, kind, NULL);
    syncmgr_send_options_t good = send_defaults(), bad;
    good.topic = kind == SYNCMGR_CHANNEL_PUBSUB ? "t" : NULL;
    good.target = kind == SYNCMGR_CHANNEL_DIRECT ? "me" : NULL;
    CHECK(syncmgr_channel_send(channel, "x", 1, &good, 0, NULL) >= 0);
#define REFUSED(change)                                                                     \
  do {                                                                                      \
    bad = good;                                                                             \
    change;                                                                                 \
    CHECK_STATUS(syncmgr_channel_send(channel, "x", 1, &bad, 0, NULL), SYNCMGR_E_INVALID);  \
  } while (0)
    REFUSED(bad.size = 0);
    REFUSED(bad.size = 3);
    for (unsigned bit = 3; bit < 32; bit++) REFUSED(bad.flags = 1u << bit);
    REFUSED(bad.priority = 4);
    REFUSED(bad.reserved = 1);
    REFUSED(bad.ttl_ns = -2);
    long_text[1099] = 0;
    REFUSED(bad.metadata = long_text);
    REFUSED(bad.metadata = "{");
    REFUSED(bad.metadata = "nothing");
    REFUSED(bad.metadata = "{} {}");
    REFUSED(bad.metadata = "\"\xff\"");
    REFUSED(bad.topic = "");
    long_text[256] = 0;
    REFUSED(bad.topic = long_text);
    long_text[256] = ' ';
    if (kind < SYNCMGR_CHANNEL_BROADCAST) REFUSED(bad.flags = SYNCMGR_SEND_SELF);
    if (kind == queue) REFUSED(bad.target = "me");
    bad = good;
    bad.metadata = "";
    CHECK(syncmgr_channel_send(channel, "x", 1, &bad, 0, NULL) >= 0);
    bad.metadata = " [1, 2.5e3, \"\\u00e4\", null] ";
    CHECK(syncmgr_channel_send(channel, "x", 1, &bad, 0, NULL) >= 0);
  }
  check_and_close(space);
}

TEST(options_of_an_older_or_newer_caller_are_understood) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  struct {
    syncmgr_channel_options_t options;
    uint64_t more;
  } newer = {channel_defaults(), 0};
  struct {
    syncmgr_send_options_t options;
    uint64_t more;
  } newer_send = {send_defaults(), 0};
  syncmgr_channel_t *channel = NULL;
  newer.options.size = sizeof newer;
  CHECK_OK(syncmgr_channel_open(me, "c", queue, &newer.options, &channel));
  newer.more = 1;
  CHECK_STATUS(syncmgr_channel_open(me, "d", queue, &newer.options, &channel), SYNCMGR_E_INVALID);
  newer_send.options.size = sizeof newer_send;
  CHECK_OK(syncmgr_channel_send(channel, "x", 1, &newer_send.options, 0, NULL));
  newer_send.more = 1;
  CHECK_STATUS(syncmgr_channel_send(channel, "x", 1, &newer_send.options, 0, NULL),
               SYNCMGR_E_INVALID);
  /* What an older caller does not have is as by default. */
  newer_send.options.size = offsetof(syncmgr_send_options_t, ttl_ns);
  newer_send.options.ttl_ns = -77;
  CHECK_OK(syncmgr_channel_send(channel, "x", 1, &newer_send.options, 0, NULL));
  newer.options = channel_defaults();
  newer.options.size = offsetof(syncmgr_channel_options_t, overflow);
  newer.options.overflow = newer.options.history = newer.options.max_deliveries = 77;
  CHECK_OK(syncmgr_channel_open(me, "e", queue, &newer.options, &channel));
  newer.options.size = 4;
  newer.options.capacity = 0;
  CHECK_OK(syncmgr_channel_open(me, "f", queue, &newer.options, &channel));
  check_and_close(space);
}

TEST(a_channel_of_cells_has_no_messages) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_channel(open_workstream(space, NULL), "c", memory, NULL);
  syncmgr_message_t message;
  char buffer[64];
  uint32_t length = 1, count = 1;
  uint64_t request = 0;
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(send_text(channel, "x"), SYNCMGR_E_UNSUPPORTED);
  CHECK_STATUS(syncmgr_channel_send_many(channel, "x", &length, &count, NULL, 0),
               SYNCMGR_E_UNSUPPORTED);
  CHECK_STATUS(syncmgr_channel_request(channel, "x", 1, NULL, 0, &request),
               SYNCMGR_E_UNSUPPORTED);
  CHECK_STATUS(syncmgr_channel_recv(channel, buffer, 64, 0, &message), SYNCMGR_E_UNSUPPORTED);
  CHECK_STATUS(syncmgr_channel_recv_many(channel, buffer, 64, &message, 1, &count),
               SYNCMGR_E_UNSUPPORTED);
  CHECK_STATUS(syncmgr_channel_view(channel, 0, &message), SYNCMGR_E_UNSUPPORTED);
  CHECK_STATUS(syncmgr_channel_wait(channel, SYNCMGR_READABLE, 0), SYNCMGR_E_UNSUPPORTED);
  CHECK_STATUS(syncmgr_channel_wait(channel, SYNCMGR_WRITABLE, 0), SYNCMGR_E_UNSUPPORTED);
  CHECK_STATUS(syncmgr_channel_wait_start(channel, SYNCMGR_READABLE, 0, NULL, 0, &ticket),
               SYNCMGR_E_UNSUPPORTED);
  CHECK_OK(syncmgr_channel_mailboxes(channel, NULL, 0, &count));
  CHECK_EQUAL(count, 0);
  check_and_close(space);
}

TEST(a_channel_of_messages_has_no_cells) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  for (uint32_t kind = 0; kind < memory; kind++) {
    char name[] = {'c', (char)('0' + kind), 0}, buffer[64];
    syncmgr_channel_t *channel = open_channel(me, name, kind, NULL);
    syncmgr_cell_t cell = {.key = "key", .data = "x", .length = 1};
    syncmgr_ticket_t *ticket = NULL;
    uint64_t version = 0;
    size_t length = 0;
    void *data = NULL;
    CHECK_STATUS(syncmgr_channel_set(channel, &cell, SYNCMGR_VERSION_ANY, &version),
                 SYNCMGR_E_UNSUPPORTED);
    CHECK_STATUS(syncmgr_channel_get(channel, &cell, 1, buffer, 64, &length),
                 SYNCMGR_E_UNSUPPORTED);
    CHECK_STATUS(syncmgr_channel_changed(channel, "key", 0, 0, &version), SYNCMGR_E_UNSUPPORTED);
    CHECK_STATUS(syncmgr_channel_changed_start(channel, &cell, 0, NULL, 0, &ticket),
                 SYNCMGR_E_UNSUPPORTED);
    CHECK_STATUS(syncmgr_channel_region(channel, "key", 100, &data), SYNCMGR_E_UNSUPPORTED);
    CHECK(data == NULL && ticket == NULL && version == 0);
  }
  check_and_close(space);
}

TEST(mailboxes_are_listed_as_far_as_there_is_room) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = NULL;
  syncmgr_mailbox_t mailboxes[5];
  char name[] = "w0";
  uint32_t count = 0;
  for (unsigned index = 0; index < 5; index++) {
    name[1] = (char)('0' + index);
    channel = open_channel(open_workstream(space, name), "c", SYNCMGR_CHANNEL_DIRECT, NULL);
  }
  for (uint32_t capacity = 0; capacity <= 5; capacity++) {
    memset(mailboxes, 0x5a, sizeof mailboxes);
    CHECK_OK(syncmgr_channel_mailboxes(channel, mailboxes, capacity, &count));
    CHECK_EQUAL(count, 5);
    for (uint32_t index = 0; index < 5; index++) {
      bool is_written = mailboxes[index].pid != 0x5a5a5a5a;
      CHECK_EQUAL(is_written, index < capacity);
      if (!is_written) continue;
      CHECK_EQUAL(mailboxes[index].name[0], 'w');
      CHECK(mailboxes[index].workstream != 0);
    }
  }
  check_and_close(space);
}
