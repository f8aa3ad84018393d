#define _GNU_SOURCE
#include "sm_os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef __NR_futex_waitv
#define __NR_futex_waitv 449
#endif
#ifndef FUTEX_32
#define FUTEX_32 2
#endif

static int32_t result(long value) { return value < 0 ? -errno : (int32_t)value; }

static struct timespec at(int64_t ns) {
  struct timespec time = {ns / 1000000000, ns % 1000000000};
  return time;
}

int32_t sm_futex_wait(uint32_t *word, uint32_t expected, int64_t deadline_ns) {
  SM_ASK("futex_wait");
  struct timespec deadline = at(deadline_ns < 0 ? 0 : deadline_ns);
  return result(syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected,
                        deadline_ns < 0 ? NULL : &deadline, NULL, FUTEX_BITSET_MATCH_ANY));
}

int32_t sm_futex_wake(uint32_t *word, int32_t count) {
  SM_STEP("futex_wake", 0);
  return result(syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0));
}

int32_t sm_futex_waitv(const struct sm_waitv *words, uint32_t count, int64_t deadline_ns) {
  struct {
    uint64_t value, address;
    uint32_t flags, reserved;
  } waiters[SM_WAITV_MAX];
  if (count > SM_WAITV_MAX) count = SM_WAITV_MAX;
  for (uint32_t i = 0; i < count; i++) {
    waiters[i].value = words[i].expected;
    waiters[i].address = (uint64_t)(uintptr_t)words[i].word;
    waiters[i].flags = FUTEX_32;
    waiters[i].reserved = 0;
  }
  struct timespec deadline = at(deadline_ns < 0 ? 0 : deadline_ns);
  return result(syscall(__NR_futex_waitv, waiters, count, 0, deadline_ns < 0 ? NULL : &deadline,
                        CLOCK_MONOTONIC));
}

int32_t sm_open(const char *path, int32_t flags, uint32_t mode) {
  SM_ASK("open");
  return result(open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, (mode_t)mode));
}

int32_t sm_open_unnamed(const char *directory, uint32_t mode) {
  SM_ASK("open_unnamed");
  return result(open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, (mode_t)mode));
}

int32_t sm_link(int32_t fd, const char *path) {
  SM_ASK("link");
  char name[40];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  return result(linkat(AT_FDCWD, name, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
}

/* Close and unlink are steps, not faults: nobody could go on from their failure. */
int32_t sm_close(int32_t fd) {
  SM_STEP("close", 0);
  return result(close(fd));
}

int32_t sm_unlink(const char *path) {
  SM_STEP("unlink", 0);
  return result(unlink(path));
}

int32_t sm_truncate(int32_t fd, uint64_t size) {
  SM_ASK("truncate");
  return result(ftruncate(fd, (off_t)size));
}

int32_t sm_allocate(int32_t fd, uint64_t offset, uint64_t size) {
  SM_ASK("allocate");
  for (;;) {
    int32_t status = result(fallocate(fd, 0, (off_t)offset, (off_t)size));
    if (status != -EINTR) return status;
  }
}

int32_t sm_own(int32_t fd, uint32_t group, uint32_t mode) {
  SM_ASK("own");
  if (group != UINT32_MAX && fchown(fd, (uid_t)-1, (gid_t)group) < 0) return -errno;
  return result(fchmod(fd, (mode_t)mode)); /* not narrowed by the umask */
}

int64_t sm_read(int32_t fd, void *buffer, size_t size, uint64_t offset) {
  SM_ASK("read");
  ssize_t count = pread(fd, buffer, size, (off_t)offset);
  return count < 0 ? -errno : count;
}

int64_t sm_read_link(const char *path, void *buffer, size_t size) {
  ssize_t count = readlink(path, buffer, size);
  return count < 0 ? -errno : count;
}

int32_t sm_maps(int32_t pid, uint64_t inode) {
  char line[512];
  snprintf(line, sizeof line, "/proc/%d/maps", pid);
  FILE *maps = fopen(line, "re");
  if (maps == NULL) return -errno;
  int32_t found = 0;
  while (!found && fgets(line, sizeof line, maps) != NULL) {
    unsigned long number;
    if (sscanf(line, "%*s %*s %*s %*s %lu", &number) == 1) found = number == inode;
  }
  fclose(maps);
  return found;
}

int64_t sm_read_file(const char *path, void *buffer, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t count = read(fd, buffer, size);
  int64_t outcome = count < 0 ? -errno : count;
  close(fd);
  return outcome;
}

static void copy_stat(const struct stat *from, struct sm_stat *to) {
  to->device = from->st_dev;
  to->inode = from->st_ino;
  to->size = (uint64_t)from->st_size;
  to->links = from->st_nlink;
  to->uid = from->st_uid;
  to->gid = from->st_gid;
  to->mode = from->st_mode & 0777;
  to->regular = S_ISREG(from->st_mode);
}

int32_t sm_stat_path(const char *path, struct sm_stat *out) {
  SM_ASK("stat");
  struct stat found;
  if (lstat(path, &found) < 0) return -errno;
  copy_stat(&found, out);
  return 0;
}

int32_t sm_stat_fd(int32_t fd, struct sm_stat *out) {
  SM_ASK("fstat");
  struct stat found;
  if (fstat(fd, &found) < 0) return -errno;
  copy_stat(&found, out);
  return 0;
}

void *sm_map(int32_t fd, uint64_t size, int32_t *error) {
#ifdef SYNCMGR_SEAM
  *error = -sm_ask("map");
  if (*error != 0) return NULL;
#endif
  char *whole = mmap(NULL, size + SM_LIFE_GAP, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (whole == MAP_FAILED) {
    *error = -errno;
    return NULL;
  }
  char *base = whole + SM_LIFE_GAP;
  if (fd >= 0 && mmap(base, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) !=
                     (void *)base) {
    *error = -errno;
    munmap(whole, size + SM_LIFE_GAP);
    return NULL;
  }
  madvise(whole, SM_LIFE_GAP, MADV_DONTFORK);
  madvise(base, size, MADV_DONTFORK);
  *error = 0;
  return base;
}

void sm_unmap(void *base, uint64_t size) {
  SM_STEP("unmap", 0);
  munmap((char *)base - SM_LIFE_GAP, size + SM_LIFE_GAP);
}

void sm_blank(void *base, uint64_t size) {
  SM_STEP("blank", 0);
  munmap((char *)base - SM_LIFE_GAP, SM_LIFE_GAP);
  mmap(base, size, PROT_READ | PROT_WRITE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

void *sm_map_wiped(uint64_t size) {
  void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return NULL;
  if (madvise(base, size, MADV_WIPEONFORK) < 0) {
    munmap(base, size);
    return NULL;
  }
  madvise(base, size, MADV_NOHUGEPAGE);
  return base;
}

static int64_t read_clock(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t sm_now(void) { return read_clock(CLOCK_MONOTONIC); }
int64_t sm_date(void) { return read_clock(CLOCK_REALTIME); }
int64_t sm_coarse_date(void) { return read_clock(CLOCK_REALTIME_COARSE); }
int64_t sm_thread_time(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

const volatile uint32_t *sm_cpu_word(void) {
  static const uint32_t unknown = UINT32_MAX;
  if (&__rseq_offset == NULL || __rseq_size == 0) return &unknown;
  /* struct rseq: cpu_id_start, then cpu_id. */
  return (const volatile uint32_t *)((const char *)__builtin_thread_pointer() + __rseq_offset + 4);
}

int32_t sm_processors(void) { return (int32_t)sysconf(_SC_NPROCESSORS_ONLN); }

int32_t sm_getpid(void) { return (int32_t)getpid(); }

uint32_t sm_geteuid(void) { return (uint32_t)geteuid(); }

void sm_yield(void) { sched_yield(); }

void sm_nap(int64_t ns) {
  struct timespec time = at(ns);
  nanosleep(&time, NULL);
}

void sm_error_text(int32_t error, char *buffer, size_t size) {
  const char *text = strerrordesc_np(error);
  snprintf(buffer, size, "%s", text == NULL ? "unknown error" : text);
}

int32_t sm_gettid(void) { return (int32_t)syscall(SYS_gettid); }

int32_t sm_random(void *buffer, size_t size) {
  return result(getrandom(buffer, size, GRND_NONBLOCK)) == (int32_t)size ? 0 : -EAGAIN;
}

int32_t sm_barrier_register(void) {
  return result(
      syscall(__NR_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
}

int32_t sm_barrier_all(void) {
  return result(syscall(__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
}

int32_t sm_eventfd(void) {
  SM_ASK("eventfd");
  return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

int32_t sm_signal_fd(int32_t fd) {
  uint64_t one = 1;
  for (;;) {
    int32_t status = result(write(fd, &one, sizeof one));
    if (status != -EINTR) return status;
  }
}

int32_t sm_clear_fd(int32_t fd) {
  uint64_t count;
  return result(read(fd, &count, sizeof count));
}

int32_t sm_is_open(int32_t fd) { return fcntl(fd, F_GETFD) >= 0; }

/* A node of the robust list lies SM_LIFE_GAP before its life word, in private memory, so that no
 * peer can make the kernel follow a pointer that we did not write. */
static struct robust_list_head lives;

void sm_life_start(void) {
  lives.list.next = &lives.list;
  lives.futex_offset = SM_LIFE_GAP;
  lives.list_op_pending = NULL;
  syscall(SYS_set_robust_list, &lives, sizeof lives);
}

static struct robust_list *node_of(uint32_t *life) {
  return (struct robust_list *)(void *)((char *)life - SM_LIFE_GAP);
}

void sm_life_add(uint32_t *life) {
  struct robust_list *node = node_of(life);
  lives.list_op_pending = node;
  __atomic_store_n(life, (uint32_t)sm_gettid() | FUTEX_WAITERS, __ATOMIC_SEQ_CST);
  node->next = lives.list.next;
  __atomic_store_n(&lives.list.next, node, __ATOMIC_SEQ_CST);
  lives.list_op_pending = NULL;
}

void sm_life_remove(uint32_t *life) {
  struct robust_list *node = node_of(life);
  lives.list_op_pending = node;
  for (struct robust_list *at = &lives.list; at->next != &lives.list; at = at->next)
    if (at->next == node) {
      __atomic_store_n(&at->next, node->next, __ATOMIC_SEQ_CST);
      break;
    }
  __atomic_store_n(life, 0u, __ATOMIC_SEQ_CST);
  lives.list_op_pending = NULL;
}

int32_t sm_thread_start(void *(*body)(void *), void *context, uint64_t *out_thread,
                        const char *name) {
  SM_ASK("thread_start");
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 2048 * 1024);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  int status = pthread_create(&thread, &attributes, body, context);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (status != 0) return -status;
  pthread_setname_np(thread, name);
  *out_thread = (uint64_t)thread;
  return 0;
}

int32_t sm_thread_join(uint64_t thread) { return -pthread_join((pthread_t)thread, NULL); }

void sm_thread_detach(uint64_t thread) { pthread_detach((pthread_t)thread); }

uint64_t sm_thread_current(void) { return (uint64_t)pthread_self(); }
