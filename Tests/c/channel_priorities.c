/* Priorities: which message goes first. */
#include "channels.h"

static int32_t send_with(syncmgr_channel_t *channel, uint32_t priority, uint64_t number) {
  syncmgr_send_options_t options = send_defaults();
  options.priority = priority;
  return syncmgr_channel_send(channel, &number, sizeof number, &options, 0, NULL);
}

static syncmgr_channel_t *open_with(syncmgr_t *space, uint32_t flags, uint32_t capacity,
                                    uint32_t overflow) {
  syncmgr_channel_options_t options = channel_defaults();
  options.flags = flags;
  options.capacity = capacity;
  options.overflow = overflow;
  return open_channel(open_workstream(space, NULL), "c", SYNCMGR_CHANNEL_QUEUE, &options);
}

static void expect_number(syncmgr_channel_t *channel, uint64_t number, uint32_t priority) {
  received_t received;
  CHECK_OK(take(channel, 0, &received));
  CHECK_EQUAL(number_of(&received.message), number);
  CHECK_EQUAL(received.message.priority, priority);
  if (received.message.receipt) {
    CHECK_OK(syncmgr_message_acknowledge(channel, received.message.receipt));
  }
}

TEST(without_the_flag_priorities_are_only_passed_on) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = open_with(space, 0, 16, SYNCMGR_OVERFLOW_BLOCK);
  for (uint32_t number = 0; number < 8; number++) {
    CHECK_OK(send_with(channel, number % 4, number));
  }
  for (uint32_t number = 0; number < 8; number++) expect_number(channel, number, number % 4);
  for (uint32_t priority = 4; priority < 8; priority++) {
    CHECK_STATUS(send_with(channel, priority, 0), SYNCMGR_E_INVALID);
  }
  CHECK_STATUS(send_with(channel, UINT32_MAX, 0), SYNCMGR_E_INVALID);
  check_and_close(space);
}

typedef struct entry {
  uint32_t priority;
  uint64_t number;
} entry_t;

enum { MODEL_CAPACITY = 24 };

/* The place of the first message: the oldest of the highest priority. */
static unsigned first_of(const entry_t *model, unsigned count) {
  unsigned best = 0;
  for (unsigned index = 1; index < count; index++) {
    if (model[index].priority > model[best].priority) best = index;
  }
  return best;
}

static unsigned lowest_of(const entry_t *model, unsigned count) {
  unsigned best = 0;
  for (unsigned index = 1; index < count; index++) {
    if (model[index].priority < model[best].priority) best = index;
  }
  return best;
}

static void take_out(entry_t *model, unsigned *count, unsigned place) {
  *count -= 1;
  memmove(model + place, model + place + 1, (*count - place) * sizeof *model);
}

static void compare_with_a_model(syncmgr_t *space) {
  uint64_t state = harness_seed(), next = 0;
  entry_t model[MODEL_CAPACITY];
  unsigned count = 0, dropped = 0;
  syncmgr_channel_t *channel = open_with(space, SYNCMGR_CHANNEL_PRIORITIES, MODEL_CAPACITY,
                                         SYNCMGR_OVERFLOW_DROP_OLDEST);
  for (unsigned step = 0; step < 10000; step++) {
    if (random_below(&state, 16) < (step / 200 % 2 ? 10u : 6u)) {
      uint32_t priority = random_below(&state, 4);
      if (count == MODEL_CAPACITY) {
        take_out(model, &count, lowest_of(model, count));
        dropped += 1;
      }
      model[count++] = (entry_t){priority, next};
      CHECK_OK(send_with(channel, priority, next++));
    } else if (count == 0) {
      EXPECT_NOTHING(channel);
    } else {
      unsigned place = first_of(model, count);
      expect_number(channel, model[place].number, model[place].priority);
      take_out(model, &count, place);
    }
    CHECK_EQUAL(mailbox_at(channel, 0).waiting, count);
  }
  CHECK(dropped > 0);
  CHECK_EQUAL(mailbox_at(channel, 0).dropped, dropped);
}

TEST(higher_priorities_go_first_and_the_lowest_is_dropped) {
  in_both_spaces(compare_with_a_model);
}

/* Messages come back in their old place: before what was sent later with the same priority. */
static void compare_with_returns(syncmgr_t *space) {
  uint64_t state = harness_seed() + 1, next = 0;
  entry_t model[MODEL_CAPACITY], out[MODEL_CAPACITY];
  uint64_t receipts[MODEL_CAPACITY];
  unsigned count = 0, out_count = 0, returned = 0;
  syncmgr_channel_t *channel =
      open_with(space, SYNCMGR_CHANNEL_PRIORITIES | SYNCMGR_CHANNEL_ACKNOWLEDGE, MODEL_CAPACITY,
                SYNCMGR_OVERFLOW_BLOCK);
  for (unsigned step = 0; step < 20000; step++) {
    unsigned choice = random_below(&state, 4);
    if (choice < 2) {
      uint32_t priority = random_below(&state, 4);
      bool is_full = count + out_count == MODEL_CAPACITY;
      CHECK_STATUS(send_with(channel, priority, next),
                   is_full ? SYNCMGR_E_TIMEOUT : SYNCMGR_OK);
      if (!is_full) model[count++] = (entry_t){priority, next++};
    } else if (choice == 2 && count > 0) {
      received_t received;
      unsigned place = first_of(model, count);
      CHECK_OK(take(channel, 0, &received));
      CHECK_EQUAL(number_of(&received.message), model[place].number);
      receipts[out_count] = received.message.receipt;
      out[out_count++] = model[place];
      take_out(model, &count, place);
    } else if (out_count > 0) {
      unsigned place = random_below(&state, out_count);
      bool returns = random_below(&state, 2);
      if (returns) {
        CHECK_OK(syncmgr_message_reject(channel, receipts[place], 0, NULL));
        /* The model is kept in the order of sending. */
        unsigned target = 0;
        while (target < count && model[target].number < out[place].number) target++;
        memmove(model + target + 1, model + target, (count++ - target) * sizeof *model);
        model[target] = out[place];
        returned += 1;
      } else {
        CHECK_OK(syncmgr_message_acknowledge(channel, receipts[place]));
      }
      memmove(receipts + place, receipts + place + 1, (out_count - place - 1) * sizeof *receipts);
      take_out(out, &out_count, place);
    }
    CHECK_EQUAL(mailbox_at(channel, 0).waiting, count);
    CHECK_EQUAL(mailbox_at(channel, 0).taken, out_count);
  }
  CHECK(returned > 100);
}

TEST(what_comes_back_stands_where_it_stood) { in_both_spaces(compare_with_returns); }

TEST(every_kind_has_priorities) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_channel_options_t options = channel_defaults();
  options.flags = SYNCMGR_CHANNEL_PRIORITIES;
  for (uint32_t kind = 0; kind < 4; kind++) {
    char name[] = {'c', (char)('0' + kind), 0};
    syncmgr_channel_t *channel = open_channel(me, name, kind, &options);
    syncmgr_send_options_t with = send_defaults();
    if (kind >= SYNCMGR_CHANNEL_BROADCAST) {
      with.flags = SYNCMGR_SEND_SELF;
      CHECK_OK(syncmgr_channel_subscribe(channel, kind == SYNCMGR_CHANNEL_PUBSUB ? "*" : NULL, 0));
    }
    if (kind == SYNCMGR_CHANNEL_DIRECT) with.target = "me";
    if (kind == SYNCMGR_CHANNEL_PUBSUB) with.topic = "t";
    for (uint64_t number = 0; number < 8; number++) {
      with.priority = number % 4;
      CHECK_OK(syncmgr_channel_send(channel, &number, sizeof number, &with, 0, NULL));
    }
    for (uint32_t level = 4; level-- > 0;) {
      expect_number(channel, level, level);
      expect_number(channel, level + 4, level);
    }
  }
  check_and_close(space);
}
