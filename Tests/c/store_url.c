/* The file of a space's store as URLs name it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

/* The fourth call overwrites what the first gave. */
static const char *with_store(const char *url, const char *file) {
  static char urls[4][4096];
  static unsigned counter;
  char *text = urls[++counter % 4];
  snprintf(text, sizeof urls[0], "%s?store=%s", url, file);
  return text;
}

static const char *in_directory(const char *file) {
  static char paths[4][1024];
  static unsigned counter;
  char *path = paths[++counter % 4];
  snprintf(path, sizeof paths[0], "%s/%s", harness_directory(), file);
  return path;
}

static void check_url(syncmgr_t *space, const char *expected) {
  char text[4096];
  size_t length = 0;
  CHECK_OK(syncmgr_url(space, text, sizeof text, &length));
  CHECK_EQUAL(length, strlen(text));
  if (strcmp(text, expected) != 0) {
    harness_fail(__FILE__, __LINE__, "the URL is %s, not %s", text, expected);
  }
}

TEST(bad_options_of_urls_are_refused_with_a_sentence) {
  static const char *const bad[] = {
      "?",           "?store",      "?store=",         "?STORE=/tmp/x",     "?sync=1",
      "?store=/a&b", "?store=/a&",  "?store=/a%",      "?store=/a%2",       "?store=/a%zz",
      "?store=/a%00", "?store=/a%0a", "?store=/a\xff", "?store=/a&store=/b", "?&store=/a",
      "?store=/tmp", "?store=.",    "?store=..",       "?store=/tmp/"};
  char url[256];
  for (unsigned index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    for (unsigned kind = 0; kind < 3; kind++) {
      const char *const start[] = {unique_url(), "local:", "local:options"};
      snprintf(url, sizeof url, "%s%s", start[kind], bad[index]);
      CHECK_STATUS(try_open(url, 0), SYNCMGR_E_NAME);
      CHECK(syncmgr_last_error()[0] != '\0');
    }
  }
  CHECK_STATUS(try_open("shm:?store=/tmp/x", 0), SYNCMGR_E_NAME);
  CHECK_REFUSED(try_open(with_store("local:", "/not/there/at/all"), 0));
  CHECK(strstr(syncmgr_last_error(), "/not/there/at/all") != NULL);
  CHECK_STATUS(try_open("local:options?sync=1", 0), SYNCMGR_E_NAME);
  CHECK(strstr(syncmgr_last_error(), "sync") != NULL);
}

TEST(the_file_of_a_store_has_one_absolute_name) {
  const char *url = unique_url();
  char expected[2048], link[1024];
  snprintf(expected, sizeof expected, "%s?store=%s/here.db", url, harness_directory());
  CHECK_EQUAL(chdir(harness_directory()), 0);
  CHECK_EQUAL(mkdir("below", 0700), 0);
  CHECK_EQUAL(symlink("below/..", "link"), 0);
  syncmgr_t *space = open_space(with_store(url, "here.db"), 0);
  check_url(space, expected);
  static const char *const same[] = {"./here.db", "below/../here.db", "link/here.db", "here%2edb"};
  for (unsigned index = 0; index < sizeof same / sizeof same[0]; index++) {
    CHECK_OK(try_open(with_store(url, same[index]), 0));
  }
  /* Without one it is what the space has. */
  syncmgr_t *again = open_space(url, 0);
  check_url(again, expected);
  CHECK_OK(syncmgr_close(again));
  CHECK_OK(try_open(expected, SYNCMGR_OPEN_ONLY));
  check_and_close(space);
  /* A link to nothing is refused: where the file would be is not known. */
  snprintf(link, sizeof link, "%s", in_directory("dangling"));
  CHECK_EQUAL(symlink("nowhere.db", link), 0);
  CHECK_REFUSED(try_open(with_store(unique_url(), link), 0));
  /* The file itself is not touched. */
  CHECK_EQUAL(access("here.db", F_OK), -1);
}

TEST(bytes_of_a_file_name_can_be_written_as_two_digits) {
  const char *url = unique_url();
  char expected[2048];
  syncmgr_t *space = open_space(with_store(url, in_directory("a b%25%26%23\xc3\xa4.db")), 0);
  snprintf(expected, sizeof expected, "%s?store=%s/a%%20b%%25%%26%%23%%c3%%a4.db", url,
           harness_directory());
  check_url(space, expected);
  CHECK_OK(try_open(expected, 0));
  check_and_close(space);
}

TEST(the_longest_file_name_is_accepted_and_a_longer_one_refused) {
  const char *url = unique_url();
  char path[2048];
  int used = snprintf(path, sizeof path, "%s", harness_directory());
  while (1023 - used > 250) {
    used += snprintf(path + used, sizeof path - (size_t)used, "/%0200d", 7);
    CHECK_EQUAL(mkdir(path, 0700), 0);
  }
  snprintf(path + used, sizeof path - (size_t)used, "/%0*d", 1023 - used - 1, 8);
  CHECK_EQUAL(strlen(path), 1023);
  CHECK_OK(try_open(with_store(url, path), 0));
  strcat(path, "9");
  CHECK_STATUS(try_open(with_store(url, path), 0), SYNCMGR_E_NAME);
  CHECK_STATUS(try_open(with_store(url, "/dev/null"), 0), SYNCMGR_E_NAME);
}

TEST(another_file_than_the_space_has_is_refused_and_the_sentence_names_both) {
  const char *const urls[] = {unique_url(), "local:mismatch"};
  for (unsigned index = 0; index < 2; index++) {
    syncmgr_t *space = open_space(with_store(urls[index], in_directory("one.db")), 0);
    CHECK_STATUS(try_open(with_store(urls[index], in_directory("two.db")), 0), SYNCMGR_E_MISMATCH);
    CHECK(strstr(syncmgr_last_error(), "one.db") != NULL);
    CHECK(strstr(syncmgr_last_error(), "two.db") != NULL);
    CHECK_OK(try_open(with_store(urls[index], in_directory("one.db")), 0));
    check_and_close(space);
    /* The file goes with the space. */
    CHECK_OK(try_open(with_store(urls[index], in_directory("two.db")), 0));
    space = open_space(urls[index], 0);
    check_url(space, urls[index]);
    CHECK_STATUS(try_open(with_store(urls[index], in_directory("two.db")), 0), SYNCMGR_E_MISMATCH);
    CHECK(strstr(syncmgr_last_error(), "two.db") != NULL);
    check_and_close(space);
  }
}

static void try_another(peer_t *self) {
  CHECK_STATUS(try_open(with_store(self->url, in_directory("other.db")), 0), SYNCMGR_E_MISMATCH);
  char expected[2048];
  snprintf(expected, sizeof expected, "%s?store=%s/kept.db", self->url, harness_directory());
  syncmgr_t *space = peer_space(self);
  check_url(space, expected);
  CHECK_OK(syncmgr_close(space));
}

TEST(the_file_is_known_to_every_process_and_stays_with_a_persistent_space) {
  const char *url = unique_url();
  CHECK_OK(try_open(with_store(url, in_directory("kept.db")), SYNCMGR_PERSISTENT));
  for (unsigned index = 0; index < 2; index++) peer_join(peer_start(try_another, url, index, 0));
  CHECK_OK(syncmgr_unlink(with_store(url, "/whatever/it/is")));
}

TEST(a_buffer_that_is_too_small_for_the_url_is_left_as_it_was) {
  const char *url = unique_url();
  char text[256] = "x";
  size_t length = 7;
  syncmgr_t *space = open_space(url, 0);
  CHECK_STATUS(syncmgr_url(space, text, strlen(url), &length), SYNCMGR_E_OVERFLOW);
  CHECK_EQUAL(length, strlen(url));
  CHECK(strcmp(text, "x") == 0);
  CHECK_STATUS(syncmgr_url(space, NULL, 0, &length), SYNCMGR_E_OVERFLOW);
  CHECK_STATUS(syncmgr_url(space, NULL, 1, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_url(space, text, sizeof text, NULL), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_url(space, text, strlen(url) + 1, &length));
  CHECK(strcmp(text, url) == 0);
  CHECK_STATUS(syncmgr_url(NULL, text, sizeof text, &length), SYNCMGR_E_HANDLE);
  check_and_close(space);
  check_url(open_space("local:", 0), "local:");
}
