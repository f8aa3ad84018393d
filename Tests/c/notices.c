/* What happens is told, once and to everybody who asked for it. */
#include <stdio.h>
#include <unistd.h>

#include "notices.h"

syncmgr_queue_t *watch_kinds(syncmgr_t *space, uint32_t mask) {
  syncmgr_queue_t *queue = open_queue(space);
  CHECK_OK(syncmgr_queue_watch(queue, mask, 7));
  return queue;
}

syncmgr_notice_t next_notice(syncmgr_queue_t *queue) {
  syncmgr_notice_t notice;
  uint32_t count = 0;
  while (true) {
    CHECK_OK(syncmgr_queue_notices(queue, &notice, 1, &count));
    if (count == 1) return notice;
    sleep_ms(1);
  }
}

syncmgr_notice_t check_notice(syncmgr_queue_t *queue, uint32_t kind, const char *object,
                              const char *workstream) {
  syncmgr_notice_t notice = next_notice(queue);
  CHECK_EQUAL(notice.kind, kind);
  if (strcmp(notice.object, object ? object : "") != 0) {
    harness_fail(__FILE__, __LINE__, "kind 0x%x is about '%s', not '%s'", kind, notice.object,
                 object ? object : "");
  }
  if (strcmp(notice.name, workstream ? workstream : "") != 0) {
    harness_fail(__FILE__, __LINE__, "kind 0x%x is about workstream '%s', not '%s'", kind,
                 notice.name, workstream ? workstream : "");
  }
  CHECK_EQUAL(notice.user_data, 7);
  return notice;
}

void check_quiet(syncmgr_queue_t *queue) {
  syncmgr_notice_t notice;
  uint32_t count = 0;
  sleep_ms(20);
  CHECK_OK(syncmgr_queue_notices(queue, &notice, 1, &count));
  CHECK_EQUAL(count, 0);
}

enum { HOLDS = SYNCMGR_NOTICE_GRANTED | SYNCMGR_NOTICE_RELEASED };

TEST(a_mutex_tells_who_gets_it_and_gives_it_back) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *a = open_workstream(space, "a"), *b = open_workstream(space, "b");
  syncmgr_mutex_t *of_a = open_mutex(a, "db", 0), *of_b = open_mutex(b, "db", 0);
  syncmgr_queue_t *queue = watch_kinds(space, HOLDS);
  syncmgr_ticket_t *ticket = NULL;
  uint64_t token = 0, id = 0;
  CHECK_OK(syncmgr_workstream_id(a, &id));
  CHECK_OK(syncmgr_mutex_lock(of_a, 0));
  CHECK_OK(syncmgr_mutex_token(of_a, &token));
  syncmgr_notice_t notice = check_notice(queue, SYNCMGR_NOTICE_GRANTED, "db", "a");
  CHECK_EQUAL(notice.workstream, id);
  CHECK_EQUAL(notice.value, token);
  CHECK_EQUAL(notice.type, SYNCMGR_TYPE_MUTEX);
  CHECK_EQUAL(notice.pid, getpid());
  CHECK_EQUAL(notice.priority, SYNCMGR_PRIORITY_LOW);
  CHECK(notice.time_ns > 0 && notice.time_ns <= now_ns());
  CHECK(notice.wall_ns > 1600000000 * SECOND);
  CHECK_STATUS(syncmgr_mutex_lock_start(of_b, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  CHECK_OK(syncmgr_mutex_unlock(of_a));
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_RELEASED, "db", "a").value, token);
  check_notice(queue, SYNCMGR_NOTICE_GRANTED, "db", "b");
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  CHECK_OK(syncmgr_mutex_close(of_b));
  check_notice(queue, SYNCMGR_NOTICE_RELEASED, "db", "b");
  check_quiet(queue);
  check_and_close(space);
}

TEST(a_semaphore_tells_how_many_permits_come_and_go) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *a = open_workstream(space, "a"), *b = open_workstream(space, "b");
  syncmgr_semaphore_t *of_a = open_semaphore(a, "pool", 3, 0);
  syncmgr_semaphore_t *of_b = open_semaphore(b, "pool", 3, 0);
  syncmgr_queue_t *queue = watch_kinds(space, HOLDS);
  syncmgr_ticket_t *ticket = NULL;
  CHECK_OK(syncmgr_semaphore_acquire(of_a, 2, 0));
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_GRANTED, "pool", "a").value, 2);
  CHECK_STATUS(syncmgr_semaphore_acquire_start(of_b, 3, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  CHECK_OK(syncmgr_semaphore_release(of_a, 2));
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_RELEASED, "pool", "a").value, 2);
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_GRANTED, "pool", "b").value, 3);
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  CHECK_OK(syncmgr_workstream_close(b));
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_RELEASED, "pool", "b").value, 3);
  check_quiet(queue);
  check_and_close(space);
}

TEST(a_wait_whose_time_passes_is_told_and_a_try_is_not) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me"), *other = open_workstream(space, NULL);
  syncmgr_mutex_t *mutex = open_mutex(me, "m", 0);
  syncmgr_latch_t *latch = open_latch(me, "l", 1);
  syncmgr_event_t *manual = open_event(me, "e", SYNCMGR_EVENT_MANUAL_RESET);
  syncmgr_event_t *automatic = open_event(me, "a", 0);
  syncmgr_barrier_t *barrier = open_barrier(me, "b", 2);
  syncmgr_queue_t *queue = watch_kinds(space, SYNCMGR_NOTICE_TIMED_OUT);
  syncmgr_queue_t *tickets = open_queue(space);
  syncmgr_ticket_t *ticket = NULL;
  CHECK_OK(syncmgr_mutex_lock(open_mutex(other, "m", 0), 0));
  CHECK_STATUS(syncmgr_mutex_lock(mutex, 0), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_latch_wait(latch, 0), SYNCMGR_E_TIMEOUT);
  check_quiet(queue);
  CHECK_STATUS(syncmgr_mutex_lock(mutex, 3 * MILLISECOND), SYNCMGR_E_TIMEOUT);
  CHECK(check_notice(queue, SYNCMGR_NOTICE_TIMED_OUT, "m", "me").value >= 3 * MILLISECOND);
  CHECK_STATUS(syncmgr_latch_wait(latch, 2 * MILLISECOND), SYNCMGR_E_TIMEOUT);
  CHECK(check_notice(queue, SYNCMGR_NOTICE_TIMED_OUT, "l", "me").value >= 2 * MILLISECOND);
  CHECK_STATUS(syncmgr_event_wait(manual, MILLISECOND), SYNCMGR_E_TIMEOUT);
  check_notice(queue, SYNCMGR_NOTICE_TIMED_OUT, "e", "me");
  CHECK_STATUS(syncmgr_event_wait(automatic, MILLISECOND), SYNCMGR_E_TIMEOUT);
  check_notice(queue, SYNCMGR_NOTICE_TIMED_OUT, "a", "me");
  CHECK_STATUS(syncmgr_barrier_wait(barrier, MILLISECOND, NULL, NULL), SYNCMGR_E_TIMEOUT);
  check_notice(queue, SYNCMGR_NOTICE_TIMED_OUT, "b", "me");
  CHECK_STATUS(syncmgr_mutex_lock_start(mutex, MILLISECOND, tickets, 0, &ticket),
               SYNCMGR_PENDING);
  check_notice(queue, SYNCMGR_NOTICE_TIMED_OUT, "m", "me");
  check_quiet(queue);
  check_and_close(space);
}

TEST(barriers_and_latches_tell_what_becomes_of_them) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *a = open_workstream(space, "a"), *b = open_workstream(space, "b");
  syncmgr_barrier_t *of_a = open_barrier(a, "meet", 2), *of_b = open_barrier(b, "meet", 2);
  syncmgr_latch_t *latch = open_latch(a, "gate", 2);
  syncmgr_queue_t *queue = watch_kinds(
      space, SYNCMGR_NOTICE_BARRIER_TRIPPED | SYNCMGR_NOTICE_BARRIER_BROKEN |
                 SYNCMGR_NOTICE_SYNC_COMPLETE);
  for (unsigned round = 0; round < 2; round++) {
    CHECK_OK(syncmgr_barrier_arrive(of_a, NULL));
    CHECK_STATUS(syncmgr_barrier_wait(of_b, 0, NULL, NULL), SYNCMGR_LEADER);
    syncmgr_notice_t notice = check_notice(queue, SYNCMGR_NOTICE_BARRIER_TRIPPED, "meet", NULL);
    CHECK_EQUAL(notice.value, round);
  }
  CHECK_OK(syncmgr_barrier_abort(of_a));
  CHECK_OK(syncmgr_barrier_abort(of_b));
  syncmgr_notice_t broken = check_notice(queue, SYNCMGR_NOTICE_BARRIER_BROKEN, "meet", NULL);
  CHECK_EQUAL(broken.value, 2);
  CHECK_EQUAL(broken.priority, SYNCMGR_PRIORITY_HIGH);
  CHECK_OK(syncmgr_latch_count_down(latch, 1, NULL));
  CHECK_OK(syncmgr_latch_count_down(latch, 1, NULL));
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_SYNC_COMPLETE, "gate", NULL).type,
              SYNCMGR_TYPE_LATCH);
  check_quiet(queue);
  check_and_close(space);
}

TEST(a_workstream_tells_once_that_it_has_completed_or_failed) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *a = open_workstream(space, "a"), *b = open_workstream(space, "b");
  syncmgr_queue_t *queue = watch_kinds(space, SYNCMGR_NOTICE_COMPLETED | SYNCMGR_NOTICE_FAILED);
  CHECK_STATUS(syncmgr_workstream_complete(a, "{rows: 5}"), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_workstream_complete(a, "{\"rows\": 5}"));
  syncmgr_notice_t done = check_notice(queue, SYNCMGR_NOTICE_COMPLETED, NULL, "a");
  CHECK(strcmp(done.detail, "{\"rows\": 5}") == 0);
  CHECK_STATUS(syncmgr_workstream_fail(a, "late"), SYNCMGR_E_ALREADY);
  CHECK_STATUS(syncmgr_workstream_complete(a, NULL), SYNCMGR_E_ALREADY);
  CHECK_OK(syncmgr_workstream_fail(b, "no more disk"));
  syncmgr_notice_t failed = check_notice(queue, SYNCMGR_NOTICE_FAILED, NULL, "b");
  CHECK(strcmp(failed.text, "no more disk") == 0);
  CHECK_EQUAL(failed.priority, SYNCMGR_PRIORITY_HIGH);
  check_quiet(queue);
  CHECK_OK(syncmgr_mutex_lock(open_mutex(a, "still open", 0), 0));
  check_and_close(space);
}

static void hold_and_wait(peer_t *self) {
  syncmgr_workstream_t *me = open_workstream(peer_space(self), "holder");
  CHECK_OK(syncmgr_mutex_lock(open_mutex(me, "db", 0), 0));
  peer_pause(self);
}

TEST(the_death_of_an_owner_is_told_with_its_name_before_its_end) {
  const char *url = unique_url();
  peer_t *peer = peer_start(hold_and_wait, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  peer_wait_pause(peer, 1);
  syncmgr_queue_t *queue =
      watch_kinds(space, SYNCMGR_NOTICE_OWNER_DIED | SYNCMGR_NOTICE_DIED | HOLDS);
  peer_kill(peer);
  syncmgr_notice_t died = check_notice(queue, SYNCMGR_NOTICE_OWNER_DIED, "db", "holder");
  CHECK_EQUAL(died.pid, peer->pid);
  CHECK_EQUAL(died.value, 1);
  check_notice(queue, SYNCMGR_NOTICE_DIED, NULL, "holder");
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "heir"), "db", 0);
  CHECK_STATUS(syncmgr_mutex_lock(mutex, 0), SYNCMGR_OWNER_DIED);
  check_notice(queue, SYNCMGR_NOTICE_GRANTED, "db", "heir");
  check_quiet(queue);
  check_and_close(space);
}

enum { ROUNDS = 120, TAKERS = 3 };

static void take_turns(peer_t *self) {
  char name[16];
  snprintf(name, sizeof name, "taker-%u", self->index);
  syncmgr_t *space = peer_space(self);
  syncmgr_workstream_t *me = open_workstream(space, name);
  syncmgr_mutex_t *mutex = open_mutex(me, "db", self->index % 2 ? SYNCMGR_MUTEX_FAIR : 0);
  peer_pause(self);
  for (unsigned round = 0; round < ROUNDS; round++) {
    CHECK_OK(syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER));
    CHECK_OK(syncmgr_mutex_unlock(mutex));
  }
  CHECK_OK(syncmgr_close(space));
}

TEST(of_a_mutex_that_processes_fight_for_every_grant_is_told_in_order) {
  const char *url = unique_url();
  peer_t *peers[TAKERS];
  for (unsigned index = 0; index < TAKERS; index++) {
    peers[index] = peer_start(take_turns, url, 2 * index, 0);
  }
  syncmgr_t *space = open_space(url, 0);
  for (unsigned index = 0; index < TAKERS; index++) peer_wait_pause(peers[index], 1);
  syncmgr_queue_t *queue = watch_kinds(space, HOLDS);
  for (unsigned index = 0; index < TAKERS; index++) peer_go(peers[index]);
  uint64_t token = 0, sequence = 0;
  for (unsigned round = 0; round < ROUNDS * TAKERS; round++) {
    syncmgr_notice_t granted = next_notice(queue), released = next_notice(queue);
    CHECK_EQUAL(granted.kind, SYNCMGR_NOTICE_GRANTED);
    CHECK_EQUAL(released.kind, SYNCMGR_NOTICE_RELEASED);
    CHECK_EQUAL(granted.workstream, released.workstream);
    CHECK(granted.value > token && granted.value == released.value);
    CHECK_EQUAL(granted.sequence, sequence + 1);
    CHECK_EQUAL(released.sequence, sequence + 2);
    token = granted.value;
    sequence = released.sequence;
  }
  for (unsigned index = 0; index < TAKERS; index++) peer_join(peers[index]);
  check_quiet(queue);
  check_and_close(space);
}

/* The compare-and-swap of a binding. */
static bool take_by_word(const syncmgr_fastpath_t *fast) {
  _Atomic uint32_t *word = (_Atomic uint32_t *)(uintptr_t)fast->word;
  uint32_t expected = fast->free_value;
  bool taken = atomic_compare_exchange_strong(word, &expected, fast->my_value);
  if (taken) ++*(uint64_t *)(uintptr_t)fast->grants;
  return taken;
}

static uint32_t word_of(const syncmgr_fastpath_t *fast) {
  return atomic_load((_Atomic uint32_t *)(uintptr_t)fast->word);
}

TEST(the_fast_path_is_left_while_somebody_subscribes_and_comes_back) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_mutex_t *mutex = open_mutex(me, "db", 0);
  syncmgr_fastpath_t fast, later;
  CHECK_OK(syncmgr_mutex_fastpath(mutex, &fast));
  for (unsigned round = 0; round < 1000; round++) {
    CHECK(take_by_word(&fast));
    CHECK_EQUAL(word_of(&fast), fast.my_value);
    CHECK_OK(syncmgr_mutex_unlock(mutex));
  }
  CHECK(take_by_word(&fast));
  syncmgr_queue_t *queue = watch_kinds(space, SYNCMGR_NOTICE_RELEASED);
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  /* Nobody had asked for the thousand before. */
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_RELEASED, "db", "me").sequence, 1);
  CHECK(!take_by_word(&fast));
  CHECK_OK(syncmgr_mutex_fastpath(open_mutex(me, "made later", 0), &later));
  CHECK(!take_by_word(&later));
  CHECK_OK(syncmgr_queue_watch(queue, 0, 0));
  CHECK_EQUAL(word_of(&fast), fast.free_value);
  CHECK_EQUAL(word_of(&later), later.free_value);
  CHECK(take_by_word(&fast));
  /* Kinds that have nothing to do with it leave it alone. */
  CHECK_OK(syncmgr_queue_watch(queue, SYNCMGR_NOTICE_DIED, 0));
  CHECK_EQUAL(word_of(&fast), fast.my_value);
  CHECK_OK(syncmgr_queue_watch(queue, SYNCMGR_NOTICE_GRANTED, 0));
  CHECK(word_of(&fast) != fast.my_value);
  CHECK_OK(syncmgr_queue_close(queue));
  CHECK_EQUAL(word_of(&fast), fast.my_value);
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  check_and_close(space);
}

static void watch_and_wait(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_queue_t *queue = watch_kinds(space, SYNCMGR_NOTICE_ALL);
  peer_pause(self);
  CHECK_OK(syncmgr_queue_close(queue));
}

TEST(the_death_of_the_only_subscriber_gives_the_fast_path_back) {
  const char *url = unique_url();
  peer_t *peer = peer_start(watch_and_wait, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "me"), "db", 0);
  syncmgr_fastpath_t fast;
  peer_wait_pause(peer, 1);
  CHECK_OK(syncmgr_mutex_fastpath(mutex, &fast));
  CHECK(word_of(&fast) != fast.free_value);
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  peer_kill(peer);
  WAIT_UNTIL(word_of(&fast) == fast.my_value);
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  CHECK_EQUAL(word_of(&fast), fast.free_value);
  check_and_close(space);
}
