/* What the system itself has to carry messages: pipes, Unix sockets, POSIX message queues.
 *
 * SPDX-License-Identifier: MIT
 *
 * Each is a descriptor to write and one to read. In a broadcast there is a pair for each reader.
 */
#include "channel_loops.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* As much as anybody may have on its way without asking the administrator. */
enum { ROOM_BYTES = 1048576 };

typedef struct {
  int fds[2]; /* as READS and WRITES count */
} line_t;

typedef struct {
  int fds[PROCESSES_MAX];
  int count;
  void *buffer;
} posix_end_t;

static line_t *make_lines(const plan_t *plan) {
  return own_memory(sizeof(line_t) * (size_t)plan->readers);
}

static int line_count(const plan_t *plan) { return plan->is_broadcast ? plan->readers : 1; }

static void *open_end(line_t *lines, const plan_t *plan, int role, int index) {
  posix_end_t *end = own_memory(sizeof *end);
  end->buffer = own_memory(plan->length);
  end->count = role == WRITES ? line_count(plan) : 1;
  for (int line = 0; line < end->count; line++) {
    int chosen = role == READS && plan->is_broadcast ? index : line;
    end->fds[line] = lines[chosen].fds[role];
  }
  return end;
}

static void write_all(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t done = write(fd, data, length);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail("write: %s", strerror(errno));
    data += done;
    length -= (size_t)done;
  }
}

static void read_all(int fd, char *data, size_t length) {
  while (length > 0) {
    ssize_t done = read(fd, data, length);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail("read: %s", done == 0 ? "the other end is gone" : strerror(errno));
    data += done;
    length -= (size_t)done;
  }
}

/* Several processes may write to one line, or read from it, only while the system keeps a message
 * in one piece. That is so up to a page. */
static void refuse_pieces(const plan_t *plan) {
  if (plan->readers > 1 && !plan->is_broadcast && plan->length > 4096) {
    fail("messages of this length would be torn");
  }
}

typedef posix_end_t stream_end_t;

static void *stream_open(void *shared, const plan_t *plan, int role, int index) {
  return open_end(shared, plan, role, index);
}

static inline void *stream_reserve(stream_end_t *end, size_t length) {
  (void)length;
  return end->buffer;
}

static inline void stream_commit(stream_end_t *end, void *message, size_t length) {
  for (int line = 0; line < end->count; line++) write_all(end->fds[line], message, length);
}

static inline const void *stream_peek(stream_end_t *end, size_t length) {
  read_all(end->fds[0], end->buffer, length);
  return end->buffer;
}

static inline void stream_release(stream_end_t *end) { (void)end; }

LOOPS(stream)

static void *make_pipe(const plan_t *plan, double *out_limit) {
  (void)out_limit;
  refuse_pieces(plan);
  line_t *lines = make_lines(plan);
  for (int line = 0; line < line_count(plan); line++) {
    if (pipe(lines[line].fds) != 0) fail("pipe: %s", strerror(errno));
    if (plan->length > 4096) fcntl(lines[line].fds[1], F_SETPIPE_SZ, ROOM_BYTES);
  }
  return lines;
}

CARRIER(pipe, make_pipe, stream)

static void *make_socket(const plan_t *plan, double *out_limit) {
  (void)out_limit;
  refuse_pieces(plan);
  line_t *lines = make_lines(plan);
  for (int line = 0; line < line_count(plan); line++) {
    int room = ROOM_BYTES;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, lines[line].fds) != 0) {
      fail("socketpair: %s", strerror(errno));
    }
    if (plan->length > 4096) {
      setsockopt(lines[line].fds[WRITES], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    }
  }
  return lines;
}

CARRIER(socket, make_socket, stream)

static double largest_message(int error) {
  struct rlimit limit;
  if (error == EMFILE && getrlimit(RLIMIT_MSGQUEUE, &limit) == 0) return (double)limit.rlim_cur;
  double largest = 0;
  FILE *file = fopen("/proc/sys/fs/mqueue/msgsize_max", "r");
  if (file == NULL || fscanf(file, "%lf", &largest) != 1) fail("mqueue: what is allowed?");
  fclose(file);
  return largest;
}

/* Returns a queue with as much room as the system gives: all lines of the run count. */
static mqd_t make_one_queue(const plan_t *plan, int line) {
  char name[64];
  snprintf(name, sizeof name, "/bench-%d-%d", (int)getpid(), line);
  for (long room = (long)plan->room / line_count(plan); room > 0; room /= 2) {
    struct mq_attr attributes = {.mq_maxmsg = room, .mq_msgsize = (long)plan->length};
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    if (queue < 0) continue;
    /* The children inherit it, so nobody needs its name. */
    mq_unlink(name);
    return queue;
  }
  return -1;
}

static void *make_mq(const plan_t *plan, double *out_limit) {
  line_t *lines = make_lines(plan);
  for (int line = 0; line < line_count(plan); line++) {
    mqd_t queue = make_one_queue(plan, line);
    if (queue < 0) {
      *out_limit = largest_message(errno);
      return NULL;
    }
    lines[line] = (line_t){{queue, queue}};
  }
  return lines;
}

typedef posix_end_t mqueue_end_t;

static void *mqueue_open(void *shared, const plan_t *plan, int role, int index) {
  return open_end(shared, plan, role, index);
}

static inline void *mqueue_reserve(mqueue_end_t *end, size_t length) {
  (void)length;
  return end->buffer;
}

static inline void mqueue_commit(mqueue_end_t *end, void *message, size_t length) {
  for (int line = 0; line < end->count; line++) {
    if (mq_send(end->fds[line], message, length, 0) != 0) fail("mq_send: %s", strerror(errno));
  }
}

static inline const void *mqueue_peek(mqueue_end_t *end, size_t length) {
  ssize_t done = mq_receive(end->fds[0], end->buffer, length, NULL);
  if (done != (ssize_t)length) fail("mq_receive: %s", strerror(errno));
  return end->buffer;
}

static inline void mqueue_release(mqueue_end_t *end) { (void)end; }

LOOPS(mqueue)
CARRIER(mq, make_mq, mqueue)
