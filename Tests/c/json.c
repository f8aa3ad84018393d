/* The JSON codec against the rules of RFC 8259, as the public parsing tests have them: what every
 * reader takes, what every reader refuses, and what each decides for itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define LENGTH(text) (sizeof(text) - 1)

static char written[1 << 20];

/** Formats; `written` has the result. */
static int32_t format(const char *text, size_t length, uint32_t flags) {
  size_t count = 0;
  int32_t status = syncmgr_json_format(text, length, flags, written, sizeof written, &count);
  if (status == SYNCMGR_OK) CHECK_EQUAL(strlen(written), count);
  return status;
}

/** What was written is read and written once more: nothing changes. */
static void check_settled(void) {
  char *once = strdup(written);
  CHECK_OK(format(once, strlen(once), 0));
  CHECK(strcmp(written, once) == 0);
  free(once);
}

typedef struct taken {
  const char *text;
  const char *written; /**< NULL: as it is */
} taken_t;

TEST(what_json_is_is_read_and_written) {
  static const taken_t all[] = {
      {"null", NULL}, {"true", NULL}, {"false", NULL}, {"\"\"", NULL}, {"[]", NULL}, {"{}", NULL},
      {" [ ] ", "[]"}, {"\t{\n\r}\n", "{}"}, {"[ 1 , 2 ]", "[1,2]"}, {"{ \"a\" : 1 }", "{\"a\":1}"},
      {"[[]   ]", "[[]]"}, {"[\"\"]", NULL}, {"[1\n]", "[1]"}, {" [1]", "[1]"},
      {"[1,null,null,null,2]", NULL}, {"[2] ", "[2]"}, {"[null, 1, \"1\", {}]",
      "[null,1,\"1\",{}]"},
      {"42", NULL}, {"-0.1", NULL}, {"\"asd\"", NULL}, {"{\"\":0}", NULL},
      {"{\"a\":[{\"b\":{}}],\"c\":\"d\"}", NULL}, {"{\"min\": -1.0e+28, \"max\": 1.0e+28}",
                                                  "{\"min\":-1.0e+28,\"max\":1.0e+28}"},
      {"{\"a\":\"b\",\"asd\":\"sdf\"}", NULL}, {"{\n\"a\": \"b\"\n}", "{\"a\":\"b\"}"},
      /* Numbers keep their digits. */
      {"0", NULL}, {"-0", NULL}, {"0e1", NULL}, {"0e+1", NULL}, {"1E22", NULL}, {"1E-2", NULL},
      {"1E+2", NULL}, {"123e45", NULL}, {"123.456e78", NULL}, {"-1", NULL}, {"1e-2", NULL},
      {"-123", NULL}, {"123.456789", NULL}, {"0.10", NULL}, {"1.0", NULL}, {"20e1", NULL},
      {"9223372036854775807", NULL}, {"9223372036854775808", NULL}, {"-9223372036854775808", NULL},
      {"-9223372036854775809", NULL}, {"18446744073709551615", NULL}, {"18446744073709551616",
      NULL},
      {"9007199254740993", NULL},
      {"-0.00000000000000000000000000000000000000000000000000000000000000000000000000001", NULL},
      /* Texts. */
      {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\""},
      {"\"\\u0060\\u012a\\u12AB\"", "\"`\xc4\xaa\xe1\x8a\xab\""}, {"\"\\u0000\"", NULL},
      {"\"\\u007f\"", NULL}, {"\"\x7f\"", "\"\\u007f\""}, {"\"a/*b*/c/*d//e\"", NULL},
      {"\"\\\\a\"", NULL}, {"\"\\\\u0000\"", NULL}, {"\"\\\"\"", NULL}, {"\"new\\u000Aline\"",
                                                                         "\"new\\nline\""},
      {"\"\\uD801\\udc37\"", "\"\xf0\x90\x90\xb7\""},
      {"\"\\ud83d\\ude39\\ud83d\\udc8d\"", "\"\xf0\x9f\x98\xb9\xf0\x9f\x92\x8d\""},
      {"\"\\uDBFF\\uDFFF\"", "\"\xf4\x8f\xbf\xbf\""}, {"\"\\uD834\\uDd1e\"",
      "\"\xf0\x9d\x84\x9e\""},
      {"\"\\uFDD0\\uFFFF\\uFFFE\"", "\"\xef\xb7\x90\xef\xbf\xbf\xef\xbf\xbe\""},
      {"\"\\uFEFF\"", "\"\xef\xbb\xbf\""}, {"\"\xc3\xa9\"", NULL}, {"\"\xe2\x80\xa8\"", NULL},
      {"\"\xf4\x8f\xbf\xbf\"", NULL}, {"\"\xef\xbf\xbf\"", NULL}, {"\"\xf0\x9b\xbf\xbf\"", NULL},
      {"\"\\u2028\\u2029\"", "\"\xe2\x80\xa8\xe2\x80\xa9\""}, {"{\"foo\\u0000bar\": 42}",
                                                              "{\"foo\\u0000bar\":42}"},
      {"\"\\ud7ff\\ue000\"", "\"\xed\x9f\xbf\xee\x80\x80\""},
      /* Names that look alike and are not the same bytes are two. */
      {"{\"\xc3\xa9\":1,\"e\xcc\x81\":2}", NULL},
      /* Decided by each reader: any number of digits is kept, whatever a double makes of it. */
      {"123123e100000", NULL}, {"-1e+9999", NULL}, {"0.4e00669999999999999999999999999999999999",
      NULL},
      {"100000000000000000000", NULL}, {"-237462374673276894279832749832423479823246327846", NULL},
      {"123.456e-789", NULL}};
  for (unsigned index = 0; index < sizeof all / sizeof *all; index++) {
    const char *text = all[index].text;
    if (format(text, strlen(text), 0) != SYNCMGR_OK) {
      harness_fail(__FILE__, __LINE__, "%s: %s", text, syncmgr_last_error());
    }
    const char *expected = all[index].written ? all[index].written : text;
    if (strcmp(written, expected) != 0) {
      harness_fail(__FILE__, __LINE__, "%s was written as %s", text, written);
    }
    check_settled();
  }
}

#define BAD(text) {text, LENGTH(text)}

TEST(what_json_is_not_is_refused_and_the_sentence_says_where) {
  static const struct {
    const char *text;
    size_t length;
  } all[] = {
      BAD(""), BAD(" "), BAD("\0"), BAD("[1 true]"), BAD("[a\xe5]"), BAD("[\"\": 1]"),
      BAD("[\"\"],"),
      BAD("[,1]"), BAD("[1,,2]"), BAD("[\"x\",,]"), BAD("[\"x\"]]"), BAD("[\"\",]"), BAD("[\"x\""),
      BAD("[x"), BAD("[3[4]]"), BAD("[\xff]"), BAD("[1:2]"), BAD("[,]"), BAD("[-]"),
      BAD("[   , \"\"]"), BAD("[\"a\",\n4\n,1,"), BAD("[1,]"), BAD("[\"\va\"\\f]"), BAD("[*]"),
      BAD("[1,"), BAD("[1"), BAD("[{}"), BAD("["), BAD("]"), BAD("[fals]"), BAD("[nul]"),
      BAD("[tru]"), BAD("nullx"), BAD("truefalse"), BAD("True"), BAD("NULL"), BAD("undefined"),
      BAD("123\0"), BAD("[1]\0"), BAD("n\0ll"), BAD("[1] x"), BAD("1 2"), BAD("{}}"), BAD("{}#"),
      BAD("{}/**/"), BAD("{} // x"), BAD("/**/{}"), BAD("<.>"), BAD("[<null>]"), BAD("'a'"),
      /* Numbers. */
      BAD("[++1234]"), BAD("[+1]"), BAD("[+Inf]"), BAD("[-01]"), BAD("[-1.0.]"), BAD("[-2.]"),
      BAD("[-NaN]"), BAD("[.-1]"), BAD("[.2e-3]"), BAD("[0.1.2]"), BAD("[0.3e+]"), BAD("[0.3e]"),
      BAD("[0.e1]"), BAD("[0E+]"), BAD("[0e]"), BAD("[0e+-1]"), BAD("[1.0e+]"), BAD("[1.0e-]"),
      BAD("[1 000.0]"), BAD("[1eE2]"), BAD("[2.e+3]"), BAD("[2.e3]"), BAD("[9.e+]"), BAD("[Inf]"),
      BAD("[NaN]"), BAD("[1+2]"), BAD("[0x1]"), BAD("[0x42]"), BAD("[Infinity]"),
      BAD("[-Infinity]"),
      BAD("[-foo]"), BAD("[- 1]"), BAD("[-012]"), BAD("[-.123]"), BAD("[-1x]"), BAD("[1ea]"),
      BAD("[1e\xe5]"), BAD("[1.]"), BAD("[.123]"), BAD("[1.2a-3]"), BAD("[012]"), BAD("[00]"),
      BAD("-"), BAD("1."), BAD("1e"), BAD("\xef\xbc\x91"), BAD("[1e1\xe5]"),
      /* Objects. */
      BAD("[\"a\", \"b\": 1]"), BAD("{[: \"x\"}"), BAD("{\"x\", null}"), BAD("{\"x\"::\"b\"}"),
      BAD("{\xf0\x9f\x87\xa8}"), BAD("{\"a\":\"a\" 123}"), BAD("{key: 'value'}"), BAD("{\"a\" b}"),
      BAD("{:\"b\"}"), BAD("{\"a\":"), BAD("{\"a\""), BAD("{1:1}"), BAD("{null:null}"),
      BAD("{\"id\":0,,,}"), BAD("{'a':0}"), BAD("{\"id\":0,}"), BAD("{\"a\":\"b\"}/**/"),
      BAD("{\"a\":\"b\",,\"c\":\"d\"}"), BAD("{a: \"b\"}"), BAD("{\"a\":\"a"), BAD("{\"a\":1"),
      BAD("{\"a\":\"b\"}#{}"), BAD("{\"a\"}"), BAD("{"), BAD("}"), BAD("{]"), BAD("[}"),
      /* Texts. */
      BAD("\""), BAD("\"a"), BAD("[\"\\"), BAD("[\"\\uD800\\"), BAD("[\"\\uD800\\u\"]"),
      BAD("[\"\\uD800\\u1\"]"), BAD("[\"\\uD800\\u1x\"]"), BAD("[\xc3\xa9]"), BAD("[\"\\x00\"]"),
      BAD("[\"\\\\\\\"]"), BAD("[\"\\\t\"]"), BAD("[\"\\\xf0\x9f\x8c\x80\"]"), BAD("[\"\\u00A\"]"),
      BAD("[\"\\uD834\\uDd\"]"), BAD("[\"\\a\"]"), BAD("[\"\\uqqqq\"]"), BAD("[\"\\\xe5\"]"),
      BAD("[\"\\u\xe5\"]"), BAD("[\\u0020\"asd\"]"), BAD("[\\n]"), BAD("[\"\0\"]"), BAD("[\"\n\"]"),
      BAD("[\"\t\"]"), BAD("\"\\U00410042\""), BAD("\"\\'\""), BAD("\"\x1f\""), BAD("abc"),
      BAD("\"\\u12\""), BAD("\"\\u123"), BAD("\"\\u"), BAD("\"\xc3"), BAD("\"\\"),
      /* Decided by each reader: what no UTF-8 can have, and what may precede it, is refused. */
      BAD("\xef\xbb\xbf{}"), BAD("\"\\uDADA\""), BAD("\"\\uD888\\u1234\""), BAD("\"\\uDc00\""),
      BAD("\"\\uD800\\n\""), BAD("\"\\ud800abc\""), BAD("\"\\uDd1e\\uD834\""),
      BAD("\"\\uD800\\uD800\""),
      BAD("\"\xff\""), BAD("\"\xe6\x97\xa5\xd1\x88\xfa\""), BAD("\"\xed\xa0\x80\""),
      BAD("\"\xf4\xbf\xbf\xbf\""), BAD("\"\xc0\xaf\""), BAD("\"\xfc\x83\xbf\xbf\xbf\xbf\""),
      BAD("\"\x81\""), BAD("\"\xe0\xff\""), BAD("\"\xe0\x80\x80\""), BAD("\"\\n\xe9\""),
      BAD("\xff\xfe[\0\"\0"), BAD("\xe9"), BAD("[\xe2\x81\xa0]"), BAD("[\f]"), BAD("\xc2\x85[]")};
  for (unsigned index = 0; index < sizeof all / sizeof *all; index++) {
    if (format(all[index].text, all[index].length, 0) != SYNCMGR_E_INVALID) {
      harness_fail(__FILE__, __LINE__, "%s was taken", all[index].text);
    }
    CHECK(strstr(syncmgr_last_error(), "the text is not JSON: at byte "));
  }
  CHECK_REFUSED(format("[1, x]", 6, 0));
  CHECK(strstr(syncmgr_last_error(), "at byte 4 "));
}

TEST(of_two_members_of_one_name_the_last_counts_unless_they_are_refused) {
  static const char twice[] = "{\"b\":1,\"a\":{\"x\":1,\"x\":2},\"\\u0062\":3}";
  CHECK_OK(format(twice, LENGTH(twice), 0));
  CHECK(strcmp(written, "{\"b\":3,\"a\":{\"x\":2}}") == 0);
  CHECK_OK(format(twice, LENGTH(twice), SYNCMGR_JSON_SORTED));
  CHECK(strcmp(written, "{\"a\":{\"x\":2},\"b\":3}") == 0);
  CHECK_STATUS(format(twice, LENGTH(twice), SYNCMGR_JSON_UNIQUE), SYNCMGR_E_INVALID);
  CHECK(strstr(syncmgr_last_error(), "two members of one name"));
  CHECK_OK(format("{\"a\":1,\"b\":1}", 13, SYNCMGR_JSON_UNIQUE));
  /* Many members are looked at in another way, and as fast. */
  enum { MANY = 30000 };
  char *text = malloc(MANY * 16), *end = text;
  for (unsigned index = 0; index < MANY; index++) {
    end += sprintf(end, "%c\"k%u\":%u", index ? ',' : '{', (index * 7919) % (MANY - 1), index);
  }
  end += sprintf(end, "}");
  CHECK_STATUS(format(text, (size_t)(end - text), SYNCMGR_JSON_UNIQUE), SYNCMGR_E_INVALID);
  CHECK_OK(format(text, (size_t)(end - text), 0));
  CHECK(strncmp(written, "{\"k0\":29999,\"k7919\":1,", 22) == 0);
  CHECK_OK(format(text, (size_t)(end - text), SYNCMGR_JSON_SORTED));
  CHECK(strncmp(written, "{\"k0\":29999,\"k1\":", 17) == 0);
  free(text);
}

TEST(members_are_sorted_by_the_bytes_of_their_names) {
  static const char text[] =
      "{\"b\":[{\"d\":1,\"c\":2}],\"\xc3\xa9\":1,\"e\xcc\x81\":2,\"B\":3,\"\":4,\"bb\":5}";
  CHECK_OK(format(text, LENGTH(text), SYNCMGR_JSON_SORTED | SYNCMGR_JSON_UNIQUE));
  CHECK(strcmp(written, "{\"\":4,\"B\":3,\"b\":[{\"c\":2,\"d\":1}],\"bb\":5,\"e\xcc\x81\":2,"
                        "\"\xc3\xa9\":1}") == 0);
}

TEST(the_depth_is_bounded_by_512) {
  enum { MANY = 100000 };
  char *text = malloc(2 * MANY + 8);
  for (unsigned depth = 510; depth <= 514; depth++) {
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    CHECK_STATUS(format(text, 2 * (size_t)depth, 0), depth <= 512 ? SYNCMGR_OK : SYNCMGR_E_INVALID);
    if (depth <= 512) CHECK(memcmp(written, text, 2 * (size_t)depth) == 0);
  }
  CHECK(strstr(syncmgr_last_error(), "nested too deep"));
  /* Beside each other there may be any number. */
  size_t length = 0;
  text[length++] = '[';
  for (unsigned index = 0; index < 2000; index++) length += (size_t)sprintf(text + length,
  "[],{},");
  length += (size_t)sprintf(text + length, "0]");
  CHECK_OK(format(text, length, 0));
  memset(text, '[', MANY);
  CHECK_STATUS(format(text, MANY, 0), SYNCMGR_E_INVALID);
  for (unsigned index = 0; index < MANY; index++) memcpy(text + index / 5 * 5, "{\"\":[", 5);
  CHECK_STATUS(format(text, MANY, 0), SYNCMGR_E_INVALID);
  free(text);
}

TEST(what_formatting_is_given_is_checked) {
  char small[8] = "before";
  size_t length = 99;
  CHECK_STATUS(syncmgr_json_format("[1,2,3]", 7, 0, small, 7, &length), SYNCMGR_E_OVERFLOW);
  CHECK_EQUAL(length, 7);
  CHECK(strcmp(small, "before") == 0);
  CHECK_OK(syncmgr_json_format("[1,2,3]", 7, 0, small, 8, &length));
  CHECK(strcmp(small, "[1,2,3]") == 0);
  CHECK_STATUS(syncmgr_json_format("[ 1 ]", 5, 0, NULL, 0, &length), SYNCMGR_E_OVERFLOW);
  CHECK_EQUAL(length, 3);
  length = 99;
  CHECK_STATUS(syncmgr_json_format("1", 1, 0, NULL, 1, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_json_format("1", 1, 4, small, 8, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_json_format(NULL, 1, 0, small, 8, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_json_format(NULL, 0, 0, small, 8, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_json_format("1", 1, 0, small, 8, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_json_format("1", SYNCMGR_JSON_MAX + 1, 0, small, 8, &length),
               SYNCMGR_E_TOO_LARGE);
  CHECK_STATUS(syncmgr_json_format("1", SIZE_MAX, 0, small, 8, &length), SYNCMGR_E_TOO_LARGE);
  CHECK_EQUAL(length, 99);
  /* Only the bytes within the length count. */
  CHECK_OK(syncmgr_json_format("12", 1, 0, small, 8, &length));
  CHECK(strcmp(small, "1") == 0);
  char *large = malloc(SYNCMGR_JSON_MAX + 1);
  memset(large, ' ', SYNCMGR_JSON_MAX);
  large[SYNCMGR_JSON_MAX - 1] = '7';
  CHECK_OK(syncmgr_json_format(large, SYNCMGR_JSON_MAX, 0, small, 8, &length));
  CHECK(strcmp(small, "7") == 0);
  free(large);
}

TEST(bytes_changed_at_random_never_harm_and_what_is_taken_reads_again) {
  static const char seed_text[] =
      "{\"a\":[1,-2.5e3,\"\\u00e9\\ud83d\\ude00 \xc3\xa9\",null,true],"
      "\"b\":{\"\":[[],{}]},\"c\":false}";
  uint64_t state = harness_seed();
  unsigned taken = 0;
  for (unsigned round = 0; round < 100000; round++) {
    char text[LENGTH(seed_text)];
    memcpy(text, seed_text, sizeof text);
    for (unsigned changes = 1 + random_below(&state, 3); changes > 0; changes--) {
      unsigned place = random_below(&state, sizeof text);
      text[place] = random_below(&state, 2) ? (char)random_below(&state, 256)
                                            : seed_text[random_below(&state, sizeof text)];
    }
    if (format(text, sizeof text, 0) != SYNCMGR_OK) continue;
    taken++;
    check_settled();
  }
  CHECK(taken > 1000);
}
