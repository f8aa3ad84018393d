/* What every benchmark program needs: clocks, a CPU to stay on, children, and a way to fail.
 *
 * SPDX-License-Identifier: MIT
 *
 * A program prints its results as lines `key value`, one sample each, and exits 0. Anything that
 * goes wrong is a sentence on stderr and exit code 1: a figure of a broken run must never be shown.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <syncmgr.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* The distance that keeps two words out of each other's cache lines and of the line that the
 * prefetcher brings in beside it. */
#define LINE 128

/** Returns the monotonic clock in nanoseconds. */
static inline int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/** Returns a counter that is cheap enough to be read around one single lock. */
static inline uint64_t ticks(void) {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  uint64_t value;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#else
  return (uint64_t)now_ns();
#endif
}

/** Tells the CPU that this is a spin loop. */
static inline void pause_cpu(void) {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/** Does `count` steps that depend on each other, so that no CPU can do them at once. */
static inline uint64_t spend(uint64_t value, uint64_t count) {
  for (uint64_t index = 0; index < count; index++) {
    value = value * 6364136223846793005u + 1442695040888963407u;
    __asm__ volatile("" : "+r"(value));
  }
  return value;
}

/** Returns how many ticks pass in a nanosecond. Takes 20 ms. */
double ticks_per_ns(void);

/** Returns how many steps of spend() take `ns` nanoseconds on an undisturbed CPU. */
uint64_t steps_for_ns(double ns);

/** Keeps this thread on the `index`-th CPU that it may use, counted round. */
void pin_to(unsigned index);

/** Ends the program with a sentence. Never returns. */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

/** Ends the program when a call into the library was an error. */
void check(int32_t status, const char *what);

/** Ends the program when a POSIX call that returns its error number was an error. */
void check_posix(int error, const char *what);

/** Returns zeroed memory that is shared with the children. Never NULL. */
void *shared_memory(size_t size);

/** Starts `body(index, context)` in a child, which dies with this process. */
pid_t start_child(void (*body)(int index, void *context), int index, void *context);

/** Waits for `count` children and fails as soon as one of them did not end well. */
void join_children(int count);

/** Kills the program with its children when it is not done after so many seconds. */
void deadline(unsigned seconds);

/** Sleeps. */
void sleep_ns(int64_t ns);

/** Returns the median; sorts `values`. */
double median(double *values, size_t count);

/** Prints one sample. */
void report(const char *key, double value);

/** Returns a whole number from the command line, or fails. */
long number_argument(int count, char **arguments, int index, const char *name);

/** Opens the space and one workstream of it. */
syncmgr_workstream_t *open_workstream(const char *url, uint32_t flags);

/** Removes the space when it is still there. The processes of a benchmark end without closing it,
 *  because closing would take CPU from those that are still measured. */
void remove_space(const char *url);

#endif
