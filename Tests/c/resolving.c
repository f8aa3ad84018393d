/* Deciding between values, and vector clocks: what the header says of them, by examples. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static char result[1 << 16];

static void check_text(int line, const char *expected) {
  if (strcmp(result, expected) != 0) harness_fail(__FILE__, line, "it is %s", result);
}

/** Resolves and compares the whole result. */
#define RESOLVES(strategy, candidates, expected)                                             \
  do {                                                                                       \
    size_t length_ = 0;                                                                      \
    CHECK_OK(syncmgr_resolve(strategy, candidates, result, sizeof result, &length_));        \
    CHECK_EQUAL(strlen(result), length_);                                                    \
    check_text(__LINE__, expected);                                                          \
  } while (0)

#define ORIGIN(name, version, time) \
  "\"workstream\":\"" name "\",\"version\":" #version ",\"time\":" #time ",\"priority\":0"

TEST(the_earliest_latest_newest_or_highest_wins_and_the_others_are_named) {
  static const char all[] =
      "[{\"workstream\":\"a\",\"time\":1,\"version\":3,\"value\":10},"
      "{\"workstream\":\"b\",\"time\":2,\"version\":1,\"value\":20},"
      "{\"workstream\":\"c\",\"time\":0,\"version\":2,\"value\":10}]";
  RESOLVES(SYNCMGR_STRATEGY_FIRST_WINS, all,
           "{\"strategy\":\"first_wins\",\"value\":10,\"winner\":{" ORIGIN("c", 2, 0)
           "},\"discarded\":[{\"path\":\"\",\"value\":20,\"why\":\"lost\"," ORIGIN("b", 1,
           2) "}]}");
  RESOLVES(SYNCMGR_STRATEGY_LAST_WINS, all,
           "{\"strategy\":\"last_wins\",\"value\":20,\"winner\":{" ORIGIN("b", 1, 2)
           "},\"discarded\":[{\"path\":\"\",\"value\":10,\"why\":\"lost\"," ORIGIN("c", 2, 0)
           "},{\"path\":\"\",\"value\":10,\"why\":\"lost\"," ORIGIN("a", 3, 1) "}]}");
  RESOLVES(SYNCMGR_STRATEGY_VERSION_WINS, all,
           "{\"strategy\":\"version_wins\",\"value\":10,\"winner\":{" ORIGIN("a", 3, 1)
           "},\"discarded\":[{\"path\":\"\",\"value\":20,\"why\":\"lost\"," ORIGIN("b", 1,
           2) "}]}");
  RESOLVES(SYNCMGR_STRATEGY_PRIORITY_BASED,
           "[{\"priority\":-1,\"time\":9,\"value\":\"low\"},{\"priority\":0,\"value\":null}]",
           "{\"strategy\":\"priority_based\",\"value\":null,\"winner\":{" ORIGIN("", 0, 0)
           "},\"discarded\":[{\"path\":\"\",\"value\":\"low\",\"why\":\"lost\",\"workstream\":\"\","
           "\"version\":0,\"time\":9,\"priority\":-1}]}");
  /* A deletion is a value of its own. */
  RESOLVES(SYNCMGR_STRATEGY_LAST_WINS, "[{\"time\":1},{\"value\":1}]",
           "{\"strategy\":\"last_wins\",\"deleted\":true,\"winner\":{" ORIGIN("", 0, 1)
           "},\"discarded\":[{\"path\":\"\",\"value\":1,\"why\":\"lost\"," ORIGIN("", 0, 0) "}]}");
  RESOLVES(SYNCMGR_STRATEGY_MIN, "[{\"time\":1},{\"value\":1}]",
           "{\"strategy\":\"min\",\"value\":1,\"winner\":{" ORIGIN("", 0, 0)
           "},\"discarded\":[{\"path\":\"\",\"deleted\":true,\"why\":\"lost\"," ORIGIN("", 0,
           1) "}]}");
}

TEST(numbers_are_compared_by_their_exact_value) {
  static const char *const ascending[] = {
      "-1e400", "-18446744073709551616", "-9223372036854775808", "-9007199254740993",
      "-9007199254740992.5", "-9007199254740992", "-2.5", "-1e-400", "0", "1e-401", "1e-400",
      "0.1", "0.10000000000000000000000000000000000001", "1", "1.0000000000000000000001", "9.99e1",
      "100", "9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808",
      "18446744073709551615", "18446744073709551616", "1e20", "1e400", "1.0000001e400"};
  enum { COUNT = sizeof ascending / sizeof *ascending };
  char question[512], expected[256];
  for (unsigned left = 0; left < COUNT; left++) {
    for (unsigned right = 0; right < COUNT; right++) {
      size_t length = 0;
      snprintf(question, sizeof question, "[{\"value\":%s},{\"value\":%s}]", ascending[left],
               ascending[right]);
      CHECK_OK(syncmgr_resolve(SYNCMGR_STRATEGY_MAX, question, result, sizeof result, &length));
      snprintf(expected, sizeof expected, "{\"strategy\":\"max\",\"value\":%s,",
               ascending[left > right ? left : right]);
      if (strncmp(result, expected, strlen(expected)) != 0) {
        harness_fail(__FILE__, __LINE__, "%s gave %s", question, result);
      }
    }
  }
  /* However it is written, it is one number: nothing is discarded, and it is one element. */
  static const char *const same[] = {"100", "1e2", "100.0", "0.1e3", "10E+1", "1000e-1",
  "100.000e0"};
  for (unsigned index = 0; index < sizeof same / sizeof *same; index++) {
    size_t length = 0;
    snprintf(question, sizeof question, "[{\"value\":[100,-0,0]},{\"value\":[%s,0.0e9]}]",
    same[index]);
    CHECK_OK(syncmgr_resolve(SYNCMGR_STRATEGY_UNION, question, result, sizeof result, &length));
    unsigned commas = 0;
    for (const char *at = strchr(result, '['); *at != ']'; at++) commas += *at == ',';
    CHECK_EQUAL(commas, 1);
    snprintf(question, sizeof question, "[{\"value\":100},{\"value\":%s}]", same[index]);
    CHECK_OK(syncmgr_resolve(SYNCMGR_STRATEGY_MIN, question, result, sizeof result, &length));
    CHECK(strstr(result, "\"discarded\":[]}"));
  }
}

TEST(a_merge_keeps_what_each_changed_and_names_what_it_could_not) {
  static const char base[] = "{\"a\":1,\"b\":{\"x\":1,\"y\":[1]},\"c~/\":0,\"gone\":1}";
  char question[1024];
  snprintf(question, sizeof question,
           "{\"base\":%s,\"candidates\":["
           "{\"workstream\":\"p\",\"time\":5,\"value\":{\"a\":2,\"b\":{\"x\":1,\"y\":[1,2]},"
           "\"c~/\":1,"
           "\"gone\":1,\"new\":{\"p\":1}}},"
           "{\"workstream\":\"q\",\"time\":6,\"value\":{\"a\":1,\"b\":{\"y\":[1]},\"c~/\":2,"
           "\"new\":{\"q\":2}}}]}",
           base);
  RESOLVES(SYNCMGR_STRATEGY_MERGE, question,
           "{\"strategy\":\"merge\",\"value\":{\"a\":2,\"b\":{\"y\":[1,2]},\"c~/\":2,"
           "\"new\":{\"p\":1,\"q\":2}},\"discarded\":[{\"path\":\"/c~0~1\",\"value\":1,"
           "\"why\":\"lost\"," ORIGIN("p", 0, 5) "}]}");
  /* A deletion against a change: the later stays, and the other is named. */
  RESOLVES(SYNCMGR_STRATEGY_MERGE,
           "{\"base\":{\"a\":1},\"candidates\":["
           "{\"time\":2,\"value\":{}},{\"time\":1,\"value\":{\"a\":2}}]}",
           "{\"strategy\":\"merge\",\"value\":{},\"discarded\":[{\"path\":\"/a\",\"value\":2,"
           "\"why\":\"lost\"," ORIGIN("", 0, 1) "}]}");
  RESOLVES(SYNCMGR_STRATEGY_MERGE,
           "{\"base\":{\"a\":1},\"candidates\":["
           "{\"time\":1,\"value\":{}},{\"time\":2,\"value\":{\"a\":2}}]}",
           "{\"strategy\":\"merge\",\"value\":{\"a\":2},\"discarded\":[{\"path\":\"/a\","
           "\"deleted\":true,\"why\":\"lost\"," ORIGIN("", 0, 1) "}]}");
  /* Without a base nothing counts as deleted. */
  RESOLVES(SYNCMGR_STRATEGY_MERGE, "[{\"time\":2,\"value\":{}},{\"time\":1,\"value\":{\"a\":2}}]",
           "{\"strategy\":\"merge\",\"value\":{\"a\":2},\"discarded\":[]}");
  /* What nobody changed stays, though they write it otherwise. */
  RESOLVES(SYNCMGR_STRATEGY_MERGE,
           "{\"base\":[1.0],\"candidates\":[{\"value\":[1]},{\"value\":[1.00],\"time\":1}]}",
           "{\"strategy\":\"merge\",\"value\":[1.0],\"discarded\":[]}");
}

TEST(a_union_has_each_element_once_and_by_id_the_latest) {
  RESOLVES(SYNCMGR_STRATEGY_UNION, "[{\"value\":[\"b\",\"a\"]},{\"value\":[\"c\",\"a\",{}]}]",
           "{\"strategy\":\"union\",\"value\":[\"a\",\"b\",\"c\",{}],\"discarded\":[]}");
  RESOLVES(SYNCMGR_STRATEGY_UNION, "[{\"value\":1},{\"value\":1,\"time\":3}]",
           "{\"strategy\":\"union\",\"value\":1,\"discarded\":[]}");
  RESOLVES(SYNCMGR_STRATEGY_UNION, "[{\"value\":2},{\"value\":1},{\"time\":4}]",
           "{\"strategy\":\"union\",\"value\":[1,2],\"discarded\":[{\"path\":\"\",\"deleted\":true,"
           "\"why\":\"lost\"," ORIGIN("", 0, 4) "}]}");
  RESOLVES(SYNCMGR_STRATEGY_UNION,
           "{\"id\":\"k\",\"candidates\":[{\"time\":2,\"value\":[{\"k\":1,\"v\":\"new\"},7]},"
           "{\"time\":1,\"value\":[{\"k\":2},{\"k\":1,\"v\":\"old\"}]}]}",
           "{\"strategy\":\"union\",\"value\":[{\"k\":1,\"v\":\"new\"},{\"k\":2},7],\"discarded\":["
           "{\"path\":\"/0\",\"value\":{\"k\":1,\"v\":\"old\"},\"why\":\"lost\"," ORIGIN("", 0, 1)
           "}]}");
}

TEST(what_another_candidate_knew_of_is_superseded_before_the_strategy_is_asked) {
  RESOLVES(SYNCMGR_STRATEGY_MAX,
           "[{\"value\":9,\"clock\":{\"a\":1}},"
           "{\"value\":2,\"time\":1,\"clock\":{\"a\":1,\"b\":1}},"
           "{\"value\":1,\"time\":2,\"clock\":{\"c\":1}}]",
           "{\"strategy\":\"max\",\"value\":2,\"winner\":{" ORIGIN("", 0, 1)
           "},\"clock\":{\"a\":1,\"b\":1,\"c\":1},\"discarded\":[{\"path\":\"\",\"value\":9,"
           "\"why\":\"superseded\"," ORIGIN("", 0,
           0) "},{\"path\":\"\",\"value\":1,\"why\":\"lost\","
           ORIGIN("", 0, 2) "}]}");
  /* Of a clock that counts were taken out of nobody can tell. */
  RESOLVES(SYNCMGR_STRATEGY_MAX,
           "[{\"value\":9,\"clock\":{\"a\":1,\"\":true}},{\"value\":2,\"clock\":{\"a\":2}}]",
           "{\"strategy\":\"max\",\"value\":9,\"winner\":{" ORIGIN("", 0, 0)
           "},\"clock\":{\"\":true,\"a\":2},"
           "\"discarded\":[{\"path\":\"\",\"value\":2,\"why\":\"lost\","
           ORIGIN("", 0, 0) "}]}");
}

TEST(what_resolving_is_given_is_checked) {
  static const char *const bad[] = {
      "", "{", "1", "[]", "{}", "[1]", "{\"candidates\":1}", "{\"candidates\":[]}",
      "{\"candidates\":[{}],\"bases\":1}", "[{\"vaule\":1}]", "[{\"time\":-1}]", "[{\"time\":1.5}]",
      "[{\"time\":18446744073709551616}]", "[{\"version\":\"1\"}]", "[{\"priority\":1e3}]",
      "[{\"workstream\":1}]", "[{\"clock\":[]}]", "[{\"clock\":{\"a\":-1}}]",
      "[{\"clock\":{\"\":1}}]", "[{\"clock\":{\"a\":true}}]", "{\"candidates\":[{}],\"base\":1}",
      "{\"candidates\":[{}],\"id\":\"x\"}", "{\"candidates\":[{}],\"id\":1}"};
  size_t length = 77;
  result[0] = '?';
  for (unsigned index = 0; index < sizeof bad / sizeof *bad; index++) {
    CHECK_STATUS(syncmgr_resolve(SYNCMGR_STRATEGY_LAST_WINS, bad[index], result, sizeof result,
    &length),
                 SYNCMGR_E_INVALID);
  }
  static const uint32_t undecided[] = {SYNCMGR_STRATEGY_CUSTOM, SYNCMGR_STRATEGY_MANUAL,
                                       SYNCMGR_STRATEGY_ABORT};
  for (unsigned index = 0; index < 3; index++) {
    CHECK_STATUS(syncmgr_resolve(undecided[index], "[{}]", result, 1, &length), SYNCMGR_E_INVALID);
  }
  CHECK_STATUS(syncmgr_resolve(11, "[{}]", result, 1, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_resolve(0, NULL, result, 1, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_resolve(0, "[{}]", NULL, 1, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_resolve(0, "[{}]", result, 1, NULL), SYNCMGR_E_INVALID);
  CHECK_EQUAL(length, 77);
  CHECK_STATUS(syncmgr_resolve(0, "[{}]", result, 5, &length), SYNCMGR_E_OVERFLOW);
  CHECK(result[0] == '?' && length > 5);
  char *many = malloc(SYNCMGR_CANDIDATES_MAX * 4 + 8), *end = many;
  *end++ = '[';
  for (unsigned index = 0; index < SYNCMGR_CANDIDATES_MAX; index++) end += sprintf(end, "{},");
  strcpy(end - 1, "]");
  CHECK_OK(syncmgr_resolve(0, many, result, sizeof result, &length));
  strcpy(end - 1, ",{}]");
  CHECK_STATUS(syncmgr_resolve(0, many, result, sizeof result, &length), SYNCMGR_E_LIMIT);
  free(many);
}

static void check_order(const char *left, const char *right, uint32_t expected) {
  uint32_t order = 99;
  CHECK_OK(syncmgr_clock_compare(left, right, &order));
  CHECK_EQUAL(order, expected);
}

TEST(vector_clocks_are_compared) {
  check_order("{}", "{}", SYNCMGR_CLOCK_EQUAL);
  check_order("{\"a\":0}", "{}", SYNCMGR_CLOCK_EQUAL);
  check_order("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", SYNCMGR_CLOCK_EQUAL);
  check_order("{}", "{\"a\":1}", SYNCMGR_CLOCK_BEFORE);
  check_order("{\"a\":1}", "{\"a\":1,\"b\":1}", SYNCMGR_CLOCK_BEFORE);
  check_order("{\"a\":2,\"b\":1}", "{\"a\":1}", SYNCMGR_CLOCK_AFTER);
  check_order("{\"a\":18446744073709551615}", "{\"a\":18446744073709551614}", SYNCMGR_CLOCK_AFTER);
  check_order("{\"a\":2,\"b\":1}", "{\"a\":1,\"b\":2}", SYNCMGR_CLOCK_CONCURRENT);
  check_order("{\"a\":1}", "{\"b\":1}", SYNCMGR_CLOCK_CONCURRENT);
  check_order("{\"a\":1,\"\":true}", "{\"a\":2}", SYNCMGR_CLOCK_CONCURRENT);
  check_order("{\"a\":1}", "{\"\":true}", SYNCMGR_CLOCK_CONCURRENT);
  check_order("{\"\":false}", "{}", SYNCMGR_CLOCK_EQUAL);
  uint32_t order = 99;
  CHECK_STATUS(syncmgr_clock_compare("{\"a\":\"1\"}", "{}", &order), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_clock_compare("{}", "1", &order), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_clock_compare(NULL, "{}", &order), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_clock_compare("{}", "{}", NULL), SYNCMGR_E_INVALID);
  CHECK_EQUAL(order, 99);
}

TEST(vector_clocks_are_merged_and_count_on) {
  size_t length = 0;
#define MERGES(left, right, replica, expected)                                                   \
  do {                                                                                           \
    CHECK_OK(syncmgr_clock_merge(left, right, replica, result, sizeof result, &length));         \
    check_text(__LINE__, expected);                                                              \
  } while (0)
  MERGES(NULL, NULL, NULL, "{}");
  MERGES(NULL, NULL, "a", "{\"a\":1}");
  MERGES("{\"b\":2,\"a\":1}", NULL, "c", "{\"a\":1,\"b\":2,\"c\":1}");
  MERGES("{\"b\":2,\"a\":1}", "{\"a\":3,\"d\":1}", "b", "{\"a\":3,\"b\":3,\"d\":1}");
  MERGES("{\"b\":2}", "{\"\":true}", NULL, "{\"\":true,\"b\":2}");
  CHECK_STATUS(syncmgr_clock_merge("{\"a\":18446744073709551615}", NULL, "a", result, 99, &length),
               SYNCMGR_E_LIMIT);
  CHECK_STATUS(syncmgr_clock_merge("[]", NULL, "a", result, 99, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_clock_merge(NULL, NULL, "\xff", result, 99, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_clock_merge(NULL, NULL, "", result, 99, &length), SYNCMGR_E_NAME);
  CHECK_STATUS(syncmgr_clock_merge(NULL, NULL, "a", result, 7, &length), SYNCMGR_E_OVERFLOW);
  CHECK_EQUAL(length, 7);
  CHECK_STATUS(syncmgr_clock_merge(NULL, NULL, "a", result, 99, NULL), SYNCMGR_E_INVALID);
}
