/* Four producers and four consumers of an acknowledging queue, and a kill -9 of one of them every
 * 50 ms. Nothing that was sent is lost, nothing is given out twice but what had been given to one
 * that died or said no, and each producer's messages keep their order.
 *
 *   LONG=1   a minute instead of five seconds
 *
 * What each process is about to do and has done it writes to a board, before and after: the board
 * is what the queue is compared with. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "channels.h"

enum {
  PRODUCERS = 4,
  CONSUMERS = 4,
  ROLES = PRODUCERS + CONSUMERS,
  EACH = 1 << 20, /* messages of one producer, at most */
  LIVES = 4096,   /* processes in the course of a run, at most */
  HELD = 6,       /* messages that a consumer has at once, at most */
  CAPACITY = 64,
  LARGE = 6000,
};

/* What is known of a message. A consumer is written as its life: 1 for the first process. */
typedef struct fate {
  _Atomic uint16_t holder; /* to whom it was given last; 0: nobody, or who said no */
  _Atomic uint8_t is_sent; /* 1: about to be. 2: send has returned */
  _Atomic uint8_t is_done; /* 1: about to be acknowledged. 2: acknowledge has returned */
} fate_t;

typedef struct board {
  _Atomic bool stops_sending;
  _Atomic uint32_t lives;
  _Atomic bool is_dead[LIVES];       /* is about to be killed, or has been */
  _Atomic uint32_t begun[PRODUCERS]; /* numbers that producers have begun to send */
  _Atomic uint64_t taken, repeated, rejected;
  fate_t fates[PRODUCERS][EACH];
} board_t;

typedef struct letter {
  uint32_t producer, number;
} letter_t;

static board_t *board;

static syncmgr_channel_t *open_model(syncmgr_workstream_t *me) {
  syncmgr_channel_options_t options = channel_defaults();
  options.flags = SYNCMGR_CHANNEL_ACKNOWLEDGE;
  options.capacity = CAPACITY;
  return open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, &options);
}

/* Sends numbers from where the one before it ended. */
static void produce(peer_t *self, uint32_t producer) {
  syncmgr_t *space = NULL;
  syncmgr_channel_t *channel = open_model(peer_enter(self, &space));
  uint64_t state = harness_seed() ^ (uint64_t)self->index << 20;
  char data[LARGE];
  memset(data, (int)producer, sizeof data);
  while (!board->stops_sending && board->begun[producer] < EACH) {
    letter_t letter = {producer, board->begun[producer]++};
    fate_t *fate = &board->fates[producer][letter.number];
    size_t length = random_below(&state, 32) ? sizeof letter + random_below(&state, 200) : LARGE;
    memcpy(data, &letter, sizeof letter);
    fate->is_sent = 1;
    CHECK_OK(syncmgr_channel_send(channel, data, length, NULL, SYNCMGR_FOREVER, NULL));
    fate->is_sent = 2;
    if (random_below(&state, 8) == 0) usleep(random_below(&state, 300));
  }
  CHECK_OK(syncmgr_close(space));
}

typedef struct held {
  letter_t letter;
  uint64_t receipt;
} held_t;

/* Gives one of those it has back, in one way or the other. */
static void settle(syncmgr_channel_t *channel, held_t *held, uint64_t *state) {
  fate_t *fate = &board->fates[held->letter.producer][held->letter.number];
  if (random_below(state, 16) == 0) {
    fate->holder = 0;
    CHECK_OK(syncmgr_message_reject(channel, held->receipt, 0, NULL));
    board->rejected += 1;
  } else {
    fate->is_done = 1;
    CHECK_OK(syncmgr_message_acknowledge(channel, held->receipt));
    fate->is_done = 2;
  }
}

/* Compares what came with what is known of it. */
static letter_t judge(const syncmgr_message_t *message, uint32_t life, int64_t *last) {
  letter_t letter;
  CHECK(message->length >= sizeof letter && message->length <= LARGE);
  memcpy(&letter, message->data, sizeof letter);
  CHECK(letter.producer < PRODUCERS && letter.number < board->begun[letter.producer]);
  if (message->length > sizeof letter) {
    CHECK_EQUAL(((const char *)message->data)[message->length - 1], letter.producer);
  }
  fate_t *fate = &board->fates[letter.producer][letter.number];
  uint32_t before = atomic_exchange(&fate->holder, (uint16_t)life);
  if (fate->is_done == 2 || (before != 0 && !board->is_dead[before])) {
    harness_fail(__FILE__, __LINE__, "message %u of %u came again (done %u, before %u, try %u)",
                 letter.number, letter.producer, fate->is_done, before, message->deliveries);
  }
  fate->is_done = 0;
  if (message->deliveries == 1) {
    CHECK_EQUAL(before, 0);
    if (letter.number <= last[letter.producer]) {
      harness_fail(__FILE__, __LINE__, "message %u of %u came after %lld", letter.number,
                   letter.producer, (long long)last[letter.producer]);
    }
    last[letter.producer] = letter.number;
  }
  board->taken += 1;
  board->repeated += message->deliveries > 1;
  return letter;
}

static void consume(peer_t *self, uint32_t life) {
  static char buffer[LARGE + 4096];
  syncmgr_t *space = NULL;
  syncmgr_channel_t *channel = open_model(peer_enter(self, &space));
  uint64_t state = harness_seed() ^ (uint64_t)self->index << 20;
  int64_t last[PRODUCERS] = {-1, -1, -1, -1};
  held_t held[HELD];
  uint32_t count = 0;
  for (int32_t status = SYNCMGR_OK; status == SYNCMGR_OK || count > 0;) {
    if (count > 0 && (count == HELD || status != SYNCMGR_OK || random_below(&state, 2))) {
      uint32_t place = random_below(&state, count);
      settle(channel, &held[place], &state);
      held[place] = held[--count];
      status = SYNCMGR_OK;
      continue;
    }
    syncmgr_message_t message;
    /* Often it dies here, with what it has. */
    if (count > 0 && random_below(&state, 8) == 0) usleep(random_below(&state, 2000));
    bool views = random_below(&state, 4) == 0;
    int64_t timeout = count > 0 ? 0 : SYNCMGR_FOREVER;
    status = views ? syncmgr_channel_view(channel, timeout, &message)
                   : syncmgr_channel_recv(channel, buffer, sizeof buffer, timeout, &message);
    if (status == SYNCMGR_OK) {
      held[count].letter = judge(&message, life, last);
      held[count++].receipt = message.receipt;
    } else if (count == 0) {
      CHECK_STATUS(status, SYNCMGR_E_CLOSED);
    }
  }
  CHECK_OK(syncmgr_close(space));
}

static void run_role(peer_t *self) {
  uint32_t role = self->index % ROLES;
  if (role < PRODUCERS) produce(self, role);
  else consume(self, self->index / ROLES);
}

static peer_t *start_role(const char *url, uint32_t role) {
  uint32_t life = atomic_fetch_add(&board->lives, 1) + 1;
  CHECK(life < LIVES);
  uint32_t flags = random_below(&(uint64_t){harness_seed() + life}, 4) ? 0
                                                                      : SYNCMGR_OPEN_NO_THREADS;
  return peer_start(run_role, url, life * ROLES + role, flags);
}

static void kill_role(peer_t *peer) {
  board->is_dead[peer->index / ROLES] = true;
  peer_kill(peer);
  munmap(peer, sizeof *peer);
}

/* Keeps the space. Pause 1: opened. Then it ends the sending. Pause 2: ended. Then it checks that
 * nothing is left. */
static void keep(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_channel_t *channel = open_model(peer_enter(self, &space));
  peer_pause(self);
  CHECK_OK(syncmgr_channel_shut(channel, SYNCMGR_CHANNEL_DRAIN));
  peer_pause(self);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  syncmgr_mailbox_t mailbox = mailbox_at(channel, 0);
  CHECK_EQUAL(mailbox.waiting, 0);
  CHECK_EQUAL(mailbox.taken, 0);
  CHECK_EQUAL(mailbox.dropped, 0);
  /* The channel and its mailbox are all that is left in the heap. */
  void *loan = NULL;
  syncmgr_channel_t *other =
      open_channel(open_workstream(space, NULL), "d", SYNCMGR_CHANNEL_QUEUE, NULL);
  CHECK_OK(syncmgr_channel_loan(other, ((size_t)1 << 30) - (1 << 20), &loan));
  CHECK_OK(syncmgr_channel_loan_return(other, loan));
  check_and_close(space);
}

static void check_fates(uint64_t kills) {
  uint64_t sent = 0, done = 0;
  for (uint32_t producer = 0; producer < PRODUCERS; producer++) {
    for (uint32_t number = 0; number < board->begun[producer]; number++) {
      const fate_t *fate = &board->fates[producer][number];
      sent += fate->is_sent == 2;
      done += fate->is_done == 2;
      /* About to be acknowledged by one that died: it has been, for it did not come again. */
      bool is_done = fate->is_done == 2 || (fate->is_done == 1 && board->is_dead[fate->holder]);
      if (fate->is_sent == 2 && !is_done) {
        harness_fail(__FILE__, __LINE__, "message %u of %u was lost (holder %u, done %u)", number,
                     producer, fate->holder, fate->is_done);
      }
    }
  }
  CHECK(sent > 1000);
  CHECK(done > sent / 2);
  /* More came again than was rejected: that of the dead. */
  CHECK(board->repeated > board->rejected + kills / 4);
  printf("# %llu sent, %llu repeated, %llu rejected, %llu kills\n", (unsigned long long)sent,
         (unsigned long long)board->repeated, (unsigned long long)board->rejected,
         (unsigned long long)kills);
  fflush(stdout);
}

TEST_WITHIN(150, nothing_is_lost_or_doubled_while_producers_and_consumers_are_killed) {
  const char *url = unique_url();
  uint64_t state = harness_seed(), kills = 0;
  peer_t *peers[ROLES];
  board = shared_memory(sizeof *board);
  peer_t *keeper = peer_start(keep, url, 0, 0);
  peer_wait_pause(keeper, 1);
  for (uint32_t role = 0; role < ROLES; role++) peers[role] = start_role(url, role);
  int64_t end = now_ns() + (getenv("LONG") ? 60 : 5) * SECOND;
  while (now_ns() < end) {
    sleep_ms(50);
    uint32_t role = random_below(&state, ROLES);
    for (uint32_t index = 0; index < ROLES; index++) {
      if (board->begun[index % PRODUCERS] < EACH) peer_ended(peers[index]);
    }
    kill_role(peers[role]);
    peers[role] = start_role(url, role);
    kills += 1;
  }
  board->stops_sending = true;
  for (uint32_t role = 0; role < PRODUCERS; role++) peer_join(peers[role]);
  peer_go(keeper);
  for (uint32_t role = PRODUCERS; role < ROLES; role++) peer_join(peers[role]);
  peer_go(keeper);
  peer_join(keeper);
  check_fates(kills);
}
