/* Calls to the system that Swift cannot make itself: variadic, Linux-only, or on words of a
 * segment. All return -errno or a value that is not negative. */
#ifndef SM_OS_H
#define SM_OS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sm_atomic.h"
#include "sm_layout.h"

/* Sleeps while *word == expected, until the monotonic `deadline_ns` (-1: no deadline).
 * 0 woken, -EAGAIN changed already, -ETIMEDOUT, -EINTR. */
int32_t sm_futex_wait(uint32_t *word, uint32_t expected, int64_t deadline_ns);
int32_t sm_futex_wake(uint32_t *word, int32_t count);

/* Sleeps until one of `count` words differs from what is expected (futex_waitv). */
#define SM_WAITV_MAX 128u
struct sm_waitv {
  uint32_t *word;
  uint32_t expected;
  uint32_t reserved;
};
int32_t sm_futex_waitv(const struct sm_waitv *words, uint32_t count, int64_t deadline_ns);

/* 0, or -ENOENT: no such path; O_CLOEXEC is added. */
int32_t sm_open(const char *path, int32_t flags, uint32_t mode);
int32_t sm_open_unnamed(const char *directory, uint32_t mode);
int32_t sm_link(int32_t fd, const char *path);
int32_t sm_close(int32_t fd);
int32_t sm_unlink(const char *path);
int32_t sm_truncate(int32_t fd, uint64_t size);
int32_t sm_allocate(int32_t fd, uint64_t offset, uint64_t size);
int32_t sm_own(int32_t fd, uint32_t group, uint32_t mode);
int64_t sm_read(int32_t fd, void *buffer, size_t size, uint64_t offset);
int64_t sm_write(int32_t fd, const void *buffer, size_t size, uint64_t offset);
int64_t sm_read_link(const char *path, void *buffer, size_t size);
/* Whether process `pid` has the file with `inode` mapped: 1, 0, or -errno when it cannot be told.
 * */
int32_t sm_maps(int32_t pid, uint64_t inode);
/* Writes the absolute name of a file, which need not be there, without symbolic links, terminated.
 * Its length; -EISDIR for a directory; -ENOENT when its directory is not there. */
int64_t sm_absolute(const char *path, void *buffer, size_t size);
int64_t sm_read_file(const char *path, void *buffer, size_t size);

struct sm_stat {
  uint64_t device, inode, size, links;
  uint32_t uid, gid, mode, regular;
};
int32_t sm_stat_path(const char *path, struct sm_stat *out);
int32_t sm_stat_fd(int32_t fd, struct sm_stat *out);

/* Record locks: of one byte at `offset`. They go with the process, and are not inherited. Who has
 * one of a kind already gets the other in its place, at once or not at all. */
int32_t sm_lock(int32_t fd, uint64_t offset, int32_t wait); /* -EAGAIN: somebody has it */
int32_t sm_lock_shared(int32_t fd, uint64_t offset, int32_t wait);
int32_t sm_unlock(int32_t fd, uint64_t offset);
int32_t sm_is_locked(int32_t fd, uint64_t offset); /* 1, 0: by another process */
/* The id of a process that has it locked, or 0: nobody, or one of another pid namespace. */
int32_t sm_locker(int32_t fd, uint64_t offset);

/* Where in the file the locks lie: far behind the data, a byte per participant, then the gate. */
#define SM_LOCK_PARTICIPANT 0x10000000000ull
#define SM_LOCK_GATE 0x20000000000ull
#define SM_ALREADY (-17)   /* -EEXIST */
#define SM_MISSING (-2)    /* -ENOENT */
#define SM_AGAIN (-11)     /* -EAGAIN */
#define SM_INTERRUPT (-4)  /* -EINTR */
#define SM_LATE (-110)     /* -ETIMEDOUT */
#define SM_LOOP (-40)      /* -ELOOP */
#define SM_DIRECTORY (-21) /* -EISDIR */
#define SM_NO_DEVICE (-6)  /* -ENXIO */

/* A mapping with SM_LIFE_GAP bytes of private memory before it, for the robust list's nodes.
 * fd -1 maps private memory. Not inherited by a forked child. NULL when it fails; *error = -errno.
 * */
#define SM_LIFE_GAP 131072u
void *sm_map(int32_t fd, uint64_t size, int32_t *error);
void sm_unmap(void *base, uint64_t size);
/* Leaves memory of zeros in place of a mapping: addresses that were lent stay good to touch. */
void sm_blank(void *base, uint64_t size);
/* Private memory that a forked child finds zeroed. NULL when there is none. */
void *sm_map_wiped(uint64_t size);

int64_t sm_now(void);         /* monotonic ns */
int64_t sm_date(void);        /* ns since 1970 */
int64_t sm_coarse_date(void); /* as of the last tick of the system: a fourth of the cost */
int64_t sm_thread_time(void); /* ns of processor time that this thread has used */
int32_t sm_gettid(void);
int32_t sm_getpid(void);
int32_t sm_processors(void); /* that are online */
uint32_t sm_geteuid(void);
void sm_nap(int64_t ns);
void sm_yield(void);
/* The system's words for `error`, terminated. */
void sm_error_text(int32_t error, char *buffer, size_t size);
int32_t sm_random(void *buffer, size_t size);
int32_t sm_barrier_register(void); /* membarrier */
int32_t sm_barrier_all(void);

int32_t sm_eventfd(void);
int32_t sm_signal_fd(int32_t fd); /* writes 8 bytes */
int32_t sm_clear_fd(int32_t fd);  /* reads 8 bytes */
int32_t sm_is_open(int32_t fd);

/* The service thread's robust list. Only for a thread of our own: a host thread's list is glibc's.
 * */
void sm_life_start(void);
void sm_life_add(uint32_t *life);
void sm_life_remove(uint32_t *life);
#define SM_LIFE_DEAD 0x40000000u /* FUTEX_OWNER_DIED, set by the kernel */

/* Starts a thread with all signals blocked and a small stack. */
int32_t sm_thread_start(void *(*body)(void *), void *context, uint64_t *out_thread,
                        const char *name);
int32_t sm_thread_join(uint64_t thread);
void sm_thread_detach(uint64_t thread);
uint64_t sm_thread_current(void);

/* Where the kernel keeps the number of the CPU that the calling thread runs on (glibc 2.35
 * registers rseq for every thread); a word that says "unknown" where it does not. */
const volatile uint32_t *sm_cpu_word(void);

#endif
