/* Which notices a subscriber gets, in which order, and how many it has lost. */
#include "notices.h"

static void give(syncmgr_workstream_t *me, uint32_t kind, uint32_t priority, const char *text) {
  syncmgr_notify_options_t options = SYNCMGR_NOTIFY_OPTIONS_INIT;
  options.kind = kind;
  options.priority = priority;
  CHECK_OK(syncmgr_notify(me, NULL, &options, text, NULL, NULL));
}

TEST(a_notice_of_ones_own_goes_to_everybody_or_is_refused) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  uint64_t id = 99;
  CHECK_STATUS(syncmgr_notify(me, NULL, NULL, "hello", NULL, &id), SYNCMGR_E_NOT_FOUND);
  CHECK_EQUAL(id, 99);
  syncmgr_queue_t *one = watch_kinds(space, SYNCMGR_NOTICE_CUSTOM);
  syncmgr_queue_t *two = watch_kinds(space, SYNCMGR_NOTICE_ALL);
  CHECK_OK(syncmgr_notify(me, NULL, NULL, "hello", "[1, \"two\", null]", &id));
  CHECK_EQUAL(id, 0);
  for (unsigned index = 0; index < 2; index++) {
    syncmgr_notice_t notice =
        check_notice(index ? two : one, SYNCMGR_NOTICE_CUSTOM, NULL, "me");
    CHECK(strcmp(notice.text, "hello") == 0);
    CHECK(strcmp(notice.detail, "[1, \"two\", null]") == 0);
    CHECK_EQUAL(notice.priority, SYNCMGR_PRIORITY_MEDIUM);
    CHECK_EQUAL(notice.message, 0);
  }
  static const uint32_t bad[] = {0, 1, SYNCMGR_NOTICE_DIED, SYNCMGR_NOTICE_GAP,
                                 SYNCMGR_NOTICE_DEADLOCK,
                                 SYNCMGR_NOTICE_CUSTOM | SYNCMGR_NOTICE_CONFLICT};
  for (unsigned index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    syncmgr_notify_options_t options = SYNCMGR_NOTIFY_OPTIONS_INIT;
    options.kind = bad[index];
    CHECK_STATUS(syncmgr_notify(me, NULL, &options, NULL, NULL, NULL), SYNCMGR_E_INVALID);
  }
  syncmgr_notify_options_t options = SYNCMGR_NOTIFY_OPTIONS_INIT;
  options.priority = 4;
  CHECK_STATUS(syncmgr_notify(me, NULL, &options, NULL, NULL, NULL), SYNCMGR_E_INVALID);
  options.priority = 0;
  options.flags = SYNCMGR_NOTIFY_REQUIRE_ACK;
  CHECK_STATUS(syncmgr_notify(me, NULL, &options, NULL, NULL, NULL), SYNCMGR_E_INVALID);
  options.flags = 2;
  CHECK_STATUS(syncmgr_notify(me, "me", &options, NULL, NULL, NULL), SYNCMGR_E_INVALID);
  check_quiet(one);
  check_and_close(space);
}

TEST(texts_have_a_limit_and_details_are_json) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_queue_t *queue = watch_kinds(space, SYNCMGR_NOTICE_CUSTOM);
  static char text[SYNCMGR_TEXT_MAX + 2], detail[SYNCMGR_DETAIL_MAX + 2];
  memset(text, 't', SYNCMGR_TEXT_MAX);
  memset(detail, '5', SYNCMGR_DETAIL_MAX);
  CHECK_OK(syncmgr_notify(me, NULL, NULL, text, detail, NULL));
  syncmgr_notice_t notice = next_notice(queue);
  CHECK(strcmp(notice.text, text) == 0 && strcmp(notice.detail, detail) == 0);
  text[SYNCMGR_TEXT_MAX] = 't';
  detail[SYNCMGR_DETAIL_MAX] = '5';
  CHECK_STATUS(syncmgr_notify(me, NULL, NULL, text, NULL, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_notify(me, NULL, NULL, NULL, detail, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_notify(me, NULL, NULL, "\xff", NULL, NULL), SYNCMGR_E_INVALID);
  static const char *const good[] = {
      "{}", "[]", " 0 ", "-1.5e+3", "\"\\u00e9\\n\"", "{\"a\":[true,false,null,{\"b\":\"\"}]}"};
  static const char *const bad[] = {"",     "{",       "[1,]",   "01",        "'a'",   "nul",
                                    "1 2",  "{\"a\"}", "\"\\x\"", "\"\\u00g0\"", "\"\n\"", "+1",
                                    "[1}", "1.",      "{1:2}",  "\"",        "-"};
  for (unsigned index = 0; index < sizeof good / sizeof good[0]; index++) {
    CHECK_OK(syncmgr_notify(me, NULL, NULL, NULL, good[index], NULL));
    CHECK(strcmp(next_notice(queue).detail, good[index]) == 0);
  }
  for (unsigned index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    CHECK_STATUS(syncmgr_notify(me, NULL, NULL, NULL, bad[index], NULL), SYNCMGR_E_INVALID);
  }
  memset(detail, '[', SYNCMGR_DETAIL_MAX);
  detail[SYNCMGR_DETAIL_MAX] = '\0';
  CHECK_STATUS(syncmgr_notify(me, NULL, NULL, NULL, detail, NULL), SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(names_priorities_and_kinds_choose_among_notices) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *a = open_workstream(space, "worker-1");
  syncmgr_workstream_t *b = open_workstream(space, "worker-2"), *c = open_workstream(space, "boss");
  syncmgr_queue_t *objects = watch_kinds(space, SYNCMGR_NOTICE_GRANTED);
  syncmgr_queue_t *streams = watch_kinds(space, SYNCMGR_NOTICE_ALL);
  syncmgr_queue_t *urgent = watch_kinds(space, SYNCMGR_NOTICE_ALL);
  CHECK_OK(syncmgr_queue_filter(objects, 0, "db-?*", NULL));
  CHECK_OK(syncmgr_queue_filter(streams, 0, NULL, "worker-?"));
  CHECK_OK(syncmgr_queue_filter(urgent, SYNCMGR_PRIORITY_HIGH, NULL, NULL));
  static const char *const names[] = {"db-", "db-1", "xdb-1", "db-\xc3\xa9", "db", "cache"};
  for (unsigned index = 0; index < sizeof names / sizeof names[0]; index++) {
    CHECK_OK(syncmgr_mutex_lock(open_mutex(c, names[index], 0), 0));
  }
  check_notice(objects, SYNCMGR_NOTICE_GRANTED, "db-1", "boss");
  check_notice(objects, SYNCMGR_NOTICE_GRANTED, "db-\xc3\xa9", "boss");
  CHECK_OK(syncmgr_workstream_fail(c, NULL));
  CHECK_OK(syncmgr_workstream_complete(a, NULL));
  CHECK_OK(syncmgr_workstream_close(b));
  check_notice(urgent, SYNCMGR_NOTICE_FAILED, NULL, "boss");
  check_notice(streams, SYNCMGR_NOTICE_COMPLETED, NULL, "worker-1");
  check_notice(streams, SYNCMGR_NOTICE_CLOSED, NULL, "worker-2");
  check_quiet(objects);
  check_quiet(streams);
  check_quiet(urgent);
  CHECK_STATUS(syncmgr_queue_filter(urgent, 4, NULL, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_queue_filter(urgent, 0, "", NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_queue_filter(urgent, 0, NULL, "\xc3"), SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(patterns_match_as_in_a_shell) {
  static const struct {
    const char *pattern, *name;
    bool matches;
  } cases[] = {{"*", "x", true},       {"?", "x", true},          {"?", "xy", false},
               {"a*b*c", "abc", true}, {"a*b*c", "a-b-b-c", true}, {"a*b*c", "acb", false},
               {"**x", "x", true},     {"x", "xx", false},        {"*a", "ab", false},
               {"?\xc3\xa9?", "a\xc3\xa9" "b", true}, {"???", "\xc3\xa9\xc3\xa9\xc3\xa9", true},
               {"*.db", "a.db.db", true}};
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_queue_t *queue = watch_kinds(space, SYNCMGR_NOTICE_GRANTED);
  for (unsigned index = 0; index < sizeof cases / sizeof cases[0]; index++) {
    CHECK_OK(syncmgr_queue_filter(queue, 0, cases[index].pattern, NULL));
    syncmgr_mutex_t *mutex = open_mutex(me, cases[index].name, 0);
    CHECK_OK(syncmgr_mutex_lock(mutex, 0));
    CHECK_OK(syncmgr_mutex_unlock(mutex));
    syncmgr_notice_t notice;
    uint32_t count = 0;
    CHECK_OK(syncmgr_queue_notices(queue, &notice, 1, &count));
    if (count == 0) sleep_ms(5), CHECK_OK(syncmgr_queue_notices(queue, &notice, 1, &count));
    if (count != cases[index].matches) {
      harness_fail(__FILE__, __LINE__, "'%s' and '%s'", cases[index].pattern, cases[index].name);
    }
  }
  check_and_close(space);
}

TEST(the_more_urgent_of_those_that_wait_comes_first_and_equals_in_order) {
  syncmgr_t *space = open_space("local:", SYNCMGR_OPEN_NO_THREADS);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_queue_t *queue = watch_kinds(space, SYNCMGR_NOTICE_CUSTOM);
  static const char *const given[] = {"0a", "2a", "1a", "3a", "0b", "2b", "3b", "1b"};
  static const char *const wanted[] = {"3a", "3b", "2a", "2b", "1a", "1b", "0a", "0b"};
  for (unsigned index = 0; index < 8; index++) {
    give(me, SYNCMGR_NOTICE_CUSTOM, (uint32_t)(given[index][0] - '0'), given[index]);
  }
  for (unsigned index = 0; index < 8; index++) {
    CHECK(strcmp(next_notice(queue).text, wanted[index]) == 0);
  }
  check_and_close(space);
}

static void collect_text(const syncmgr_notice_t *notice, void *user) {
  strcat(user, notice->text);
}

TEST(callbacks_are_chosen_and_ordered_like_the_notices_of_a_queue) {
  syncmgr_t *space = open_space("local:", SYNCMGR_OPEN_NO_THREADS);
  syncmgr_workstream_t *me = open_workstream(space, "me"), *other = open_workstream(space, "no");
  syncmgr_subscription_t *subscription = NULL;
  syncmgr_subscribe_options_t options = SYNCMGR_SUBSCRIBE_OPTIONS_INIT;
  char seen[64] = "";
  options.least_priority = SYNCMGR_PRIORITY_MEDIUM;
  options.workstreams = "m*";
  options.mask = SYNCMGR_NOTICE_CUSTOM | SYNCMGR_NOTICE_CONFLICT;
  CHECK_OK(syncmgr_subscribe(space, &options, collect_text, seen, NULL, &subscription));
  give(me, SYNCMGR_NOTICE_CUSTOM, 1, "a");
  give(me, SYNCMGR_NOTICE_CUSTOM, 0, "b");
  give(other, SYNCMGR_NOTICE_CUSTOM, 3, "c");
  give(me, SYNCMGR_NOTICE_CONFLICT, 3, "d");
  give(me, SYNCMGR_NOTICE_CUSTOM, 1, "e");
  while (syncmgr_dispatch(space, 0) == SYNCMGR_OK) continue;
  CHECK(strcmp(seen, "dae") == 0);
  options.reserved = 1;
  CHECK_STATUS(syncmgr_subscribe(space, &options, collect_text, seen, NULL, &subscription),
               SYNCMGR_E_INVALID);
  options.reserved = 0;
  options.objects = "";
  CHECK_STATUS(syncmgr_subscribe(space, &options, collect_text, seen, NULL, &subscription),
               SYNCMGR_E_INVALID);
  check_and_close(space);
}

static uint32_t drain_all(syncmgr_queue_t *queue, uint32_t kind, uint64_t *lost) {
  static syncmgr_notice_t notices[64];
  uint32_t count = 0, seen = 0;
  do {
    CHECK_OK(syncmgr_queue_notices(queue, notices, 64, &count));
    for (uint32_t index = 0; index < count; index++) {
      if (notices[index].kind == SYNCMGR_NOTICE_GAP) {
        CHECK_EQUAL(notices[index].priority, SYNCMGR_PRIORITY_CRITICAL);
        CHECK_EQUAL(notices[index].workstream, 0);
        *lost += notices[index].value;
      } else {
        CHECK_EQUAL(notices[index].kind, kind);
        seen++;
      }
    }
  } while (count > 0);
  return seen;
}

TEST(a_slow_subscriber_learns_exactly_how_many_of_its_kinds_it_lost_and_no_other_loses_any) {
  enum { TOTAL = 5000 };
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_queue_t *slow = watch_kinds(space, SYNCMGR_NOTICE_CUSTOM);
  syncmgr_queue_t *fast = watch_kinds(space, SYNCMGR_NOTICE_CUSTOM);
  syncmgr_queue_t *narrow = watch_kinds(space, SYNCMGR_NOTICE_RESOURCE_AVAILABLE);
  uint64_t slow_lost = 0, fast_lost = 0, narrow_lost = 0;
  uint32_t slow_seen = 0, fast_seen = 0;
  for (unsigned number = 0; number < TOTAL; number++) {
    give(me, SYNCMGR_NOTICE_CUSTOM, number % 3, NULL);
    if (number % 100 == 0) {
      fast_seen += drain_all(fast, SYNCMGR_NOTICE_CUSTOM, &fast_lost);
      CHECK_EQUAL(fast_seen, number + 1);
    }
  }
  fast_seen += drain_all(fast, SYNCMGR_NOTICE_CUSTOM, &fast_lost);
  slow_seen = drain_all(slow, SYNCMGR_NOTICE_CUSTOM, &slow_lost);
  CHECK_EQUAL(fast_seen, TOTAL);
  CHECK_EQUAL(fast_lost, 0);
  CHECK(slow_lost > 0 && slow_seen >= 1024);
  CHECK_EQUAL(slow_seen + slow_lost, TOTAL);
  /* What passed it by was not for it. */
  give(me, SYNCMGR_NOTICE_RESOURCE_AVAILABLE, 1, "the only one");
  CHECK_EQUAL(drain_all(narrow, SYNCMGR_NOTICE_RESOURCE_AVAILABLE, &narrow_lost), 1);
  CHECK_EQUAL(narrow_lost, 0);
  check_and_close(space);
}

TEST(what_a_gap_lost_is_counted_by_the_kinds_subscribed_to) {
  enum { TOTAL = 4000 };
  syncmgr_t *space = open_space("local:", SYNCMGR_OPEN_NO_THREADS);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_queue_t *queue = watch_kinds(space, SYNCMGR_NOTICE_CONFLICT);
  syncmgr_queue_t *all = watch_kinds(space, SYNCMGR_NOTICE_ALL);
  uint64_t lost = 0, all_lost = 0;
  unsigned conflicts = 0;
  for (unsigned number = 0; number < TOTAL; number++) {
    bool is_conflict = number % 7 == 0;
    conflicts += is_conflict;
    give(me, is_conflict ? SYNCMGR_NOTICE_CONFLICT : SYNCMGR_NOTICE_CUSTOM, 1, NULL);
  }
  uint32_t seen = drain_all(queue, SYNCMGR_NOTICE_CONFLICT, &lost);
  CHECK(seen > 0 && lost > 0);
  CHECK_EQUAL(seen + lost, conflicts);
  syncmgr_record_t record;
  uint32_t count = 0;
  CHECK_OK(syncmgr_queue_drain(all, &record, 1, &count));
  CHECK_EQUAL(count, 1);
  CHECK_STATUS(record.status, SYNCMGR_E_GAP);
  all_lost = record.value;
  uint32_t all_seen = 0;
  while (syncmgr_queue_drain(all, &record, 1, &count) == SYNCMGR_OK && count == 1) all_seen++;
  CHECK_EQUAL(all_seen + all_lost, TOTAL);
  check_and_close(space);
}
