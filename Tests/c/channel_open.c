/* Opening channels: kinds, parameters and what does not fit. */
#include "channels.h"

enum { KINDS = 5 };

static const uint32_t acknowledged = SYNCMGR_CHANNEL_ACKNOWLEDGE;

static int32_t try_channel(syncmgr_workstream_t *me, const char *name, uint32_t kind,
                           const syncmgr_channel_options_t *options) {
  syncmgr_channel_t *channel = NULL;
  int32_t status = syncmgr_channel_open(me, name, kind, options, &channel);
  CHECK((status == SYNCMGR_OK) == (channel != NULL));
  if (channel) CHECK_OK(syncmgr_channel_close(channel));
  return status;
}

static void open_every_kind(syncmgr_t *space) {
  syncmgr_workstream_t *me = open_workstream(space, "me"), *other = open_workstream(space, "you");
  char name[] = "c0";
  for (uint32_t kind = 0; kind < KINDS; kind++) {
    name[1] = (char)('0' + kind);
    syncmgr_channel_t *first = open_channel(me, name, kind, NULL);
    syncmgr_channel_t *second = open_channel(me, name, kind, NULL);
    open_channel(other, name, kind, NULL);
    CHECK(first != second);
    for (uint32_t wrong = 0; wrong < KINDS; wrong++) {
      if (wrong == kind) continue;
      char kinds[2][2] = {{(char)('0' + kind)}, {(char)('0' + wrong)}};
      CHECK_STATUS(try_channel(me, name, wrong, NULL), SYNCMGR_E_MISMATCH);
      CHECK_SENTENCE(kinds[0]);
      CHECK_SENTENCE(kinds[1]);
      CHECK_SENTENCE(name);
    }
    CHECK_STATUS(try_channel(me, name, KINDS, NULL), SYNCMGR_E_INVALID);
    CHECK_STATUS(try_channel(me, name, UINT32_MAX, NULL), SYNCMGR_E_INVALID);
  }
}

TEST(a_channel_has_one_kind_and_another_names_both) { in_both_spaces(open_every_kind); }

static void check_mismatch(syncmgr_workstream_t *me, uint32_t kind,
                           const syncmgr_channel_options_t *options, const char *has,
                           const char *asked) {
  CHECK_STATUS(try_channel(me, "c", kind, options), SYNCMGR_E_MISMATCH);
  CHECK_SENTENCE(has);
  CHECK_SENTENCE(asked);
}

TEST(each_other_parameter_is_a_mismatch_that_names_both_values) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_options_t options = channel_defaults(), other;
  options.flags = acknowledged;
  options.capacity = 17;
  options.inline_size = 99;
  options.overflow = SYNCMGR_OVERFLOW_FAIL;
  options.max_deliveries = 5;
  options.visibility_ns = 123456789;
  options.dead_letters = "letters";
  open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, &options);
  open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, &options);
  const uint32_t queue = SYNCMGR_CHANNEL_QUEUE;
  other = options;
  other.capacity = 18;
  check_mismatch(me, queue, &other, "17", "18");
  other = options;
  other.inline_size = 100;
  check_mismatch(me, queue, &other, "99", "100");
  other = options;
  other.overflow = SYNCMGR_OVERFLOW_DROP_OLDEST;
  check_mismatch(me, queue, &other, "2", "3");
  other.overflow = SYNCMGR_OVERFLOW_DEFAULT;
  check_mismatch(me, queue, &other, "2", "1");
  other = options;
  other.max_deliveries = 6;
  check_mismatch(me, queue, &other, "5", "6");
  other = options;
  other.visibility_ns = 1234;
  check_mismatch(me, queue, &other, "123456789", "1234");
  other = options;
  other.flags |= SYNCMGR_CHANNEL_PRIORITIES;
  check_mismatch(me, queue, &other, "1", "3");
  other = options;
  other.dead_letters = "others";
  check_mismatch(me, queue, &other, "letters", "others");
  other.dead_letters = NULL;
  CHECK_STATUS(try_channel(me, "c", queue, &other), SYNCMGR_E_MISMATCH);
  other = channel_defaults();
  other.history = 7;
  open_channel(me, "b", SYNCMGR_CHANNEL_BROADCAST, &other);
  other.history = 8;
  CHECK_STATUS(try_channel(me, "b", SYNCMGR_CHANNEL_BROADCAST, &other), SYNCMGR_E_MISMATCH);
  CHECK_SENTENCE("7");
  CHECK_SENTENCE("8");
  check_and_close(space);
}

TEST(null_options_take_what_the_channel_has) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = 2;
  options.overflow = SYNCMGR_OVERFLOW_FAIL;
  open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, &options);
  syncmgr_channel_t *same = open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, NULL);
  CHECK_OK(send_text(same, "one"));
  CHECK_OK(send_text(same, "two"));
  CHECK_STATUS(send_text(same, "three"), SYNCMGR_E_FULL);
  check_and_close(space);
}

TEST(the_defaults_are_those_of_the_table) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  const uint32_t policies[] = {SYNCMGR_OVERFLOW_BLOCK, SYNCMGR_OVERFLOW_BLOCK,
                               SYNCMGR_OVERFLOW_DROP_OLDEST, SYNCMGR_OVERFLOW_DROP_OLDEST};
  char name[] = "c0";
  for (uint32_t kind = 0; kind < 4; kind++) {
    name[1] = (char)('0' + kind);
    syncmgr_channel_options_t options = channel_defaults();
    open_channel(me, name, kind, NULL);
    open_channel(me, name, kind, &options);
    for (uint32_t policy = 1; policy <= 4; policy++) {
      options.overflow = policy;
      CHECK_STATUS(try_channel(me, name, kind, &options),
                   policy == policies[kind] ? SYNCMGR_OK : SYNCMGR_E_MISMATCH);
    }
  }
  check_and_close(space);
}

TEST(names_and_types_that_are_no_channels_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  char longest[258];
  memset(longest, 'x', sizeof longest);
  longest[256] = 0;
  open_mutex(me, "mutex", 0);
  open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, NULL);
  CHECK_STATUS(try_channel(me, "mutex", SYNCMGR_CHANNEL_QUEUE, NULL), SYNCMGR_E_TYPE);
  CHECK_STATUS(try_channel(me, "", SYNCMGR_CHANNEL_QUEUE, NULL), SYNCMGR_E_NAME);
  CHECK_STATUS(try_channel(me, NULL, SYNCMGR_CHANNEL_QUEUE, NULL), SYNCMGR_E_NAME);
  CHECK_STATUS(try_channel(me, "a/b", SYNCMGR_CHANNEL_QUEUE, NULL), SYNCMGR_E_NAME);
  CHECK_STATUS(try_channel(me, longest, SYNCMGR_CHANNEL_QUEUE, NULL), SYNCMGR_E_NAME);
  longest[255] = 0;
  CHECK_OK(try_channel(me, longest, SYNCMGR_CHANNEL_QUEUE, NULL));
  syncmgr_mutex_t *mutex = NULL;
  CHECK_STATUS(syncmgr_mutex_open(me, "c", NULL, &mutex), SYNCMGR_E_TYPE);
  syncmgr_channel_options_t options = channel_defaults();
  options.flags = acknowledged;
  options.dead_letters = "mutex";
  CHECK_STATUS(try_channel(me, "d", SYNCMGR_CHANNEL_QUEUE, &options), SYNCMGR_E_TYPE);
  options.dead_letters = "a/b";
  CHECK_STATUS(try_channel(me, "d", SYNCMGR_CHANNEL_QUEUE, &options), SYNCMGR_E_NAME);
  /* Neither left anything half made. */
  options.dead_letters = "letters";
  CHECK_OK(try_channel(me, "d", SYNCMGR_CHANNEL_QUEUE, &options));
  CHECK_OK(try_channel(me, "letters", SYNCMGR_CHANNEL_QUEUE, NULL));
  check_and_close(space);
}

typedef struct refusal {
  uint32_t kinds; /* a bit of each that refuses it */
  syncmgr_channel_options_t options;
} refusal_t;

#define SIZE .size = sizeof(syncmgr_channel_options_t)
#define OPTIONS(...) {SIZE, .capacity = 4, .visibility_ns = SYNCMGR_FOREVER, __VA_ARGS__}
#define CAPACITY(capacity_) {SIZE, .capacity = capacity_, .visibility_ns = SYNCMGR_FOREVER}
#define VISIBILITY(visibility_, flags_) \
  {SIZE, .capacity = 4, .visibility_ns = visibility_, .flags = flags_}

TEST(options_that_a_kind_does_not_have_or_that_cannot_be_are_invalid) {
  enum { ALL = 31, NO_QUEUE = 30, NO_TOPICS = 23, NO_SUBSCRIBERS = 19 };
  const refusal_t refusals[] = {
      {ALL, CAPACITY(0)},
      {ALL, CAPACITY(SYNCMGR_CAPACITY_MAX + 1)},
      {ALL, CAPACITY(UINT32_MAX)},
      {ALL, OPTIONS(.inline_size = SYNCMGR_INLINE_MAX + 1)},
      {ALL, OPTIONS(.inline_size = UINT32_MAX)},
      {ALL, OPTIONS(.overflow = SYNCMGR_OVERFLOW_DROP_NEWEST + 1)},
      {ALL, OPTIONS(.flags = 8)},
      {ALL, OPTIONS(.flags = UINT32_MAX)},
      {ALL, OPTIONS(.reserved = 1)},
      {NO_QUEUE, OPTIONS(.flags = SYNCMGR_CHANNEL_ACKNOWLEDGE)},
      {NO_TOPICS, OPTIONS(.flags = SYNCMGR_CHANNEL_RETAIN)},
      {NO_SUBSCRIBERS, OPTIONS(.history = 1)},
      {ALL, OPTIONS(.history = SYNCMGR_CAPACITY_MAX + 1)},
      {ALL, OPTIONS(.max_deliveries = 1)},
      {ALL, VISIBILITY(SECOND, 0)},
      {ALL, VISIBILITY(-2, SYNCMGR_CHANNEL_ACKNOWLEDGE)},
      {ALL, OPTIONS(.dead_letters = "letters")},
  };
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  for (unsigned row = 0; row < sizeof refusals / sizeof refusals[0]; row++) {
    for (uint32_t kind = 0; kind < KINDS; kind++) {
      char name[16] = {'c', (char)('a' + row), (char)('0' + kind)};
      int32_t status = try_channel(me, name, kind, &refusals[row].options);
      int32_t expected = refusals[row].kinds >> kind & 1 ? SYNCMGR_E_INVALID : SYNCMGR_OK;
      if (status != expected) {
        harness_fail(__FILE__, __LINE__, "row %u, kind %u: %s", row, kind,
                     syncmgr_status_name(status));
      }
    }
  }
  check_and_close(space);
}

TEST(the_largest_and_smallest_parameters_work) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = SYNCMGR_CAPACITY_MAX;
  options.inline_size = 0;
  syncmgr_channel_t *many = open_channel(me, "many", SYNCMGR_CHANNEL_QUEUE, &options);
  for (uint64_t number = 0; number < SYNCMGR_CAPACITY_MAX; number++) {
    CHECK_OK(send_number(many, number));
  }
  CHECK_STATUS(send_number(many, 0), SYNCMGR_E_TIMEOUT);
  for (uint64_t number = 0; number < SYNCMGR_CAPACITY_MAX; number++) {
    received_t received;
    CHECK_OK(take(many, 0, &received));
    CHECK_EQUAL(number_of(&received.message), number);
  }
  options.capacity = 1;
  options.inline_size = SYNCMGR_INLINE_MAX;
  syncmgr_channel_t *one = open_channel(me, "one", SYNCMGR_CHANNEL_QUEUE, &options);
  for (unsigned round = 0; round < 3; round++) {
    CHECK_OK(send_text(one, "alone"));
    CHECK_STATUS(send_text(one, "more"), SYNCMGR_E_TIMEOUT);
    EXPECT_TEXT(one, "alone");
  }
  check_and_close(space);
}

TEST(two_handles_of_one_workstream_are_one_receiver) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me"), *you = open_workstream(space, "you");
  syncmgr_channel_t *mine = open_channel(me, "c", SYNCMGR_CHANNEL_DIRECT, NULL);
  syncmgr_channel_t *also = open_channel(me, "c", SYNCMGR_CHANNEL_DIRECT, NULL);
  syncmgr_channel_t *yours = open_channel(you, "c", SYNCMGR_CHANNEL_DIRECT, NULL);
  CHECK_EQUAL(mailbox_count(yours), 2);
  CHECK_OK(send_to(yours, "me", "one"));
  CHECK_OK(send_to(yours, "me", "two"));
  EXPECT_TEXT(also, "one");
  CHECK_OK(syncmgr_channel_close(mine));
  EXPECT_TEXT(also, "two");
  CHECK_OK(syncmgr_channel_close(also));
  CHECK_EQUAL(mailbox_count(yours), 1);
  check_and_close(space);
}

TEST(a_removed_channel_is_gone_with_all_that_was_in_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_options_t options = channel_defaults();
  options.capacity = 4096;
  /* Far more than the segment has room for, if any of it stayed. */
  for (unsigned round = 0; round < 2000; round++) {
    syncmgr_channel_t *channel = open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, &options);
    EXPECT_NOTHING(channel);
    CHECK_OK(send_text(channel, "left behind"));
    CHECK_STATUS(syncmgr_object_remove(space, SYNCMGR_TYPE_CHANNEL, "c"), SYNCMGR_E_BUSY);
    CHECK_OK(syncmgr_channel_close(channel));
    CHECK_STATUS(syncmgr_object_remove(space, SYNCMGR_TYPE_MUTEX, "c"), SYNCMGR_E_TYPE);
    CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_CHANNEL, "c"));
  }
  check_and_close(space);
}

TEST(receivers_come_and_go_without_limit) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me"), *you = open_workstream(space, "you");
  syncmgr_channel_t *mine = open_channel(me, "c", SYNCMGR_CHANNEL_DIRECT, NULL);
  /* More than there are objects in a space. */
  for (unsigned round = 0; round < 20000; round++) {
    syncmgr_channel_t *yours = open_channel(you, "c", SYNCMGR_CHANNEL_DIRECT, NULL);
    if (round % 1000 == 0) CHECK_OK(send_to(mine, "you", "never read"));
    CHECK_OK(syncmgr_channel_close(yours));
  }
  CHECK_EQUAL(mailbox_count(mine), 1);
  check_and_close(space);
}
