/* Callbacks may call anything, run one at a time, and are destroyed exactly once. */
#include <string.h>
#include <unistd.h>

#include "bodies.h"

typedef struct note {
  syncmgr_t *space;
  syncmgr_t *seen_by; /* for a callback that opens something */
  syncmgr_subscription_t *subscription;
  const char *url;
  _Atomic uint32_t calls, destroyed, running, finished;
  _Atomic uint32_t kinds;
  _Atomic int32_t status;
  pthread_t thread;
} note_t;

static void destroy(void *user) {
  note_t *note = user;
  CHECK_EQUAL(atomic_load(&note->running), 0);
  atomic_fetch_add(&note->destroyed, 1);
}

/* A subscription that does nothing but count; the body of every other one. */
static void count_call(const syncmgr_notice_t *notice, void *user) {
  note_t *note = user;
  note->thread = pthread_self();
  CHECK(memchr(notice->name, 0, sizeof notice->name) != NULL);
  atomic_fetch_or(&note->kinds, notice->kind);
  atomic_fetch_add(&note->calls, 1);
}

static void subscribe(note_t *note, uint32_t mask,
                      void (*callback)(const syncmgr_notice_t *notice, void *user)) {
  CHECK_OK(syncmgr_on(note->space, mask, callback, note, destroy, &note->subscription));
}

static void make_notice(note_t *note) {
  CHECK_OK(syncmgr_workstream_close(open_workstream(note->space, NULL)));
}

static void close_own_manager(const syncmgr_notice_t *notice, void *user) {
  note_t *note = user;
  count_call(notice, user);
  atomic_store(&note->status, syncmgr_close(note->space));
  atomic_fetch_add(&note->finished, 1);
}

TEST(a_callback_may_close_its_own_manager) {
  note_t note = {.url = unique_url(), .status = -99};
  note.space = open_space(note.url, 0);
  subscribe(&note, SYNCMGR_NOTICE_OPENED, close_own_manager);
  open_workstream(note.space, NULL);
  WAIT_UNTIL(atomic_load(&note.finished) == 1);
  CHECK_OK(atomic_load(&note.status));
  WAIT_UNTIL(atomic_load(&note.destroyed) == 1);
  CHECK_STATUS(syncmgr_close(note.space), SYNCMGR_E_CLOSED);
  CHECK_STATUS(syncmgr_off(note.subscription), SYNCMGR_E_CLOSED);
  sleep_ms(20);
  CHECK_EQUAL(atomic_load(&note.calls), 1);
  CHECK_EQUAL(atomic_load(&note.destroyed), 1);
  CHECK_EQUAL(segment_file_count(note.url), 0);
}

static void turn_off(const syncmgr_notice_t *notice, void *user) {
  note_t *note = user;
  count_call(notice, user);
  atomic_store(&note->status, syncmgr_off(note->subscription));
  atomic_fetch_add(&note->finished, 1);
}

TEST(a_callback_may_turn_itself_off_and_is_called_no_more) {
  note_t note = {.status = -99}, other = {0};
  other.space = note.space = open_space(unique_url(), 0);
  subscribe(&note, SYNCMGR_NOTICE_OPENED, turn_off);
  subscribe(&other, SYNCMGR_NOTICE_OPENED, count_call);
  for (unsigned round = 0; round < 5; round++) make_notice(&note);
  WAIT_UNTIL(atomic_load(&other.calls) == 5);
  CHECK_OK(atomic_load(&note.status));
  CHECK_EQUAL(atomic_load(&note.calls), 1);
  WAIT_UNTIL(atomic_load(&note.destroyed) == 1);
  CHECK_STATUS(syncmgr_off(note.subscription), SYNCMGR_E_CLOSED);
  check_and_close(note.space);
  CHECK_EQUAL(atomic_load(&note.destroyed), 1);
  CHECK_EQUAL(atomic_load(&other.destroyed), 1);
}

static void use_everything(const syncmgr_notice_t *notice, void *user) {
  note_t *note = user;
  if (atomic_fetch_add(&note->finished, 1) != 0) return;
  syncmgr_t *own = open_space(note->url, 0);
  syncmgr_workstream_t *me = open_workstream(note->space, "from the callback");
  syncmgr_mutex_t *mutex = open_mutex(me, "m", 0);
  CHECK_OK(syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER));
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  CHECK_STATUS(syncmgr_event_wait(open_event(me, "e", 0), 5 * MILLISECOND), SYNCMGR_E_TIMEOUT);
  syncmgr_queue_t *queue = open_queue(note->space);
  CHECK_OK(syncmgr_queue_close(queue));
  CHECK_OK(syncmgr_cleanup(note->space, NULL));
  syncmgr_subscription_t *subscription = NULL;
  CHECK_OK(syncmgr_on(note->space, SYNCMGR_NOTICE_DIED, count_call, note, NULL, &subscription));
  CHECK_OK(syncmgr_off(subscription));
  /* A dispatcher cannot dispatch within itself, and must not wait for itself. */
  CHECK_STATUS(syncmgr_dispatch(note->space, 0), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_close(own));
  count_call(notice, user);
}

TEST(a_callback_may_open_wait_and_register) {
  note_t note = {.url = unique_url()};
  note.space = open_space(note.url, 0);
  subscribe(&note, SYNCMGR_NOTICE_OPENED, use_everything);
  open_workstream(note.space, NULL);
  WAIT_UNTIL(atomic_load(&note.calls) == 1);
  CHECK_OK(syncmgr_off(note.subscription));
  CHECK_EQUAL(atomic_load(&note.destroyed), 1);
  check_and_close(note.space);
}

static void run_long(const syncmgr_notice_t *notice, void *user) {
  note_t *note = user;
  atomic_store(&note->running, 1);
  count_call(notice, user);
  sleep_ms(100);
  atomic_store(&note->running, 0);
  atomic_fetch_add(&note->finished, 1);
}

TEST(off_and_close_wait_for_a_running_callback) {
  for (unsigned way = 0; way < 2; way++) {
    note_t note = {.space = open_space(unique_url(), 0)};
    subscribe(&note, SYNCMGR_NOTICE_OPENED, run_long);
    open_workstream(note.space, NULL);
    WAIT_UNTIL(atomic_load(&note.running) == 1);
    if (way == 0) CHECK_OK(syncmgr_off(note.subscription));
    if (way == 1) CHECK_OK(syncmgr_close(note.space));
    CHECK_EQUAL(atomic_load(&note.finished), 1);
    CHECK_EQUAL(atomic_load(&note.running), 0);
    CHECK_EQUAL(atomic_load(&note.destroyed), 1);
    if (way == 0) check_and_close(note.space);
    CHECK_EQUAL(atomic_load(&note.destroyed), 1);
  }
}

TEST(destroy_runs_before_a_registration_returns_an_error) {
  note_t note = {.space = open_space(unique_url(), 0)};
  syncmgr_subscription_t *none = NULL;
  CHECK_STATUS(syncmgr_on(note.space, 0, count_call, &note, destroy, &none), SYNCMGR_E_INVALID);
  CHECK_EQUAL(atomic_load(&note.destroyed), 1);
  CHECK_STATUS(syncmgr_on(note.space, 1, count_call, &note, destroy, &none), SYNCMGR_E_INVALID);
  CHECK_EQUAL(atomic_load(&note.destroyed), 2);
  CHECK_STATUS(syncmgr_on(note.space, SYNCMGR_NOTICE_ALL, NULL, &note, destroy, &none),
               SYNCMGR_E_INVALID);
  CHECK_EQUAL(atomic_load(&note.destroyed), 3);
  CHECK_STATUS(syncmgr_on(NULL, SYNCMGR_NOTICE_ALL, count_call, &note, destroy, &none),
               SYNCMGR_E_HANDLE);
  CHECK_EQUAL(atomic_load(&note.destroyed), 4);
  CHECK_STATUS(syncmgr_on(note.space, SYNCMGR_NOTICE_ALL, count_call, &note, destroy, NULL),
               SYNCMGR_E_INVALID);
  CHECK_EQUAL(atomic_load(&note.destroyed), 5);
  CHECK_OK(syncmgr_close(note.space));
  CHECK_STATUS(syncmgr_on(note.space, SYNCMGR_NOTICE_ALL, count_call, &note, destroy, &none),
               SYNCMGR_E_CLOSED);
  CHECK_EQUAL(atomic_load(&note.destroyed), 6);
  CHECK_EQUAL(atomic_load(&note.calls), 0);
}

static void check_alone(const syncmgr_notice_t *notice, void *user) {
  static _Atomic uint32_t inside;
  CHECK_EQUAL(atomic_fetch_add(&inside, 1), 0);
  usleep(100);
  atomic_fetch_sub(&inside, 1);
  count_call(notice, user);
}

TEST(one_callback_runs_at_a_time) {
  note_t notes[3] = {{0}};
  syncmgr_t *space = open_space(unique_url(), 0);
  for (unsigned index = 0; index < 3; index++) {
    notes[index].space = space;
    subscribe(&notes[index], SYNCMGR_NOTICE_OPENED | SYNCMGR_NOTICE_CLOSED, check_alone);
  }
  for (unsigned round = 0; round < 50; round++) make_notice(&notes[0]);
  for (unsigned index = 0; index < 3; index++) {
    WAIT_UNTIL(atomic_load(&notes[index].calls) == 100);
    CHECK_EQUAL(atomic_load(&notes[index].kinds),
                SYNCMGR_NOTICE_OPENED | SYNCMGR_NOTICE_CLOSED);
    CHECK(!pthread_equal(notes[index].thread, pthread_self()));
  }
  check_and_close(space);
}

static void open_and_close(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  peer_pause(self);
  for (uint32_t round = 0; round < self->index; round++) {
    CHECK_OK(syncmgr_workstream_close(open_workstream(space, "visitor")));
  }
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

TEST(without_threads_callbacks_run_only_in_dispatch_and_on_its_thread) {
  const char *url = unique_url();
  peer_t *peer = peer_start(open_and_close, url, 1, 0);
  note_t note = {.space = open_space(url, SYNCMGR_OPEN_NO_THREADS)};
  peer_wait_pause(peer, 1);
  subscribe(&note, SYNCMGR_NOTICE_OPENED | SYNCMGR_NOTICE_CLOSED, count_call);
  CHECK_STATUS(syncmgr_dispatch(note.space, 0), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_dispatch(note.space, 20 * MILLISECOND), SYNCMGR_E_TIMEOUT);
  peer_go(peer);
  peer_wait_pause(peer, 2);
  sleep_ms(20);
  CHECK_EQUAL(atomic_load(&note.calls), 0);
  while (atomic_load(&note.calls) < 2) CHECK_OK(syncmgr_dispatch(note.space, SYNCMGR_FOREVER));
  CHECK(pthread_equal(note.thread, pthread_self()));
  CHECK_EQUAL(atomic_load(&note.kinds), SYNCMGR_NOTICE_OPENED | SYNCMGR_NOTICE_CLOSED);
  CHECK_STATUS(syncmgr_dispatch(note.space, 0), SYNCMGR_E_TIMEOUT);
  finish(peer);
  check_and_close(note.space);
  CHECK_EQUAL(atomic_load(&note.destroyed), 1);
}

TEST(a_dispatch_that_waits_is_woken_by_a_notice_from_another_process) {
  const char *url = unique_url();
  peer_t *peer = peer_start(open_and_close, url, 1, SYNCMGR_OPEN_NO_THREADS);
  note_t note = {.space = open_space(url, SYNCMGR_OPEN_NO_THREADS)};
  peer_wait_pause(peer, 1);
  subscribe(&note, SYNCMGR_NOTICE_OPENED, count_call);
  peer_go(peer);
  while (atomic_load(&note.calls) == 0) CHECK_OK(syncmgr_dispatch(note.space, SYNCMGR_FOREVER));
  finish(peer);
  check_and_close(note.space);
}

static void *dispatch(void *argument) {
  note_t *note = argument;
  atomic_store(&note->running, 1);
  atomic_store(&note->status, syncmgr_dispatch(note->space, SYNCMGR_FOREVER));
  return NULL;
}

TEST(dispatch_is_busy_when_somebody_else_dispatches) {
  note_t note = {.space = open_space(unique_url(), SYNCMGR_OPEN_NO_THREADS)};
  syncmgr_subscription_t *subscription = NULL;
  pthread_t thread = start_thread(dispatch, &note);
  WAIT_UNTIL(atomic_load(&note.running) == 1);
  sleep_ms(20);
  CHECK_STATUS(syncmgr_dispatch(note.space, 0), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_close(note.space));
  join_thread(thread);
  CHECK_STATUS(atomic_load(&note.status), SYNCMGR_E_CLOSED);
  note.space = open_space(unique_url(), 0);
  CHECK_OK(syncmgr_on(note.space, SYNCMGR_NOTICE_ALL, count_call, &note, NULL, &subscription));
  CHECK_STATUS(syncmgr_dispatch(note.space, 0), SYNCMGR_E_BUSY);
  check_and_close(note.space);
}

TEST(a_callback_in_dispatch_may_close_the_manager) {
  note_t note = {.space = open_space(unique_url(), SYNCMGR_OPEN_NO_THREADS), .status = -99};
  subscribe(&note, SYNCMGR_NOTICE_OPENED, close_own_manager);
  open_workstream(note.space, NULL);
  int32_t status = syncmgr_dispatch(note.space, SYNCMGR_FOREVER);
  CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_CLOSED);
  CHECK_OK(atomic_load(&note.status));
  CHECK_EQUAL(atomic_load(&note.calls), 1);
  CHECK_EQUAL(atomic_load(&note.destroyed), 1);
}

TEST(a_watcher_that_misses_notices_gets_a_gap) {
  enum { VISITS = 30000 };
  const char *url = unique_url();
  peer_t *peer = peer_start(open_and_close, url, VISITS, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_queue_t *queue = open_queue(space);
  static syncmgr_record_t records[256];
  uint32_t count = 0, opened = 0, gaps = 0;
  peer_wait_pause(peer, 1);
  CHECK_OK(syncmgr_queue_watch(queue, SYNCMGR_NOTICE_OPENED, 9));
  peer_go(peer);
  peer_wait_pause(peer, 2);
  sleep_ms(50);
  do {
    CHECK_OK(syncmgr_queue_drain(queue, records, 256, &count));
    for (uint32_t index = 0; index < count; index++) {
      bool is_gap = records[index].kind == SYNCMGR_NOTICE_GAP;
      CHECK(is_gap || records[index].kind == SYNCMGR_NOTICE_OPENED);
      CHECK_EQUAL(records[index].status, is_gap ? SYNCMGR_E_GAP : SYNCMGR_OK);
      CHECK_EQUAL(records[index].user_data, 9);
      gaps += is_gap;
      opened += !is_gap;
    }
  } while (count > 0);
  /* Every notice was delivered, or it was said that some were not. */
  CHECK(opened == VISITS || (opened < VISITS && gaps > 0));
  finish(peer);
  check_and_close(space);
}
