/* A small test harness: every test runs in its own process, under a watchdog.
 *
 * A failed check anywhere (test process, forked peer, any thread) writes one sentence into memory
 * shared with the runner and ends the process; the runner then kills the whole process group. So a
 * hang, a trap and a wrong value all end as one line about one test, and the next test runs. */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

typedef struct test {
  const char *name;
  void (*run)(void);
  unsigned seconds;
  struct test *next;
} test_t;

void harness_register(test_t *test);

/** Defines a test that is killed, and has failed, when it runs for longer than `seconds_`. */
#define TEST_WITHIN(seconds_, name_)                                                 \
  static void name_(void);                                                           \
  static test_t name_##_test = {#name_, name_, seconds_, NULL};                      \
  __attribute__((constructor)) static void name_##_register(void) {                  \
    harness_register(&name_##_test);                                                 \
  }                                                                                  \
  static void name_(void)

#define TEST(name_) TEST_WITHIN(20, name_)

/** Reports a failure of the running test and ends this process. */
noreturn void harness_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Ends the running test as not possible on this system; `reason` is a sentence. */
noreturn void harness_skip(const char *reason);

#define CHECK(condition) \
  ((condition) ? (void)0 : harness_fail(__FILE__, __LINE__, "%s", #condition))

#define CHECK_EQUAL(left, right) \
  check_equal(__FILE__, __LINE__, #left " == " #right, (int64_t)(left), (int64_t)(right))

/** Checks a status; a failure shows both names and the thread's error sentence. */
#define CHECK_STATUS(call, expected) check_status(__FILE__, __LINE__, #call, (call), (expected))

/** Checks that a call failed in some way, and that it left a sentence about it. */
#define CHECK_REFUSED(call) check_refused(__FILE__, __LINE__, #call, (call))

#define CHECK_OK(call) CHECK_STATUS(call, SYNCMGR_OK)

void check_equal(const char *file, int line, const char *text, int64_t left, int64_t right);
void check_status(const char *file, int line, const char *text, int32_t status, int32_t expected);
void check_refused(const char *file, int line, const char *text, int32_t status);

/** The tag that every segment name of the running test contains, so that leftovers are found. */
const char *harness_tag(void);

/** A directory on the disk for the running test alone, which is removed with all in it after the
 *  test: below $TMPDIR, or /tmp. */
const char *harness_directory(void);

/** The seed of this run: SEED from the environment, or a fresh one that failures print. */
uint64_t harness_seed(void);

/** Fills `list` with the names in /dev/shm that contain `text`; returns how many there are. */
unsigned shared_memory_names(const char *text, char list[][256], unsigned capacity);

#endif
