/* Channels on a small /dev/shm: full is E_NO_SPACE, never a SIGBUS, and what is there works on. In
 * a mount namespace of its own, see segment_full.c. */
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

#include "channels.h"

static const uint32_t queue = SYNCMGR_CHANNEL_QUEUE, broadcast = SYNCMGR_CHANNEL_BROADCAST;

static syncmgr_t *open_small(const char *options) {
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("small", "/dev/shm", "tmpfs", 0, options) != 0) {
    harness_skip("this system allows no mount namespace with a small /dev/shm");
  }
  return open_space(unique_url(), 0);
}

static char data[1 << 20], buffer[sizeof data + 4096];

TEST(large_messages_end_at_a_full_dev_shm_and_their_memory_is_used_again) {
  syncmgr_t *space = open_small("size=16m");
  syncmgr_channel_t *channel = open_channel(open_workstream(space, NULL), "c", queue, NULL);
  syncmgr_message_t message;
  for (unsigned round = 0; round < 3; round++) {
    unsigned count = 0;
    int32_t status = SYNCMGR_OK;
    memset(data, 'a' + (int)round, sizeof data);
    while ((status = syncmgr_channel_send(channel, data, sizeof data, NULL, 0, NULL)) ==
           SYNCMGR_OK) {
      count += 1;
    }
    CHECK_STATUS(status, SYNCMGR_E_NO_SPACE);
    CHECK(count >= 4 && count < 16);
    /* A small one needs none of it. */
    CHECK_OK(send_text(channel, "small"));
    for (unsigned index = 0; index < count; index++) {
      CHECK_OK(syncmgr_channel_recv(channel, buffer, sizeof buffer, 0, &message));
      CHECK(message.length == sizeof data && memcmp(buffer, data, sizeof data) == 0);
    }
    EXPECT_TEXT(channel, "small");
  }
  check_and_close(space);
}

TEST(loans_and_mailboxes_end_at_a_full_dev_shm) {
  syncmgr_t *space = open_small("size=16m");
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *first = open_channel(me, "first", queue, NULL), *channel = NULL;
  unsigned loans = 0, channels = 0;
  int32_t status = SYNCMGR_OK;
  void *loan = NULL;
  for (; (status = syncmgr_channel_loan(first, 100000, &loan)) == SYNCMGR_OK; loans++) {
    memset(loan, 1, 100000);
  }
  CHECK_STATUS(status, SYNCMGR_E_NO_SPACE);
  CHECK(loans >= 50 && loans < 160);
  for (status = SYNCMGR_OK; status == SYNCMGR_OK; channels++) {
    char name[16];
    snprintf(name, sizeof name, "c%u", channels);
    status = syncmgr_channel_open(me, name, queue, NULL, &channel);
  }
  CHECK_STATUS(status, SYNCMGR_E_NO_SPACE);
  CHECK_OK(send_text(first, "works on"));
  EXPECT_TEXT(first, "works on");
  CHECK_OK(syncmgr_channel_close(first));
  /* The loans went with the handle: there is room for others now. */
  CHECK_OK(syncmgr_channel_open(me, "more", broadcast, NULL, &channel));
  CHECK_OK(syncmgr_channel_subscribe(channel, NULL, 0));
  check_and_close(space);
}

TEST(subscribers_and_patterns_end_at_a_full_dev_shm) {
  syncmgr_t *space = open_small("size=8m");
  const uint32_t topics = SYNCMGR_CHANNEL_PUBSUB;
  syncmgr_channel_t *sender = open_channel(open_workstream(space, NULL), "c", topics, NULL);
  syncmgr_channel_t *first = open_channel(open_workstream(space, NULL), "c", topics, NULL);
  CHECK_OK(syncmgr_channel_subscribe(first, "t", 0));
  int32_t status = SYNCMGR_OK;
  for (unsigned count = 0; status == SYNCMGR_OK; count++) {
    char pattern[250];
    CHECK(count < 100000);
    snprintf(pattern, sizeof pattern, "%0240u", count);
    status = syncmgr_channel_subscribe(first, pattern, 0);
  }
  CHECK_STATUS(status, SYNCMGR_E_NO_SPACE);
  status = SYNCMGR_OK;
  for (unsigned count = 0; status == SYNCMGR_OK; count++) {
    syncmgr_workstream_t *stream = NULL;
    syncmgr_channel_t *channel = NULL;
    CHECK(count < 10000);
    status = syncmgr_workstream_open(space, NULL, &stream);
    if (status == SYNCMGR_OK) status = syncmgr_channel_open(stream, "c", topics, NULL, &channel);
    if (status == SYNCMGR_OK) status = syncmgr_channel_subscribe(channel, "t", 0);
  }
  CHECK_STATUS(status, SYNCMGR_E_NO_SPACE);
  CHECK(send_topic(sender, "t", "to all there are") == SYNCMGR_OK);
  EXPECT_TEXT(first, "to all there are");
  check_and_close(space);
}
