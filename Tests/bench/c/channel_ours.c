/* Ours: channels of the library.
 *
 * SPDX-License-Identifier: MIT
 *
 *   ours   send and recv, which copy
 *   loan   written in memory that the segment lends, read where it lies
 *   many   send_many and recv_many, with up to 64 messages
 */
#include "channel_loops.h"

enum { MANY = 64, TEXTS = 2048 };

/* A process has two workstreams at most: one sends and one receives. */
static syncmgr_channel_t *open_channel(const plan_t *plan, int role) {
  syncmgr_channel_options_t options = SYNCMGR_CHANNEL_OPTIONS_INIT;
  options.capacity = plan->room;
  options.overflow = SYNCMGR_OVERFLOW_BLOCK;
  /* Who knows that the messages are small says so. */
  if (plan->length > options.inline_size && plan->length <= 4096) {
    options.inline_size = (uint32_t)plan->length;
  }
  uint32_t kind = plan->is_broadcast ? SYNCMGR_CHANNEL_BROADCAST : SYNCMGR_CHANNEL_QUEUE;
  syncmgr_channel_t *channel;
  check(syncmgr_channel_open(open_workstream(plan->url, 0), plan->name, kind, &options, &channel),
        "channel_open");
  if (plan->is_broadcast && role == READS) {
    check(syncmgr_channel_subscribe(channel, NULL, 0), "channel_subscribe");
  }
  return channel;
}

/* The processes share only the name. */
static void *share_nothing(const plan_t *plan, double *out_limit) {
  (void)out_limit;
  return (void *)plan;
}

typedef struct {
  syncmgr_channel_t *channel;
  size_t capacity;
  void *buffer;
  syncmgr_message_t message;
} ours_end_t;

static void *ours_open(void *shared, const plan_t *plan, int role, int index) {
  (void)shared;
  (void)index;
  ours_end_t *end = own_memory(sizeof *end);
  end->channel = open_channel(plan, role);
  end->capacity = plan->length + TEXTS;
  end->buffer = own_memory(end->capacity);
  return end;
}

static inline void *ours_reserve(ours_end_t *end, size_t length) {
  (void)length;
  return end->buffer;
}

static inline void ours_commit(ours_end_t *end, void *message, size_t length) {
  check(syncmgr_channel_send(end->channel, message, length, NULL, SYNCMGR_FOREVER, NULL),
        "channel_send");
}

static inline const void *ours_peek(ours_end_t *end, size_t length) {
  check(syncmgr_channel_recv(end->channel, end->buffer, end->capacity, SYNCMGR_FOREVER,
                             &end->message),
        "channel_recv");
  if (end->message.length != length) fail("a message of another length arrived");
  return end->message.data;
}

static inline void ours_release(ours_end_t *end) { (void)end; }

LOOPS(ours)
CARRIER(ours, share_nothing, ours)

typedef struct {
  syncmgr_channel_t *channel;
  syncmgr_message_t message;
} loan_end_t;

static void *loan_open(void *shared, const plan_t *plan, int role, int index) {
  (void)shared;
  (void)index;
  loan_end_t *end = own_memory(sizeof *end);
  end->channel = open_channel(plan, role);
  return end;
}

/* A segment may have no room for one more although the inbox has, and says so instead of waiting:
 * those that were read give theirs back. */
static inline void *loan_reserve(loan_end_t *end, size_t length) {
  void *data;
  int32_t status;
  while ((status = syncmgr_channel_loan(end->channel, length, &data)) == SYNCMGR_E_NO_SPACE) {
    pause_cpu();
  }
  check(status, "channel_loan");
  return data;
}

static inline void loan_commit(loan_end_t *end, void *message, size_t length) {
  check(syncmgr_channel_publish(end->channel, message, length, NULL, SYNCMGR_FOREVER, NULL),
        "channel_publish");
}

static inline const void *loan_peek(loan_end_t *end, size_t length) {
  check(syncmgr_channel_view(end->channel, SYNCMGR_FOREVER, &end->message), "channel_view");
  if (end->message.length != length) fail("a message of another length arrived");
  return end->message.data;
}

static inline void loan_release(loan_end_t *end) {
  check(syncmgr_message_acknowledge(end->channel, end->message.receipt), "acknowledge");
}

LOOPS(loan)
CARRIER(loan, share_nothing, loan)

typedef struct {
  syncmgr_channel_t *channel;
  size_t capacity;
  char *buffer;
  uint32_t lengths[MANY];
  syncmgr_message_t messages[MANY];
  uint32_t next, count; /* to be filled or read, of those that are in the buffer */
} many_end_t;

static void *many_open(void *shared, const plan_t *plan, int role, int index) {
  /* One that takes a set could take what tells another reader that there is no more. */
  if (plan->readers > 1) fail("many is for one reader");
  (void)shared;
  (void)index;
  many_end_t *end = own_memory(sizeof *end);
  end->channel = open_channel(plan, role);
  end->capacity = MANY * (plan->length + TEXTS);
  end->buffer = own_memory(end->capacity);
  for (int message = 0; message < MANY; message++) {
    end->lengths[message] = (uint32_t)plan->length;
  }
  return end;
}

static inline void *many_reserve(many_end_t *end, size_t length) {
  return end->buffer + end->count * length;
}

/* Sends what has come together when it is enough, or when no more will come. */
static inline void many_commit(many_end_t *end, void *message, size_t length) {
  if (++end->count < MANY && word_at(message, 0) != NO_MORE) return;
  for (uint32_t sent = 0; sent < end->count;) {
    uint32_t count = end->count - sent;
    check(syncmgr_channel_send_many(end->channel, end->buffer + sent * length, end->lengths,
                                    &count, NULL, SYNCMGR_FOREVER),
          "channel_send_many");
    sent += count;
  }
  end->count = 0;
}

static inline const void *many_peek(many_end_t *end, size_t length) {
  while (end->next == end->count) {
    end->next = end->count = 0;
    check(syncmgr_channel_wait(end->channel, SYNCMGR_READABLE, SYNCMGR_FOREVER), "channel_wait");
    int32_t status = syncmgr_channel_recv_many(end->channel, end->buffer, end->capacity,
                                               end->messages, MANY, &end->count);
    /* Another reader may have been faster. */
    if (status != SYNCMGR_E_TIMEOUT) check(status, "channel_recv_many");
  }
  syncmgr_message_t *message = &end->messages[end->next++];
  if (message->length != length) fail("a message of another length arrived");
  return message->data;
}

static inline void many_release(many_end_t *end) { (void)end; }

LOOPS(many)
CARRIER(many, share_nothing, many)
