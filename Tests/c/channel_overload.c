/* More is sent than is taken, by many at once: what a policy drops is counted and told, once. */
#include "channels.h"

enum { SENDERS = 3, RECEIVERS = 2, EACH = 20000, CAPACITY = 8 };

typedef struct load {
  syncmgr_t *space;
  uint32_t kind, policy;
  _Atomic uint32_t senders, receivers;
  _Atomic uint64_t refused, taken[RECEIVERS], told[RECEIVERS];
  _Atomic bool is_over;
} load_t;

static syncmgr_channel_t *join(const load_t *load) {
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = CAPACITY;
  options.overflow = load->policy;
  return open_channel(open_workstream(load->space, NULL), "c", load->kind, &options);
}

static void *send_much(void *argument) {
  load_t *load = argument;
  uint64_t me = atomic_fetch_add(&load->senders, 1);
  syncmgr_channel_t *channel = join(load);
  for (uint64_t number = 0; number < EACH; number++) {
    uint64_t message = me * EACH + number;
    uint32_t count = 0;
    int32_t status = syncmgr_channel_send(channel, &message, 8, NULL, SYNCMGR_FOREVER, &count);
    if (load->policy == SYNCMGR_OVERFLOW_DROP_NEWEST) {
      /* So many mailboxes did not get it. */
      uint32_t all = load->kind == SYNCMGR_CHANNEL_QUEUE ? 1 : RECEIVERS;
      CHECK_STATUS(status, count == all ? SYNCMGR_OK : count ? SYNCMGR_PARTIAL : SYNCMGR_E_FULL);
      load->refused += all - count;
    } else {
      CHECK_OK(status);
    }
  }
  return NULL;
}

static void *take_some(void *argument) {
  load_t *load = argument;
  uint32_t me = atomic_fetch_add(&load->receivers, 1);
  syncmgr_channel_t *channel = join(load);
  int64_t last[SENDERS] = {-1, -1, -1};
  uint64_t state = harness_seed() + me;
  received_t received;
  int32_t status = SYNCMGR_OK;
  if (load->kind != SYNCMGR_CHANNEL_QUEUE) CHECK_OK(syncmgr_channel_subscribe(channel, NULL, 0));
  load->taken[me] = 0;
  while ((status = take(channel, SYNCMGR_FOREVER, &received)) == SYNCMGR_OK) {
    uint64_t message = number_of(&received.message);
    CHECK((int64_t)message > last[message / EACH]);
    last[message / EACH] = (int64_t)message;
    load->taken[me] += 1;
    load->told[me] += received.message.dropped;
    for (volatile uint32_t spin = random_below(&state, 2000); spin > 0; spin--) continue;
  }
  CHECK_STATUS(status, SYNCMGR_E_CLOSED);
  return NULL;
}

static void overload(uint32_t kind, uint32_t policy) {
  static load_t load;
  memset(&load, 0, sizeof load);
  load.space = open_space(unique_url(), 0);
  load.kind = kind;
  load.policy = policy;
  pthread_t senders[SENDERS], receivers[RECEIVERS];
  syncmgr_channel_t *channel = join(&load);
  syncmgr_mailbox_t mailbox;
  uint64_t taken = 0, told = 0, dropped = 0, waiting = 0;
  for (unsigned index = 0; index < RECEIVERS; index++) {
    receivers[index] = start_thread(take_some, &load);
  }
  uint32_t mailboxes = kind == SYNCMGR_CHANNEL_QUEUE ? 1 : RECEIVERS;
  WAIT_UNTIL(mailbox_count(channel) == mailboxes && load.receivers == RECEIVERS);
  for (unsigned index = 0; index < SENDERS; index++) {
    senders[index] = start_thread(send_much, &load);
  }
  for (unsigned index = 0; index < SENDERS; index++) join_thread(senders[index]);
  for (uint32_t index = 0; index < mailboxes; index++) {
    do {
      mailbox = mailbox_at(channel, index);
      sleep_ms(1);
    } while (mailbox.waiting > 0);
    dropped += mailbox.dropped;
    waiting += mailbox.waiting;
  }
  CHECK_OK(syncmgr_channel_shut(channel, SYNCMGR_CHANNEL_DRAIN));
  for (unsigned index = 0; index < RECEIVERS; index++) {
    join_thread(receivers[index]);
    taken += load.taken[index];
    told += load.told[index];
  }
  CHECK_EQUAL(taken + dropped, (uint64_t)SENDERS * EACH * mailboxes);
  CHECK(dropped > 0);
  /* What was dropped after the last message that was taken nobody could be told of. */
  if (policy == SYNCMGR_OVERFLOW_DROP_OLDEST) CHECK_EQUAL(told, dropped);
  CHECK(told <= dropped);
  if (policy == SYNCMGR_OVERFLOW_DROP_NEWEST) CHECK_EQUAL(load.refused, dropped);
  check_and_close(load.space);
}

TEST_WITHIN(60, an_overloaded_queue_drops_its_oldest) {
  overload(SYNCMGR_CHANNEL_QUEUE, SYNCMGR_OVERFLOW_DROP_OLDEST);
}
TEST_WITHIN(60, an_overloaded_queue_drops_the_newest) {
  overload(SYNCMGR_CHANNEL_QUEUE, SYNCMGR_OVERFLOW_DROP_NEWEST);
}
TEST_WITHIN(60, overloaded_subscribers_drop_their_oldest) {
  overload(SYNCMGR_CHANNEL_BROADCAST, SYNCMGR_OVERFLOW_DROP_OLDEST);
}
TEST_WITHIN(60, overloaded_subscribers_drop_the_newest) {
  overload(SYNCMGR_CHANNEL_BROADCAST, SYNCMGR_OVERFLOW_DROP_NEWEST);
}
