/* Deadlocks over mutexes, semaphores and readers-writer locks: found, shown and ended. */
#include <stdio.h>
#include <string.h>

#include "deadlocks.h"

TEST(two_processes_that_lock_in_both_orders_get_one_victim_and_one_winner) {
  const char *url = unique_url();
  peer_t *peers[2] = {peer_start(lock_two, url, 0, 0), peer_start(lock_two, url, 1, 0)};
  for (unsigned index = 0; index < 2; index++) peer_wait_pause(peers[index], 1);
  int64_t began = now_ns();
  for (unsigned index = 0; index < 2; index++) peer_go(peers[index]);
  unsigned victims = 0, winners = 0;
  for (unsigned index = 0; index < 2; index++) {
    int32_t status = peer_wait_status(peers[index]);
    victims += status == SYNCMGR_E_DEADLOCK;
    winners += status == SYNCMGR_OK;
    if (status == SYNCMGR_E_DEADLOCK) {
      /* Within twice the delay of 20 ms, on a machine that may have others to serve. */
      CHECK(peer_wait_time(peers[index]) - began < 200 * MILLISECOND);
    }
  }
  CHECK_EQUAL(victims, 1);
  CHECK_EQUAL(winners, 1);
  for (unsigned index = 0; index < 2; index++) peer_join(peers[index]);
}

TEST(the_victim_is_told_the_cycle_in_words) {
  syncmgr_t *space = open_space(unique_url(), 0);
  ring_t ring;
  ring_start(&ring, space, 2);
  CHECK_EQUAL(ring_end(&ring), 1);
  const char *text = ring.words[1];
  char expected[256];
  snprintf(expected, sizeof expected,
           "mutex 'lock-0': deadlock: worker-1 waits for \"lock-0\" held by worker-0 (pid %d), "
           "worker-0 waits for \"lock-1\" held by worker-1 (pid %d)",
           (int)getpid(), (int)getpid());
  if (strcmp(text, expected) != 0) harness_fail(__FILE__, __LINE__, "it says: %s", text);
  check_and_close(space);
}

TEST_WITHIN(60, a_ring_of_2_to_64_has_one_victim_and_the_others_go_on) {
  for (unsigned count = 2; count <= RING_MAX; count += count < 8 ? 1 : 14) {
    syncmgr_t *space = open_space(unique_url(), 0);
    ring_t ring;
    ring_start(&ring, space, count);
    CHECK_EQUAL(ring_end(&ring), 1);
    syncmgr_deadlock_t record;
    CHECK_EQUAL(list_deadlocks(space, &record, 1), 1);
    CHECK_EQUAL(record.kind, SYNCMGR_DEADLOCK_ACTUAL);
    CHECK_EQUAL(record.members, count);
    CHECK_EQUAL(record.workstreams, count);
    CHECK_EQUAL(record.resolution, SYNCMGR_RESOLUTION_VICTIM);
    CHECK(record.resolved_ns >= record.found_ns);
    check_and_close(space);
  }
}

/* Every member of the record waits for what the next one has. */
TEST(the_members_of_a_record_are_the_cycle_beginning_with_the_victim) {
  syncmgr_t *space = open_space(unique_url(), 0);
  ring_t ring;
  ring_start(&ring, space, 5);
  CHECK_EQUAL(ring_end(&ring), 1);
  syncmgr_deadlock_t record;
  syncmgr_deadlock_member_t members[5];
  uint32_t count = 0;
  CHECK_EQUAL(list_deadlocks(space, &record, 1), 1);
  CHECK_OK(syncmgr_deadlock_members(space, record.id, members, 5, &count));
  CHECK_EQUAL(count, 5);
  CHECK_EQUAL(members[0].workstream, record.victim);
  for (unsigned index = 0; index < 5; index++) {
    CHECK_EQUAL(members[index].holder, members[(index + 1) % 5].workstream);
    CHECK(strcmp(members[index].other, members[(index + 1) % 5].name) == 0);
    CHECK_EQUAL(members[index].relation, SYNCMGR_RELATION_HELD);
    CHECK_EQUAL(members[index].type, SYNCMGR_TYPE_MUTEX);
    CHECK_EQUAL(members[index].pid, getpid());
  }
  CHECK_STATUS(syncmgr_deadlock_members(space, record.id + 1, members, 5, &count),
               SYNCMGR_E_NOT_FOUND);
  check_and_close(space);
}

static unsigned victim_by(uint32_t policy, bool prepared) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.victim = policy;
  CHECK_OK(syncmgr_deadlock_configure(space, &options));
  ring_t ring;
  ring_open(&ring, space, 4);
  if (prepared) {
    for (unsigned index = 0; index < 4; index++) {
      int32_t priority = index == 2 ? -1 : (int32_t)index;
      CHECK_OK(syncmgr_workstream_set_priority(ring.workstreams[index], priority));
      /* Everybody but number 1 holds one lock more. */
      char name[32];
      snprintf(name, sizeof name, "more-%u", index);
      if (index != 1) {
        CHECK_OK(syncmgr_mutex_lock(open_mutex(ring.workstreams[index], name, 0), 0));
      }
    }
  }
  ring_close_up(&ring);
  CHECK_EQUAL(ring_end(&ring), 1);
  unsigned victim = 0;
  while (ring.statuses[victim] != SYNCMGR_E_DEADLOCK) victim++;
  syncmgr_deadlock_t record;
  CHECK_EQUAL(list_deadlocks(space, &record, 1), 1);
  CHECK_EQUAL(record.policy, policy);
  check_and_close(space);
  return victim;
}

TEST(the_victim_is_the_youngest) { CHECK_EQUAL(victim_by(SYNCMGR_VICTIM_YOUNGEST, false), 3); }
TEST(the_victim_is_the_oldest) { CHECK_EQUAL(victim_by(SYNCMGR_VICTIM_OLDEST, false), 0); }
TEST(the_victim_is_who_has_the_lowest_priority) {
  CHECK_EQUAL(victim_by(SYNCMGR_VICTIM_LOWEST_PRIORITY, true), 2);
}
TEST(the_victim_is_who_has_the_fewest_locks) {
  CHECK_EQUAL(victim_by(SYNCMGR_VICTIM_FEWEST_LOCKS, true), 1);
}
/* The waits of a ring begin in order of the numbers. */
TEST(the_victim_is_who_asked_last) {
  CHECK_EQUAL(victim_by(SYNCMGR_VICTIM_REQUESTER, false), 3);
}

TEST(ten_searches_for_one_standing_deadlock_make_one_record) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.flags = 0;
  CHECK_OK(syncmgr_deadlock_configure(space, &options));
  ring_t ring;
  ring_start(&ring, space, 3);
  sleep_ms(50);
  for (unsigned index = 0; index < 10; index++) {
    uint32_t count = 0;
    CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count));
    CHECK_EQUAL(count, 1);
  }
  syncmgr_deadlock_t record;
  CHECK_EQUAL(list_deadlocks(space, &record, 1), 1);
  CHECK_EQUAL(record.resolution, SYNCMGR_RESOLUTION_NONE);
  CHECK_EQUAL(record.resolved_ns, 0);
  CHECK_EQUAL(record.victim, 0);
  /* It stands until it is ended by hand. */
  uint32_t cleared = 9;
  CHECK_OK(syncmgr_deadlock_clear(space, &cleared));
  CHECK_EQUAL(cleared, 0);
  CHECK_OK(syncmgr_deadlock_resolve(space, record.id, SYNCMGR_VICTIM_OLDEST));
  CHECK_EQUAL(ring_end(&ring), 1);
  CHECK_STATUS(ring.statuses[0], SYNCMGR_E_DEADLOCK);
  CHECK_STATUS(syncmgr_deadlock_resolve(space, record.id, SYNCMGR_VICTIM_OLDEST),
               SYNCMGR_E_ALREADY);
  CHECK_EQUAL(list_deadlocks(space, &record, 1), 1);
  CHECK_EQUAL(record.resolution, SYNCMGR_RESOLUTION_BY_HAND);
  CHECK_EQUAL(record.policy, SYNCMGR_VICTIM_OLDEST);
  CHECK_OK(syncmgr_deadlock_clear(space, &cleared));
  CHECK_EQUAL(cleared, 1);
  CHECK_EQUAL(list_deadlocks(space, &record, 1), 0);
  check_and_close(space);
}

TEST(a_deadlock_that_a_timeout_ends_is_recorded_as_ended) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.flags = 0;
  CHECK_OK(syncmgr_deadlock_configure(space, &options));
  ring_t ring;
  ring_open(&ring, space, 2);
  ring.timeout_ns = 200 * MILLISECOND;
  ring_close_up(&ring);
  CHECK_EQUAL(ring_end(&ring), 0);
  syncmgr_deadlock_t record;
  CHECK_EQUAL(list_deadlocks(space, &record, 1), 1);
  CHECK_EQUAL(record.resolution, SYNCMGR_RESOLUTION_ENDED);
  check_and_close(space);
}

/* a and b in one circle, a and c in another. The youngest are ended, each for its circle; when it
 * is the one they share, one is enough. */
static unsigned victims_of_two_circles(uint32_t policy) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.victim = policy;
  CHECK_OK(syncmgr_deadlock_configure(space, &options));
  syncmgr_workstream_t *a = open_workstream(space, "a");
  syncmgr_workstream_t *b = open_workstream(space, "b");
  syncmgr_workstream_t *c = open_workstream(space, "c");
  syncmgr_mutex_t *mine = open_mutex(a, "shared", 0);
  CHECK_OK(syncmgr_mutex_lock(mine, 0));
  /* Of a pool of two, b and c have one each, and a wants both. */
  CHECK_OK(syncmgr_semaphore_acquire(open_semaphore(b, "pool", 2, 0), 1, 0));
  CHECK_OK(syncmgr_semaphore_acquire(open_semaphore(c, "pool", 2, 0), 1, 0));
  wait_t waits[3] = {
      {.semaphore = open_semaphore(a, "pool", 2, 0), .count = 2},
      {.mutex = open_mutex(b, "shared", 0)},
      {.mutex = open_mutex(c, "shared", 0)},
  };
  waits[0].release_mutex = mine;
  waits[1].release_semaphore = open_semaphore(b, "pool", 2, 0);
  waits[2].release_semaphore = open_semaphore(c, "pool", 2, 0);
  unsigned victims = run_waits(waits, 3);
  CHECK_EQUAL(list_deadlocks(space, NULL, 0), victims);
  check_and_close(space);
  return victims;
}

TEST(two_circles_that_share_a_workstream_need_one_victim_when_it_is_that_one) {
  CHECK_EQUAL(victims_of_two_circles(SYNCMGR_VICTIM_OLDEST), 1);
}
TEST(two_circles_that_share_a_workstream_need_two_victims_when_it_is_not) {
  CHECK_EQUAL(victims_of_two_circles(SYNCMGR_VICTIM_YOUNGEST), 2);
}

/* Three have a permit each; one of them waits for a lock that another has, who waits for a permit:
 * a circle of arrows. The third can end, and gives its permit. */
TEST(a_pool_of_three_that_looks_like_a_circle_is_none) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *streams[4];
  for (unsigned index = 0; index < 4; index++) streams[index] = open_workstream(space, NULL);
  for (unsigned index = 0; index < 3; index++) {
    CHECK_OK(syncmgr_semaphore_acquire(open_semaphore(streams[index], "pool", 3, 0), 1, 0));
  }
  CHECK_OK(syncmgr_mutex_lock(open_mutex(streams[3], "lock", 0), 0));
  wait_t waits[2] = {
      {.mutex = open_mutex(streams[0], "lock", 0)},
      {.semaphore = open_semaphore(streams[3], "pool", 3, 0), .count = 1},
  };
  waits[0].release_semaphore = open_semaphore(streams[0], "pool", 3, 0);
  waits[1].release_mutex = open_mutex(streams[3], "lock", 0);
  begin_waits(waits, 2);
  sleep_ms(100);
  uint32_t count = 9;
  CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count));
  CHECK_EQUAL(count, 0);
  CHECK_OK(syncmgr_semaphore_release(open_semaphore(streams[2], "pool", 3, 0), 1));
  CHECK_EQUAL(end_waits(waits, 2), 0);
  CHECK_EQUAL(list_deadlocks(space, NULL, 0), 0);
  check_and_close(space);
}

/* a has what c waits for; b, who has nothing, waits before c for more than there is; a waits for
 * what c has. c's wait would be granted, but for b. */
TEST(a_circle_that_goes_through_the_order_of_a_line_is_found) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *a = open_workstream(space, "a");
  syncmgr_workstream_t *b = open_workstream(space, "b");
  syncmgr_workstream_t *c = open_workstream(space, "c");
  syncmgr_semaphore_t *most = open_semaphore(a, "pool", 3, 0);
  CHECK_OK(syncmgr_semaphore_acquire(most, 2, 0));
  syncmgr_mutex_t *lock = open_mutex(c, "lock", 0);
  CHECK_OK(syncmgr_mutex_lock(lock, 0));
  wait_t waits[3] = {
      {.semaphore = open_semaphore(b, "pool", 3, 0), .count = 3},
      {.semaphore = open_semaphore(c, "pool", 3, 0), .count = 1},
      {.mutex = open_mutex(a, "lock", 0)},
  };
  waits[1].release_mutex = lock;
  waits[2].release_semaphore = most;
  waits[2].release_count = 2;
  CHECK_EQUAL(run_waits(waits, 3), 1);
  CHECK_STATUS(waits[1].status, SYNCMGR_E_DEADLOCK);
  CHECK(strstr(waits[1].words, "c waits for \"pool\" behind b") != NULL);
  check_and_close(space);
}

TEST(readers_that_wait_for_each_others_exclusive_lock_are_found) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_rwlock_t *first[2], *second[2];
  for (unsigned index = 0; index < 2; index++) {
    syncmgr_workstream_t *me = open_workstream(space, NULL);
    CHECK_OK(syncmgr_rwlock_open(me, index == 0 ? "a" : "b", NULL, &first[index]));
    CHECK_OK(syncmgr_rwlock_open(me, index == 0 ? "b" : "a", NULL, &second[index]));
    CHECK_OK(syncmgr_rwlock_lock(first[index], SYNCMGR_SHARED, 0));
  }
  wait_t waits[2] = {{.rwlock = second[0]}, {.rwlock = second[1]}};
  waits[0].release_rwlock = first[0];
  waits[1].release_rwlock = first[1];
  CHECK_EQUAL(run_waits(waits, 2), 1);
  check_and_close(space);
}

/* By tickets of a queue, whose waits the background thread looks after. */
TEST(a_deadlock_of_started_waits_ends_through_the_queue_with_the_id_of_its_record) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_mutex_t *locks[2][2];
  for (unsigned index = 0; index < 2; index++) {
    syncmgr_workstream_t *me = open_workstream(space, NULL);
    locks[index][0] = open_mutex(me, index == 0 ? "a" : "b", 0);
    locks[index][1] = open_mutex(me, index == 0 ? "b" : "a", 0);
    CHECK_OK(syncmgr_mutex_lock(locks[index][0], 0));
  }
  for (unsigned index = 0; index < 2; index++) {
    syncmgr_ticket_t *ticket = NULL;
    CHECK_STATUS(syncmgr_mutex_lock_start(locks[index][1], SYNCMGR_FOREVER, queue, index, &ticket),
                 SYNCMGR_PENDING);
  }
  syncmgr_record_t record = next_record(queue);
  CHECK_STATUS(record.status, SYNCMGR_E_DEADLOCK);
  CHECK_EQUAL(record.user_data, 1);
  char text[256];
  size_t length = 0;
  CHECK_OK(syncmgr_deadlock_text(space, record.value, text, sizeof text, &length));
  CHECK_EQUAL(strlen(text), length);
  CHECK(strstr(text, "waits for \"a\" held by") != NULL);
  CHECK_OK(syncmgr_mutex_unlock(locks[1][0]));
  CHECK_STATUS(next_record(queue).status, SYNCMGR_OK);
  check_and_close(space);
}

TEST(who_holds_nothing_is_not_made_a_victim_for_waiting_behind_a_deadlock) {
  syncmgr_t *space = open_space(unique_url(), 0);
  ring_t ring;
  ring_open(&ring, space, 2);
  syncmgr_workstream_t *young = open_workstream(space, "young");
  wait_t bystander = {.mutex = open_mutex(young, "lock-0", 0)};
  begin_waits(&bystander, 1);
  ring_close_up(&ring);
  CHECK_EQUAL(ring_end(&ring), 1);
  CHECK_EQUAL(end_waits(&bystander, 1), 0);
  check_and_close(space);
}

TEST(a_wait_older_than_the_limit_is_found_by_age) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.limit_ns = 50 * MILLISECOND;
  CHECK_OK(syncmgr_deadlock_configure(space, &options));
  CHECK_OK(syncmgr_mutex_lock(open_mutex(open_workstream(space, "holder"), "m", 0), 0));
  wait_t wait = {.mutex = open_mutex(open_workstream(space, "waiter"), "m", 0)};
  begin_waits(&wait, 1);
  uint32_t count = 9;
  CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_TIMEOUT, &count));
  CHECK_EQUAL(count, 0);
  sleep_ms(60);
  CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_TIMEOUT, &count));
  CHECK_EQUAL(count, 1);
  CHECK_EQUAL(end_waits(&wait, 1), 1);
  CHECK(strstr(wait.words, "waiter waits for \"m\" held by holder") != NULL);
  syncmgr_deadlock_t record;
  CHECK_EQUAL(list_deadlocks(space, &record, 1), 1);
  CHECK_EQUAL(record.algorithm, SYNCMGR_DETECT_TIMEOUT);
  check_and_close(space);
}

TEST(bad_settings_of_the_search_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.flags = 2;
  CHECK_STATUS(syncmgr_deadlock_configure(space, &options), SYNCMGR_E_INVALID);
  options = (syncmgr_deadlock_options_t)SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.victim = 5;
  CHECK_STATUS(syncmgr_deadlock_configure(space, &options), SYNCMGR_E_INVALID);
  options = (syncmgr_deadlock_options_t)SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.delay_ns = -2;
  CHECK_STATUS(syncmgr_deadlock_configure(space, &options), SYNCMGR_E_INVALID);
  options = (syncmgr_deadlock_options_t)SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.interval_ns = 0;
  CHECK_STATUS(syncmgr_deadlock_configure(space, &options), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_deadlock_detect(space, 4, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_deadlock_resolve(space, 1, 5), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_deadlock_resolve(space, 1, 0), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_deadlock_list(space, NULL, 1, NULL), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_deadlock_configure(space, NULL));
  check_and_close(space);
}
