/* What every crash test needs and the library does not give: time, seeded random numbers, child
 * processes with a deadline, and a look at what is left in /dev/shm. */
#ifndef CRASH_SUPPORT_H
#define CRASH_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MILLISECOND INT64_C(1000000)
#define SECOND INT64_C(1000000000)

/** Returns the monotonic clock in nanoseconds. */
int64_t now_ns(void);

/** Sleeps for about `duration_ns`; a signal does not shorten it. */
void sleep_ns(int64_t duration_ns);

/** A small generator whose whole state is one word, so that one printed number replays it. */
struct random {
  uint64_t state;
};

/** Returns the next number. */
uint64_t random_next(struct random *random);

/** Returns a number below `limit`, which is not 0. */
uint32_t random_below(struct random *random, uint32_t limit);

/** Returns a duration between the two, such that each factor of two is equally likely: what breaks
 *  often breaks in a window of microseconds, and a window of milliseconds must not drown it. */
int64_t random_duration(struct random *random, int64_t shortest_ns, int64_t longest_ns);

/** Returns the number in the environment variable SEED, or a new one. */
uint64_t seed_choose(void);

/** Returns the number after `name` among the arguments, or `otherwise` when it is not there. */
uint64_t argument_number(int count, char **arguments, const char *name, uint64_t otherwise);

/** Returns the text after `name` among the arguments, or NULL. */
const char *argument_text(int count, char **arguments, const char *name);

/** Tells whether `name` is among the arguments. */
bool argument_present(int count, char **arguments, const char *name);

/** Makes the kernel kill this process when its parent dies, so that an interrupted test leaves no
 *  process behind. `parent` is the process that should be the parent: when it is already gone, this
 *  process ends at once. */
void die_with_parent(pid_t parent);

/** Waits for the end of the child until `deadline_ns` and reaps it.
 *  Returns false, and leaves the child alone, when the time passes. */
bool child_wait(pid_t child, int64_t deadline_ns, int *out_status);

/** Kills the child, if there is one, and reaps it. */
void child_kill(pid_t child);

/** Writes how a child ended, as words, and returns `text`. */
const char *child_end_text(int status, char *text, size_t capacity);

/** Returns how long anybody may take before that counts as a hang: 5 seconds on a machine that does
 *  nothing else, and longer on one with far more to run than it has processors, where a process can
 *  wait that long for its turn. */
int64_t patience_ns(void);

/** Returns the state letter of a process from /proc, or 0 when there is no such process. */
char process_state(pid_t process);

/** Returns how many files in /dev/shm belong to the space `name`, and the first one's name. */
uint32_t space_files(const char *name, char *out_first, size_t capacity);

/** Removes the files of the space `name`: only for cleaning up after a failure. */
void space_files_remove(const char *name);

/** Writes where the file of the store of the space `name` is, below $TMPDIR or /tmp. */
void disk_file(const char *name, char *path, size_t capacity);

/** Removes it and all that is beside it. */
void disk_files_remove(const char *name);

/** Returns how many descriptors this process has open. */
uint32_t descriptor_count(void);

/** Returns how many threads this process has. */
uint32_t thread_count(void);

/** Returns how many mappings of this process are segments. */
uint32_t segment_mapping_count(void);

#endif
