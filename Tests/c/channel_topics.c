/* Publish-subscribe: who gets which topics. */
#include <stdio.h>

#include "channels.h"

static const uint32_t topics = SYNCMGR_CHANNEL_PUBSUB;

static syncmgr_channel_t *join(syncmgr_t *space, const char *name) {
  return open_channel(open_workstream(space, name), "c", topics, NULL);
}

static int32_t publish(syncmgr_channel_t *channel, const char *topic, uint32_t *count) {
  syncmgr_send_options_t options = send_defaults();
  options.topic = topic;
  return syncmgr_channel_send(channel, topic, strlen(topic), &options, 0, count);
}

/* The matcher to compare with: it tries everything, and is too short to be wrong. */
static bool segment_matches(const char *pattern, const char *topic) {
  if (*pattern == '*') {
    return segment_matches(pattern + 1, topic) ||
           (*topic != 0 && *topic != '/' && segment_matches(pattern, topic + 1));
  }
  bool pattern_ends = *pattern == 0 || *pattern == '/', topic_ends = *topic == 0 || *topic == '/';
  if (pattern_ends || topic_ends) return pattern_ends && topic_ends;
  return *pattern == *topic && segment_matches(pattern + 1, topic + 1);
}

/* NULL is behind the last segment. */
static const char *next_segment(const char *text) {
  const char *slash = strchr(text, '/');
  return slash ? slash + 1 : NULL;
}

static bool matches(const char *pattern, const char *topic) {
  if (!pattern) return !topic;
  if (strcmp(pattern, "**") == 0 || strncmp(pattern, "**/", 3) == 0) {
    return matches(next_segment(pattern), topic) ||
           (topic && matches(pattern, next_segment(topic)));
  }
  return topic && segment_matches(pattern, topic) &&
         matches(next_segment(pattern), next_segment(topic));
}

/* A random topic, or a pattern, of few letters so that they often match. */
static void make_text(uint64_t *state, bool is_pattern, char *text) {
  unsigned segments = 1 + random_below(state, 5), deep = 0;
  for (unsigned segment = 0; segment < segments; segment++) {
    if (segment > 0) *text++ = '/';
    if (is_pattern && random_below(state, 5) == 0 && deep++ < 8) {
      *text++ = '*';
      *text++ = '*';
      continue;
    }
    unsigned length = random_below(state, 8) == 0 ? 0 : 1 + random_below(state, 3);
    for (unsigned index = 0; index < length; index++) {
      bool is_star = is_pattern && random_below(state, 3) == 0 && (index == 0 || text[-1] != '*');
      *text++ = is_star ? '*' : (char)('a' + random_below(state, 2));
    }
  }
  *text = 0;
}

enum { SUBSCRIBERS = 20, PATTERNS = 100, TOPICS = 2000 };

typedef struct subscriber {
  syncmgr_channel_t *channel;
  char patterns[PATTERNS][64];
  unsigned count, expected;
} subscriber_t;

static bool wants(const subscriber_t *subscriber, const char *topic) {
  for (unsigned index = 0; index < subscriber->count; index++) {
    if (matches(subscriber->patterns[index], topic)) return true;
  }
  return false;
}

static bool has(const subscriber_t *subscriber, const char *pattern) {
  for (unsigned index = 0; index < subscriber->count; index++) {
    if (strcmp(subscriber->patterns[index], pattern) == 0) return true;
  }
  return false;
}

/* Publishes random topics, and between them adds and removes patterns. */
TEST_WITHIN(60, topics_go_to_whom_a_brute_force_matcher_says) {
  static subscriber_t subscribers[SUBSCRIBERS];
  uint64_t state = harness_seed();
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *sender = join(space, "sender");
  unsigned added = 0, matched = 0;
  for (unsigned index = 0; index < SUBSCRIBERS; index++) {
    subscribers[index].channel = join(space, NULL);
    make_text(&state, true, subscribers[index].patterns[0]);
    if (!subscribers[index].patterns[0][0]) strcpy(subscribers[index].patterns[0], "*");
    subscribers[index].count = 1;
    CHECK_OK(syncmgr_channel_subscribe(subscribers[index].channel, subscribers[index].patterns[0],
                                       0));
  }
  for (unsigned round = 0; round < TOPICS; round++) {
    char topic[64], pattern[64];
    subscriber_t *changed = &subscribers[random_below(&state, SUBSCRIBERS)];
    make_text(&state, true, pattern);
    if (pattern[0] && changed->count < PATTERNS) {
      bool known = has(changed, pattern);
      CHECK_STATUS(syncmgr_channel_subscribe(changed->channel, pattern, 0),
                   known ? SYNCMGR_E_ALREADY : SYNCMGR_OK);
      if (!known) strcpy(changed->patterns[changed->count++], pattern);
      added += !known;
    }
    while (changed->count > 5) {
      unsigned chosen = random_below(&state, changed->count);
      CHECK_OK(syncmgr_channel_unsubscribe(changed->channel, changed->patterns[chosen]));
      CHECK_STATUS(syncmgr_channel_unsubscribe(changed->channel, changed->patterns[chosen]),
                   SYNCMGR_E_NOT_FOUND);
      memmove(changed->patterns[chosen], changed->patterns[--changed->count], 64);
    }
    make_text(&state, false, topic);
    if (!topic[0]) continue;
    uint32_t count = 99, expected = 0;
    for (unsigned index = 0; index < SUBSCRIBERS; index++) {
      expected += wants(&subscribers[index], topic);
    }
    CHECK_STATUS(publish(sender, topic, &count), expected ? SYNCMGR_OK : SYNCMGR_NOBODY);
    for (unsigned index = 0; index < SUBSCRIBERS; index++) {
      received_t received;
      bool wanted = wants(&subscribers[index], topic);
      int32_t status = take(subscribers[index].channel, 0, &received);
      if ((status == SYNCMGR_OK) != wanted) {
        harness_fail(__FILE__, __LINE__, "'%s': %s, first of %u patterns '%s'", topic,
                     syncmgr_status_name(status), subscribers[index].count,
                     subscribers[index].patterns[0]);
      }
      if (!wanted) continue;
      CHECK(strcmp(received.message.topic, topic) == 0);
      /* Each once, however many patterns match. */
      CHECK_STATUS(take(subscribers[index].channel, 0, &received), SYNCMGR_E_TIMEOUT);
    }
    CHECK_EQUAL(count, expected);
    matched += expected;
  }
  CHECK(added >= TOPICS / 2);
  CHECK(matched > TOPICS);
  check_and_close(space);
}

typedef struct example {
  const char *pattern, *topic;
  bool matches;
} example_t;

TEST(patterns_mean_what_the_header_says) {
  static const example_t examples[] = {
      {"a", "a", true},           {"a", "b", false},        {"a", "a/b", false},
      {"*", "a", true},           {"*", "a/b", false},      {"a/*", "a/b", true},
      {"a/*", "a", false},        {"a/*", "a/", true},      {"a/*/c", "a/b/c", true},
      {"a/b*d/e", "a/bccd/e", true}, {"a/b*d/e", "a/b/d/e", false}, {"*x*", "axb", true},
      {"**", "a", true},          {"**", "a/b/c", true},    {"a/**", "a", true},
      {"a/**", "a/b/c", true},    {"a/**", "ab", false},    {"**/c", "c", true},
      {"**/c", "a/b/c", true},    {"a/**/c", "a/c", true},  {"a/**/c", "a/b/b/c", true},
      {"a/**/c", "a/b/d", false}, {"a//b", "a//b", true},   {"a/*/b", "a//b", true},
      {"A", "a", false},          {"\xc3\xa4*", "\xc3\xa4\xc3\xb6", true},
  };
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_channel_t *sender = join(space, "sender");
  for (unsigned index = 0; index < sizeof examples / sizeof examples[0]; index++) {
    const example_t *example = &examples[index];
    syncmgr_workstream_t *stream = open_workstream(space, NULL);
    syncmgr_channel_t *channel = open_channel(stream, "c", topics, NULL);
    CHECK_OK(syncmgr_channel_subscribe(channel, example->pattern, 0));
    int32_t status = publish(sender, example->topic, NULL);
    if (status != (example->matches ? SYNCMGR_OK : SYNCMGR_NOBODY)) {
      harness_fail(__FILE__, __LINE__, "'%s' and '%s': %s", example->pattern, example->topic,
                   syncmgr_status_name(status));
    }
    CHECK_EQUAL(matches(example->pattern, example->topic), example->matches);
    CHECK_OK(syncmgr_workstream_close(stream));
  }
  check_and_close(space);
}

TEST(what_is_no_pattern_or_no_topic_is_invalid) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *channel = join(space, NULL);
  char longest[300];
  memset(longest, 'x', sizeof longest);
  longest[256] = 0;
  const char *patterns[] = {"", "a**", "**a", "a/b**/c", "***", "\xff",
                            "**/**/**/**/**/**/**/**/**", longest};
  const char *names[] = {"", "a*", "*", "**", "a/*/b", "\xff", longest};
  for (unsigned index = 0; index < sizeof patterns / sizeof patterns[0]; index++) {
    CHECK_STATUS(syncmgr_channel_subscribe(channel, patterns[index], 0), SYNCMGR_E_INVALID);
  }
  CHECK_STATUS(syncmgr_channel_subscribe(channel, NULL, 0), SYNCMGR_E_INVALID);
  received_t received;
  CHECK_STATUS(take(channel, 0, &received), SYNCMGR_E_NOT_FOUND);
  for (unsigned index = 0; index < sizeof names / sizeof names[0]; index++) {
    CHECK_STATUS(publish(channel, names[index], NULL), SYNCMGR_E_INVALID);
  }
  CHECK_STATUS(send_text(channel, "without a topic"), SYNCMGR_E_INVALID);
  longest[255] = 0;
  CHECK_OK(syncmgr_channel_subscribe(channel, longest, 0));
  CHECK_OK(publish(join(space, NULL), longest, NULL));
  EXPECT_TEXT(channel, longest);
  check_and_close(space);
}

static void subscribe_piecemeal(syncmgr_t *space) {
  syncmgr_channel_t *sender = join(space, "sender"), *ann = join(space, "ann");
  received_t received;
  CHECK_STATUS(syncmgr_channel_unsubscribe(ann, "a"), SYNCMGR_E_NOT_FOUND);
  CHECK_OK(syncmgr_channel_subscribe(ann, "a", 0));
  CHECK_STATUS(syncmgr_channel_subscribe(ann, "a", 0), SYNCMGR_E_ALREADY);
  CHECK_OK(syncmgr_channel_subscribe(ann, "b/*", 0));
  CHECK_OK(publish(sender, "a", NULL));
  CHECK_OK(publish(sender, "b/1", NULL));
  CHECK_STATUS(publish(sender, "b", NULL), SYNCMGR_NOBODY);
  CHECK_OK(syncmgr_channel_unsubscribe(ann, "a"));
  CHECK_STATUS(syncmgr_channel_unsubscribe(ann, "a"), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_channel_unsubscribe(ann, "b/1"), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(publish(sender, "a", NULL), SYNCMGR_NOBODY);
  CHECK_OK(publish(sender, "b/2", NULL));
  /* What had come through the pattern stays. */
  EXPECT_TEXT(ann, "a");
  EXPECT_TEXT(ann, "b/1");
  CHECK_OK(syncmgr_channel_unsubscribe(ann, NULL));
  CHECK_STATUS(take(ann, 0, &received), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(publish(sender, "b/2", NULL), SYNCMGR_NOBODY);
  CHECK_OK(syncmgr_channel_subscribe(ann, "a", 0));
  CHECK_STATUS(publish(sender, "b/2", NULL), SYNCMGR_NOBODY);
  CHECK_OK(publish(sender, "a", NULL));
  EXPECT_TEXT(ann, "a");
}

TEST(patterns_come_and_go_one_by_one) { in_both_spaces(subscribe_piecemeal); }

TEST(a_sender_gets_its_own_topics_only_on_request) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_channel_t *ann = join(space, "ann"), *bob = join(space, "bob");
  syncmgr_send_options_t options = send_defaults();
  options.topic = "t";
  CHECK_OK(syncmgr_channel_subscribe(ann, "**", 0));
  CHECK_STATUS(publish(ann, "t", NULL), SYNCMGR_NOBODY);
  options.flags = SYNCMGR_SEND_SELF;
  CHECK_OK(syncmgr_channel_send(ann, "1", 1, &options, 0, NULL));
  CHECK_OK(syncmgr_channel_subscribe(bob, "other", 0));
  /* Of those named only who subscribed to it. */
  options.flags = 0;
  options.target = "bob";
  CHECK_STATUS(syncmgr_channel_send(ann, "2", 1, &options, 0, NULL), SYNCMGR_NOBODY);
  CHECK_OK(syncmgr_channel_subscribe(bob, "*", 0));
  CHECK_OK(syncmgr_channel_send(ann, "3", 1, &options, 0, NULL));
  EXPECT_TEXT(ann, "1");
  EXPECT_NOTHING(ann);
  EXPECT_TEXT(bob, "3");
  EXPECT_NOTHING(bob);
  check_and_close(space);
}

TEST(one_subscriber_can_have_thousands_of_patterns) {
  enum { MANY = 5000 };
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *sender = join(space, "sender"), *ann = join(space, "ann");
  char text[32];
  for (unsigned round = 0; round < 2; round++) {
    for (unsigned index = 0; index < MANY; index++) {
      snprintf(text, sizeof text, "%u/*", index);
      CHECK_OK(syncmgr_channel_subscribe(ann, text, 0));
    }
    for (unsigned index = 0; index < MANY; index += 7) {
      snprintf(text, sizeof text, "%u/x", index);
      CHECK_OK(publish(sender, text, NULL));
      EXPECT_TEXT(ann, text);
    }
    CHECK_STATUS(publish(sender, "none/x", NULL), SYNCMGR_NOBODY);
    CHECK_OK(syncmgr_channel_unsubscribe(ann, NULL));
    CHECK_STATUS(publish(sender, "7/x", NULL), SYNCMGR_NOBODY);
  }
  check_and_close(space);
}

/* Subscribes to as many patterns as `index` and is killed. Pause 1: subscribed. Pause 2: it has
 * published once, and has seen the patterns of others. Pause 3: and that they are gone. */
static void subscribe_much(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_channel_t *channel = open_channel(peer_enter(self, &space), "c", topics, NULL);
  char text[32];
  for (unsigned index = 0; index < self->index; index++) {
    snprintf(text, sizeof text, "%u/*", index);
    CHECK_OK(syncmgr_channel_subscribe(channel, text, 0));
  }
  peer_pause(self);
  CHECK_OK(publish(channel, "of/the/peer", NULL));
  peer_pause(self);
  uint32_t count = 9;
  CHECK_STATUS(publish(channel, "of/the/peer", &count), SYNCMGR_NOBODY);
  peer_pause(self);
}

TEST(other_processes_see_patterns_come_and_go_and_those_of_the_dead_are_gone) {
  const char *url = unique_url();
  peer_t *peer = peer_start(subscribe_much, url, 500, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *sender = join(space, "sender"), *ann = join(space, "ann");
  CHECK_OK(syncmgr_channel_subscribe(ann, "of/**", 0));
  peer_wait_pause(peer, 1);
  CHECK_OK(publish(sender, "0/x", NULL));
  CHECK_OK(publish(sender, "499/x", NULL));
  CHECK_STATUS(publish(sender, "500/x", NULL), SYNCMGR_NOBODY);
  peer_go(peer);
  peer_wait_pause(peer, 2);
  EXPECT_TEXT(ann, "of/the/peer");
  CHECK_OK(syncmgr_channel_unsubscribe(ann, "of/**"));
  peer_go(peer);
  peer_wait_pause(peer, 3);
  peer_kill(peer);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_STATUS(publish(sender, "0/x", NULL), SYNCMGR_NOBODY);
  CHECK_STATUS(publish(sender, "499/x", NULL), SYNCMGR_NOBODY);
  check_and_close(space);
}
