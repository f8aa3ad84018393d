/* A subscriber that sleeps, one that dies and one that closes, beside ten that are well: those get
 * everything, in order and once, and the sender never waits. */
#include <signal.h>
#include <unistd.h>

#include "channels.h"

enum { HEALTHY = 10, SLEEPING = HEALTHY, DYING, CLOSING, STOPPED, KINDS, MESSAGES = 20000 };

static const uint32_t broadcast = SYNCMGR_CHANNEL_BROADCAST;

static syncmgr_channel_t *open_one(syncmgr_workstream_t *me) {
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = 1024;
  return open_channel(me, "c", broadcast, &options);
}

/* Value 1: how many messages came so far. Value 2: how many it was told that it lost. */
static void listen(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_channel_t *channel = open_one(peer_enter(self, &space));
  int64_t last = -1;
  received_t received;
  CHECK_OK(syncmgr_channel_subscribe(channel, NULL, 0));
  peer_pause(self);
  if (self->index == SLEEPING) {
    peer_pause(self);
    _exit(0);
  }
  while (last < MESSAGES - 1) {
    CHECK_OK(take(channel, SYNCMGR_FOREVER, &received));
    int64_t number = (int64_t)number_of(&received.message);
    CHECK_EQUAL(number, last + 1 + (int64_t)received.message.dropped);
    last = number;
    atomic_fetch_add(&self->values[1], 1);
    atomic_fetch_add(&self->values[2], (int64_t)received.message.dropped);
    if (self->index == CLOSING && number > MESSAGES / 4) break;
  }
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, the_sick_take_nothing_from_the_healthy) {
  const char *url = unique_url();
  peer_t *peers[KINDS];
  for (uint32_t index = 0; index < KINDS; index++) peers[index] = peer_start(listen, url, index, 0);
  for (uint32_t index = 0; index < KINDS; index++) peer_wait_pause(peers[index], 1);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *channel = open_one(open_workstream(space, "sender"));
  for (uint32_t index = 0; index < KINDS; index++) peer_go(peers[index]);
  peer_signal(peers[STOPPED], SIGSTOP);
  for (uint64_t number = 0; number < MESSAGES; number++) {
    /* No faster than the slowest of the healthy can hear. */
    for (uint32_t index = 0; index < HEALTHY; index++) {
      while ((int64_t)number - atomic_load(&peers[index]->values[1]) > 1000) {
        peer_ended(peers[index]);
        usleep(100);
      }
    }
    CHECK_OK(send_number(channel, number));
    if (number == MESSAGES / 2) peer_kill(peers[DYING]);
  }
  for (uint32_t index = 0; index < HEALTHY; index++) {
    peer_join(peers[index]);
    CHECK_EQUAL(atomic_load(&peers[index]->values[1]), MESSAGES);
    CHECK_EQUAL(atomic_load(&peers[index]->values[2]), 0);
  }
  peer_join(peers[CLOSING]);
  /* Who slept has lost what did not fit, and nothing else; so has who was stopped. */
  syncmgr_mailbox_t mailboxes[KINDS];
  uint32_t count = 0;
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_OK(syncmgr_channel_mailboxes(channel, mailboxes, KINDS, &count));
  CHECK_EQUAL(count, 2);
  for (uint32_t index = 0; index < 2; index++) {
    CHECK_EQUAL(mailboxes[index].waiting, 1024);
    CHECK_EQUAL(mailboxes[index].waiting + mailboxes[index].dropped + mailboxes[index].received,
                MESSAGES);
  }
  peer_signal(peers[STOPPED], SIGCONT);
  peer_join(peers[STOPPED]);
  CHECK_EQUAL(atomic_load(&peers[STOPPED]->values[1]) + atomic_load(&peers[STOPPED]->values[2]),
              MESSAGES);
  peer_go(peers[SLEEPING]);
  peer_join(peers[SLEEPING]);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  check_and_close(space);
}

typedef struct hearing {
  _Atomic uint64_t count, last;
  _Atomic bool is_stuck, goes_on;
} hearing_t;

static void hear(const syncmgr_message_t *message, void *user) {
  hearing_t *hearing = user;
  CHECK_EQUAL(number_of(message), hearing->count);
  hearing->count += 1;
}

static void hear_and_stick(const syncmgr_message_t *message, void *user) {
  hearing_t *hearing = user;
  hearing->last = number_of(message);
  hearing->count += 1;
  hearing->is_stuck = true;
  while (!hearing->goes_on) sleep_ms(1);
}

TEST_WITHIN(60, a_callback_that_is_stuck_takes_nothing_from_the_others) {
  static hearing_t healthy[HEALTHY], stuck;
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_one(open_workstream(space, "sender"));
  syncmgr_subscription_t *subscriptions[HEALTHY + 1];
  for (unsigned index = 0; index <= HEALTHY; index++) {
    syncmgr_channel_t *listener = open_one(open_workstream(space, NULL));
    CHECK_OK(syncmgr_channel_subscribe(listener, NULL, 0));
    bool is_healthy = index < HEALTHY;
    CHECK_OK(syncmgr_channel_on(listener, is_healthy ? hear : hear_and_stick,
                                is_healthy ? &healthy[index] : &stuck, NULL,
                                &subscriptions[index]));
  }
  for (uint64_t number = 0; number < MESSAGES / 4; number++) {
    for (unsigned index = 0; index < HEALTHY; index++) {
      while (number - healthy[index].count > 1000) usleep(100);
    }
    CHECK_OK(send_number(channel, number));
  }
  for (unsigned index = 0; index < HEALTHY; index++) {
    WAIT_UNTIL(healthy[index].count == MESSAGES / 4);
  }
  CHECK(stuck.is_stuck);
  CHECK_EQUAL(stuck.count, 1);
  stuck.goes_on = true;
  WAIT_UNTIL(stuck.last == MESSAGES / 4 - 1);
  CHECK(stuck.count >= 1024);
  for (unsigned index = 0; index <= HEALTHY; index++) CHECK_OK(syncmgr_off(subscriptions[index]));
  check_and_close(space);
}
