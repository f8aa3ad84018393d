/* The completion queue: its descriptor, its signals, and what closing it does. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bodies.h"

static bool is_readable(int descriptor, int timeout_ms) {
  struct pollfd poller = {descriptor, POLLIN, 0};
  return poll(&poller, 1, timeout_ms) == 1 && (poller.revents & POLLIN) != 0;
}

/* A space with two workstreams: `owner` holds the mutex, `me` wants it. */
typedef struct scene {
  syncmgr_t *space;
  syncmgr_mutex_t *owner, *me;
  syncmgr_latch_t *latch;
  syncmgr_workstream_t *workstream;
} scene_t;

static scene_t make_scene(const char *url) {
  scene_t scene = {.space = open_space(url, 0)};
  scene.workstream = open_workstream(scene.space, "me");
  scene.owner = open_mutex(open_workstream(scene.space, "owner"), "m", 0);
  scene.me = open_mutex(scene.workstream, "m", 0);
  scene.latch = open_latch(scene.workstream, "l", 1);
  CHECK_OK(syncmgr_mutex_lock(scene.owner, 0));
  return scene;
}

static syncmgr_ticket_t *start_lock(scene_t *scene, syncmgr_queue_t *queue, int64_t timeout_ns) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_mutex_lock_start(scene->me, timeout_ns, queue, 42, &ticket),
               SYNCMGR_PENDING);
  CHECK(ticket != NULL);
  return ticket;
}

static syncmgr_ticket_t *start_latch(scene_t *scene, syncmgr_queue_t *queue, uint64_t user_data) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_latch_wait_start(scene->latch, SYNCMGR_FOREVER, queue, user_data, &ticket),
               SYNCMGR_PENDING);
  return ticket;
}

TEST(a_grant_from_another_process_signals_the_descriptor_and_ends_the_ticket) {
  const char *url = unique_url();
  peer_t *holder = peer_start(hold_mutex, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", 0);
  syncmgr_ticket_t *ticket = NULL;
  int descriptor = -1;
  CHECK_OK(syncmgr_queue_fd(queue, &descriptor));
  peer_wait_pause(holder, 1);
  CHECK_STATUS(syncmgr_mutex_lock_start(mutex, SYNCMGR_FOREVER, queue, 4711, &ticket),
               SYNCMGR_PENDING);
  CHECK(!is_readable(descriptor, 20));
  peer_go(holder);
  CHECK(is_readable(descriptor, 10000));
  syncmgr_record_t record = next_record(queue);
  CHECK_OK(record.status);
  CHECK_EQUAL(record.ticket, (uintptr_t)ticket);
  CHECK_EQUAL(record.user_data, 4711);
  CHECK_EQUAL(record.kind, SYNCMGR_TYPE_MUTEX);
  CHECK(!is_readable(descriptor, 0));
  CHECK_STATUS(syncmgr_ticket_cancel(ticket), SYNCMGR_E_CLOSED);
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  peer_join(holder);
  check_and_close(space);
}

TEST(the_librarys_descriptor_stays_readable_until_the_queue_is_empty) {
  scene_t scene = make_scene(unique_url());
  syncmgr_queue_t *queue = open_queue(scene.space);
  syncmgr_record_t record;
  uint32_t count = 99;
  int descriptor = -1;
  CHECK_OK(syncmgr_queue_fd(queue, &descriptor));
  CHECK_OK(syncmgr_queue_drain(queue, &record, 1, &count));
  CHECK_EQUAL(count, 0);
  for (unsigned index = 0; index < 3; index++) start_latch(&scene, queue, index);
  CHECK(!is_readable(descriptor, 20));
  CHECK_OK(syncmgr_latch_count_down(scene.latch, 1, NULL));
  for (unsigned index = 0; index < 3; index++) {
    CHECK(is_readable(descriptor, 10000));
    CHECK(is_readable(descriptor, 0));
    CHECK_EQUAL(next_record(queue).user_data, index);
  }
  CHECK(!is_readable(descriptor, 0));
  check_and_close(scene.space);
}

TEST(an_own_pipe_gets_eight_bytes_when_the_queue_turns_non_empty_and_only_then) {
  scene_t scene = make_scene(unique_url());
  syncmgr_queue_t *queue = NULL;
  syncmgr_record_t records[8];
  char bytes[64];
  uint32_t count = 0;
  int ends[2], descriptor = -1;
  CHECK_EQUAL(pipe2(ends, O_NONBLOCK), 0);
  CHECK_OK(syncmgr_queue_open(scene.space, 0, ends[1], &queue));
  CHECK_OK(syncmgr_queue_fd(queue, &descriptor));
  CHECK_EQUAL(descriptor, ends[1]);
  for (unsigned round = 0; round < 3; round++) {
    syncmgr_latch_t *latch = NULL;
    char name[8] = "turn-0";
    name[5] = (char)('0' + round);
    latch = open_latch(scene.workstream, name, 1);
    for (unsigned index = 0; index < 4; index++) {
      syncmgr_ticket_t *ticket = NULL;
      CHECK_STATUS(syncmgr_latch_wait_start(latch, SYNCMGR_FOREVER, queue, index, &ticket),
                   SYNCMGR_PENDING);
    }
    CHECK(!is_readable(ends[0], 20));
    CHECK_OK(syncmgr_latch_count_down(latch, 1, NULL));
    CHECK(is_readable(ends[0], 10000));
    for (uint32_t drained = 0; drained < 4; drained += count) {
      CHECK_OK(syncmgr_queue_drain(queue, records, 8, &count));
    }
    /* The four may have come in two lots, each drained by the time the next one came. */
    ssize_t size = read(ends[0], bytes, sizeof bytes);
    CHECK(size >= 8 && size <= 32 && size % 8 == 0);
    CHECK_OK(syncmgr_queue_drain(queue, records, 8, &count));
    CHECK_EQUAL(count, 0);
    CHECK(!is_readable(ends[0], 20));
  }
  /* Without a drain in between there is one signal, however many records come. */
  start_lock(&scene, queue, 5 * MILLISECOND);
  CHECK(is_readable(ends[0], 10000));
  start_latch(&scene, queue, 0);
  CHECK_OK(syncmgr_latch_count_down(scene.latch, 1, NULL));
  sleep_ms(50);
  CHECK_EQUAL(read(ends[0], bytes, sizeof bytes), 8);
  CHECK_OK(syncmgr_queue_close(queue));
  CHECK_EQUAL(fcntl(ends[0], F_GETFD) >= 0 && fcntl(ends[1], F_GETFD) >= 0, 1);
  check_and_close(scene.space);
}

TEST(a_full_pipe_neither_blocks_the_library_nor_loses_a_record) {
  scene_t scene = make_scene(unique_url());
  syncmgr_queue_t *queue = NULL;
  syncmgr_record_t record;
  uint32_t count = 0;
  int ends[2];
  char page[4096] = "";
  CHECK_EQUAL(pipe2(ends, O_NONBLOCK), 0);
  while (write(ends[1], page, sizeof page) > 0) continue;
  CHECK_OK(syncmgr_queue_open(scene.space, 0, ends[1], &queue));
  start_latch(&scene, queue, 3);
  CHECK_OK(syncmgr_latch_count_down(scene.latch, 1, NULL));
  WAIT_UNTIL(syncmgr_queue_drain(queue, &record, 1, &count) == SYNCMGR_OK && count == 1);
  CHECK_OK(record.status);
  check_and_close(scene.space);
}

TEST(a_descriptor_that_is_not_open_and_flags_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_queue_t *queue = NULL;
  const int bad[] = {-2, -100, 9999, INT32_MAX, INT32_MIN};
  for (unsigned index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    CHECK_STATUS(syncmgr_queue_open(space, 0, bad[index], &queue), SYNCMGR_E_INVALID);
  }
  CHECK_STATUS(syncmgr_queue_open(space, 1, -1, &queue), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_queue_open(space, 0x80000000, -1, &queue), SYNCMGR_E_INVALID);
  CHECK(queue == NULL);
  check_and_close(space);
}

TEST(closing_a_queue_cancels_its_pending_tickets) {
  scene_t scene = make_scene(unique_url());
  syncmgr_queue_t *queue = open_queue(scene.space);
  syncmgr_ticket_t *ticket = start_lock(&scene, queue, SYNCMGR_FOREVER);
  int descriptor = -1;
  CHECK_OK(syncmgr_queue_fd(queue, &descriptor));
  CHECK_OK(syncmgr_queue_close(queue));
  CHECK_EQUAL(fcntl(descriptor, F_GETFD), -1);
  CHECK_STATUS(syncmgr_ticket_cancel(ticket), SYNCMGR_E_CLOSED);
  CHECK_STATUS(syncmgr_ticket_wait(ticket, 0, NULL), SYNCMGR_E_CLOSED);
  /* The wait is out of the line: the unlock leaves the mutex free. */
  CHECK_OK(syncmgr_mutex_unlock(scene.owner));
  CHECK_STATUS(syncmgr_mutex_unlock(scene.me), SYNCMGR_E_NOT_OWNER);
  CHECK_OK(syncmgr_mutex_lock(scene.owner, 0));
  check_and_close(scene.space);
}

TEST(closing_a_queue_gives_back_grants_that_were_not_drained) {
  scene_t scene = make_scene(unique_url());
  syncmgr_queue_t *queue = open_queue(scene.space);
  int descriptor = -1;
  start_lock(&scene, queue, SYNCMGR_FOREVER);
  CHECK_OK(syncmgr_queue_fd(queue, &descriptor));
  CHECK_OK(syncmgr_mutex_unlock(scene.owner));
  CHECK(is_readable(descriptor, 10000));
  CHECK_STATUS(syncmgr_mutex_lock(scene.owner, 0), SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_queue_close(queue));
  CHECK(syncmgr_mutex_lock(scene.owner, SECOND) >= 0);
  CHECK_STATUS(syncmgr_mutex_unlock(scene.me), SYNCMGR_E_NOT_OWNER);
  check_and_close(scene.space);
}

TEST(closing_a_queue_gives_back_permits_and_sets_that_were_not_drained) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_workstream_t *other = open_workstream(space, "other");
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_semaphore_t *mine = open_semaphore(me, "s", 2, 0);
  syncmgr_semaphore_t *theirs = open_semaphore(other, "s", 2, 0);
  syncmgr_event_t *event = open_event(me, "e", 0);
  syncmgr_ticket_t *ticket = NULL;
  int descriptor = -1;
  CHECK_OK(syncmgr_semaphore_acquire(theirs, 2, 0));
  CHECK_STATUS(syncmgr_semaphore_acquire_start(mine, 2, SYNCMGR_FOREVER, queue, 0, &ticket),
               SYNCMGR_PENDING);
  CHECK_OK(syncmgr_semaphore_release(theirs, 2));
  CHECK_OK(syncmgr_queue_fd(queue, &descriptor));
  CHECK(is_readable(descriptor, 10000));
  CHECK_STATUS(syncmgr_event_wait_start(event, SYNCMGR_FOREVER, queue, 0, &ticket),
               SYNCMGR_PENDING);
  CHECK_OK(syncmgr_event_set(event));
  sleep_ms(20);
  CHECK_OK(syncmgr_queue_close(queue));
  CHECK_OK(syncmgr_semaphore_acquire(theirs, 2, SECOND));
  CHECK_OK(syncmgr_event_wait(event, SECOND));
  check_and_close(space);
}

TEST(without_threads_a_drain_serves_grants_and_deadlines) {
  const char *url = unique_url();
  peer_t *holder = peer_start(hold_mutex, url, 0, SYNCMGR_OPEN_NO_THREADS);
  syncmgr_t *space = open_space(url, SYNCMGR_OPEN_NO_THREADS);
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", 0);
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_record_t record;
  uint32_t count = 0;
  peer_wait_pause(holder, 1);
  CHECK_STATUS(syncmgr_mutex_lock_start(mutex, 5 * MILLISECOND, queue, 1, &ticket),
               SYNCMGR_PENDING);
  WAIT_UNTIL(syncmgr_queue_drain(queue, &record, 1, &count) == SYNCMGR_OK && count == 1);
  CHECK_STATUS(record.status, SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_mutex_lock_start(mutex, SYNCMGR_FOREVER, queue, 2, &ticket),
               SYNCMGR_PENDING);
  peer_go(holder);
  WAIT_UNTIL(syncmgr_queue_drain(queue, &record, 1, &count) == SYNCMGR_OK && count == 1);
  CHECK_OK(record.status);
  CHECK_EQUAL(record.user_data, 2);
  peer_join(holder);
  check_and_close(space);
}

TEST(a_queue_serves_every_manager_of_this_process_in_the_space) {
  const char *url = unique_url();
  scene_t scene = make_scene(url);
  syncmgr_t *second = open_space(url, 0);
  syncmgr_queue_t *queue = open_queue(second);
  start_lock(&scene, queue, SYNCMGR_FOREVER);
  CHECK_OK(syncmgr_mutex_unlock(scene.owner));
  CHECK_OK(next_record(queue).status);
  CHECK_OK(syncmgr_mutex_unlock(scene.me));
  CHECK_OK(syncmgr_close(second));
  check_and_close(scene.space);
}
