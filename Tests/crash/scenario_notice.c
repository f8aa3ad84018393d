/* Scenarios: notices. Whoever dies while it tells or subscribes, the others are told what happens
 * afterwards, lose nothing, and find the fast paths as they should be. */
#include <stddef.h>
#include <string.h>

#include "scenario.h"
#include "support.h"

#define HOLDS (SYNCMGR_NOTICE_GRANTED | SYNCMGR_NOTICE_RELEASED)

static void watch(struct role *role, uint32_t mask) {
  CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  CALL(role, syncmgr_queue_watch(role->queue, mask, 0), SYNCMGR_OK);
}

/* Takes the next notice within the patience of the test. */
static syncmgr_notice_t next_notice(struct role *role) {
  syncmgr_notice_t notice;
  uint32_t count = 0;
  int64_t deadline_ns = now_ns() + patience_ns();
  while (true) {
    CALL(role, syncmgr_queue_notices(role->queue, &notice, 1, &count), SYNCMGR_OK);
    if (count == 1) {
      return notice;
    }
    INSIST(role, now_ns() < deadline_ns, "no notice comes");
    sleep_ns(50000);
  }
}

static void prepare_mutex(struct role *role) {
  open_both(role);
  open_mutex(role);
  role_await(role, TOLD_READY(0));
}

static void act_lock_twice(struct role *role) {
  for (int round = 0; round < 2; round++) {
    CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK);
    CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  }
}

/* Watches what the victim does, and then what it does itself: each notice comes, and the victim's
 * death once; that is more urgent and may come before others. */
static void peer_watch(struct role *role) {
  open_both(role);
  open_mutex(role);
  watch(role, HOLDS | SYNCMGR_NOTICE_DIED);
  role_tell_ready(role);
  bool died = role_await_outcome(role) != VICTIM_FINISHED;
  if (died) {
    CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  }
  lock_and_unlock(role);
  uint64_t highest = 0, count = 0;
  uint32_t deaths = 0, own = 0, others = 0;
  while (own < 2 || (died && deaths < 1) || count < highest) {
    syncmgr_notice_t notice = next_notice(role);
    count++;
    highest = notice.sequence > highest ? notice.sequence : highest;
    INSIST(role, count <= highest, "notice %u came twice", (unsigned)notice.sequence);
    bool is_victim = strcmp(notice.name, "victim") == 0;
    deaths += notice.kind == SYNCMGR_NOTICE_DIED;
    INSIST(role, notice.kind != SYNCMGR_NOTICE_DIED || is_victim, "'%s' died", notice.name);
    own += strcmp(notice.name, "peer-0") == 0;
    others += is_victim && notice.kind != SYNCMGR_NOTICE_DIED;
  }
  INSIST(role, deaths == (died ? 1u : 0u), "%u deaths were told", deaths);
  INSIST(role, died ? others <= 4 : others == 4, "%u notices of the victim came", others);
}

static void act_subscribe(struct role *role) {
  watch(role, SYNCMGR_NOTICE_ALL);
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_queue_watch(role->queue, SYNCMGR_NOTICE_DIED, 0), SYNCMGR_OK);
  CALL(role, syncmgr_queue_close(role->queue), SYNCMGR_OK);
  role->queue = NULL;
}

/* Once the victim is gone nobody subscribes: a free mutex has the free word again. */
static void peer_find_the_fast_path(struct role *role) {
  syncmgr_fastpath_t fast;
  open_both(role);
  open_mutex(role);
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  lock_and_unlock(role);
  CALL(role, syncmgr_mutex_fastpath(role->mutex, &fast), SYNCMGR_OK);
  uint32_t word = *(volatile uint32_t *)(uintptr_t)fast.word;
  INSIST(role, word == fast.free_value, "the word of the free mutex is 0x%x", word);
}

const struct scenario scenarios_notice[] = {
    {.name = "notice-tell", .peers = 1, .prepare = prepare_mutex, .act = act_lock_twice,
     .peer = peer_watch},
    {.name = "notice-subscribe", .peers = 1, .prepare = prepare_mutex, .act = act_subscribe,
     .peer = peer_find_the_fast_path},
    {.name = "notice-subscribe-no-threads", .flags = SCENARIO_NO_THREADS, .peers = 1,
     .prepare = prepare_mutex, .act = act_subscribe, .peer = peer_find_the_fast_path},
    {.name = NULL},
};
