/* Scenarios: the readers-writer lock, with upgrade, downgrade and force. */
#include <stddef.h>
#include <string.h>

#include "scenario.h"
#include "support.h"

/* A step between the calls: who dies there certainly is the exclusive owner. */
#define SITE_WRITING "test: writing"

static void lock(struct role *role, uint32_t mode, int64_t timeout_ns) {
  CALL(role, syncmgr_rwlock_lock(role->rwlock, mode, timeout_ns), SYNCMGR_OK,
       SYNCMGR_OWNER_DIED);
}

static void unlock(struct role *role) {
  CALL(role, syncmgr_rwlock_unlock(role->rwlock), SYNCMGR_OK);
}

static void insist_on_the_death(struct role *role) {
  bool wrote = atomic_load(&role->stage->fired) != 0 &&
               strcmp(role->stage->site, SITE_WRITING) == 0;
  INSIST(role, !wrote || role->status == SYNCMGR_OWNER_DIED, "a writer died, and the next got %s",
         syncmgr_status_name(role->status));
}

static void prepare_open(struct role *role) {
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await(role, TOLD_READY(peer));
  }
  open_both(role);
  open_rwlock(role);
}

static void act_everything(struct role *role) {
  lock(role, SYNCMGR_SHARED, SYNCMGR_FOREVER);
  lock(role, SYNCMGR_SHARED, 0);
  CALL(role, syncmgr_rwlock_upgrade(role->rwlock, 0), SYNCMGR_OK);
  role_own_step(role, SITE_WRITING);
  CALL(role, syncmgr_rwlock_downgrade(role->rwlock), SYNCMGR_OK);
  unlock(role);
  lock(role, SYNCMGR_EXCLUSIVE, SYNCMGR_FOREVER);
  role_own_step(role, SITE_WRITING);
  unlock(role);
}

static void act_write(struct role *role) {
  CALL(role, syncmgr_rwlock_lock(role->rwlock, SYNCMGR_EXCLUSIVE, SYNCMGR_FOREVER), SYNCMGR_OK);
  role_own_step(role, SITE_WRITING);
  unlock(role);
}

static void act_read(struct role *role) {
  CALL(role, syncmgr_rwlock_lock(role->rwlock, SYNCMGR_SHARED, SYNCMGR_FOREVER), SYNCMGR_OK);
  unlock(role);
}

/* The peer keeps the lock until the victim sleeps for it, or died on the way there. */
static void hold_and_look(struct role *role, uint32_t mode) {
  uint64_t first = 0, second = 0;
  open_both(role);
  open_rwlock(role);
  lock(role, mode, 0);
  CALL(role, syncmgr_rwlock_token(role->rwlock, &first), SYNCMGR_OK);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  CALL(role, syncmgr_rwlock_is_valid(role->rwlock, first), SYNCMGR_OK);
  unlock(role);
  lock(role, SYNCMGR_EXCLUSIVE, patience_ns());
  insist_on_the_death(role);
  CALL(role, syncmgr_rwlock_token(role->rwlock, &second), SYNCMGR_OK);
  INSIST(role, second > first, "token %llu came after %llu", (unsigned long long)second,
         (unsigned long long)first);
  unlock(role);
}

static void peer_read(struct role *role) { hold_and_look(role, SYNCMGR_SHARED); }
static void peer_write(struct role *role) { hold_and_look(role, SYNCMGR_EXCLUSIVE); }

/* The victim holds; peers 0 and 2 wait to read, peer 1 to write. */
static void prepare_hold(struct role *role, uint32_t mode) {
  open_both(role);
  open_rwlock(role);
  lock(role, mode, 0);
  stage_tell(role->stage, TOLD_PREPARED);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await_peer_asleep(role, peer);
  }
}

static void prepare_writing(struct role *role) { prepare_hold(role, SYNCMGR_EXCLUSIVE); }
static void prepare_reading(struct role *role) { prepare_hold(role, SYNCMGR_SHARED); }

static void act_unlock(struct role *role) { unlock(role); }

static void act_unlock_writing(struct role *role) {
  role_own_step(role, SITE_WRITING);
  unlock(role);
}

static void act_downgrade(struct role *role) {
  CALL(role, syncmgr_rwlock_downgrade(role->rwlock), SYNCMGR_OK);
  unlock(role);
}

static void act_close(struct role *role) {
  CALL(role, syncmgr_rwlock_close(role->rwlock), SYNCMGR_OK);
}

static void wait_in(struct role *role, uint32_t mode) {
  open_both(role);
  open_rwlock(role);
  role_await(role, TOLD_PREPARED);
  for (int32_t peer = 0; peer < role->index; peer++) {
    role_await_peer_asleep(role, (uint32_t)peer);
  }
  role_tell_waiting(role);
  lock(role, mode, SYNCMGR_FOREVER);
  /* The first of the line: nobody can have been exclusive before it. */
  if (role->index == 0) {
    insist_on_the_death(role);
  }
  unlock(role);
}

static void peer_wait(struct role *role) {
  wait_in(role, role->index == 1 ? SYNCMGR_EXCLUSIVE : SYNCMGR_SHARED);
}

static void peer_wait_writing(struct role *role) { wait_in(role, SYNCMGR_EXCLUSIVE); }

/* The victim reads, and so does peer 0 until the victim sleeps to upgrade; peer 1 waits to write.
 * Whether the upgrade came first or not, all get through. */
static void prepare_upgrade(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
  open_rwlock(role);
  lock(role, SYNCMGR_SHARED, 0);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await_peer_asleep(role, 1);
}

static void act_upgrade(struct role *role) {
  CALL(role, syncmgr_rwlock_upgrade(role->rwlock, SYNCMGR_FOREVER), SYNCMGR_OK);
  role_own_step(role, SITE_WRITING);
  CALL(role, syncmgr_rwlock_downgrade(role->rwlock), SYNCMGR_OK);
  unlock(role);
}

static void act_upgrade_timeout(struct role *role) {
  CALL(role, syncmgr_rwlock_upgrade(role->rwlock, 3 * MILLISECOND), SYNCMGR_E_TIMEOUT);
  unlock(role);
}

static void act_upgrade_ticket(struct role *role) {
  syncmgr_ticket_t *ticket = NULL;
  CALL(role,
       syncmgr_rwlock_upgrade_start(role->rwlock, SYNCMGR_FOREVER, NULL, 0, &ticket),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_cancel(ticket), SYNCMGR_OK);
  unlock(role);
}

static void peer_read_or_wait(struct role *role) {
  open_both(role);
  open_rwlock(role);
  if (role->index == 0) {
    lock(role, SYNCMGR_SHARED, 0);
    role_tell_ready(role);
    role_await_victim_asleep(role);
    if (role->scenario->act != act_upgrade) {
      role_await_outcome(role);
    }
    unlock(role);
    return;
  }
  role_await(role, TOLD_PREPARED);
  role_tell_waiting(role);
  lock(role, SYNCMGR_EXCLUSIVE, SYNCMGR_FOREVER);
  insist_on_the_death(role);
  unlock(role);
}

/* A writer waits in vain in front of a reader: peer 0 reads throughout, peer 1 comes after. */
static void act_timeout(struct role *role) {
  CALL(role, syncmgr_rwlock_lock(role->rwlock, SYNCMGR_EXCLUSIVE, 6 * MILLISECOND),
       SYNCMGR_E_TIMEOUT);
}

static void peer_read_throughout(struct role *role) {
  open_both(role);
  open_rwlock(role);
  if (role->index == 0) {
    lock(role, SYNCMGR_SHARED, 0);
    role_tell_ready(role);
    role_await(role, TOLD_DONE(1));
  } else {
    role_tell_ready(role);
    role_await_victim_asleep(role);
    lock(role, SYNCMGR_SHARED, SYNCMGR_FOREVER);
  }
  unlock(role);
}

/* Peer 0 writes, peer 1 waits; the victim takes the lock away from peer 0 alone. */
static void prepare_force(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
  open_rwlock(role);
  role_await_peer_asleep(role, 1);
}

static void act_force(struct role *role) {
  CALL(role, syncmgr_rwlock_force_release(role->rwlock), SYNCMGR_OK);
}

static void peer_be_forced(struct role *role) {
  open_both(role);
  open_rwlock(role);
  if (role->index == 0) {
    lock(role, SYNCMGR_EXCLUSIVE, 0);
    role_tell_ready(role);
    bool forced = role_await_outcome(role) == VICTIM_FINISHED;
    CALL(role, syncmgr_rwlock_unlock(role->rwlock), SYNCMGR_OK, SYNCMGR_E_LOST);
    INSIST(role, !forced || role->status == SYNCMGR_E_LOST, "unlock worked after a force");
    return;
  }
  role_await(role, TOLD_READY(0));
  role_tell_waiting(role);
  lock(role, SYNCMGR_EXCLUSIVE, SYNCMGR_FOREVER);
  unlock(role);
}

#define FAIR .rwlock_flags = SYNCMGR_RWLOCK_FAIR
#define NO_THREADS .flags = SCENARIO_NO_THREADS
#define WAITERS .peers = 3, .peer = peer_wait
#define UPGRADERS .peers = 2, .peer = peer_read_or_wait, .prepare = prepare_upgrade

const struct scenario scenarios_rwlock[] = {
    {.name = "rwlock-free", .flags = SCENARIO_REMOVABLE, .peers = 1, .peer = peer_idle,
     .prepare = prepare_open, .act = act_everything},
    {.name = "rwlock-free-persistent", .flags = SCENARIO_PERSISTENT | SCENARIO_REMOVABLE,
     .prepare = prepare_open, .act = act_everything},
    {.name = "rwlock-write-contended", .peers = 1, .peer = peer_read, .prepare = prepare_open,
     .act = act_write},
    {.name = "rwlock-read-contended", .peers = 1, .peer = peer_write, .prepare = prepare_open,
     .act = act_read},
    {.name = "rwlock-write-contended-fair", FAIR, .peers = 1, .peer = peer_write,
     .prepare = prepare_open, .act = act_write},
    {.name = "rwlock-write-contended-no-threads", NO_THREADS, .peers = 1, .peer = peer_read,
     .prepare = prepare_open, .act = act_write},
    {.name = "rwlock-unlock-waiters", WAITERS, .prepare = prepare_writing,
     .act = act_unlock_writing},
    {.name = "rwlock-unlock-waiters-fair", FAIR, WAITERS, .prepare = prepare_writing,
     .act = act_unlock_writing},
    {.name = "rwlock-unlock-waiters-no-threads", NO_THREADS, WAITERS, .prepare = prepare_writing,
     .act = act_unlock_writing},
    {.name = "rwlock-unlock-writers", .peers = 2, .peer = peer_wait_writing,
     .prepare = prepare_writing, .act = act_unlock_writing},
    {.name = "rwlock-unlock-reading", .peers = 2, .peer = peer_wait_writing,
     .prepare = prepare_reading, .act = act_unlock},
    {.name = "rwlock-downgrade", WAITERS, .prepare = prepare_writing, .act = act_downgrade},
    {.name = "rwlock-close-held", WAITERS, .prepare = prepare_writing, .act = act_close},
    {.name = "rwlock-upgrade", UPGRADERS, .act = act_upgrade},
    {.name = "rwlock-upgrade-no-threads", NO_THREADS, UPGRADERS, .act = act_upgrade},
    {.name = "rwlock-upgrade-timeout", UPGRADERS, .act = act_upgrade_timeout},
    {.name = "rwlock-upgrade-cancel", UPGRADERS, .act = act_upgrade_ticket},
    {.name = "rwlock-timeout", FAIR, .peers = 2, .peer = peer_read_throughout,
     .prepare = prepare_open, .act = act_timeout},
    {.name = "rwlock-force", .peers = 2, .peer = peer_be_forced, .prepare = prepare_force,
     .act = act_force},
    {.name = NULL},
};
