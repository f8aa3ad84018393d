/* Scenarios: the election. Whoever dies, somebody leads; a result is there whole or not at all. */
#include <stddef.h>
#include <string.h>

#include "scenario.h"
#include "support.h"

#define RESULT "the result of the victim, which is longer than a word"

static void prepare_open(struct role *role) {
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await(role, TOLD_READY(peer));
  }
  open_both(role);
  open_election(role);
}

static void act_lead(struct role *role) {
  uint64_t term = 0;
  CALL(role, syncmgr_election_campaign(role->election, SYNCMGR_FOREVER, &term), SYNCMGR_LEADER);
  CALL(role, syncmgr_election_is_valid(role->election, term), SYNCMGR_OK);
  CALL(role, syncmgr_election_resign(role->election), SYNCMGR_OK);
}

static void act_lead_and_finish(struct role *role) {
  CALL(role, syncmgr_election_campaign(role->election, SYNCMGR_FOREVER, NULL), SYNCMGR_LEADER);
  CALL(role, syncmgr_election_finish(role->election, RESULT, sizeof RESULT), SYNCMGR_OK);
  CALL(role, syncmgr_election_reset(role->election), SYNCMGR_OK);
}

/* The peer leads until the victim sleeps for it; its later term is a later one. */
static void peer_lead(struct role *role) {
  uint64_t first = 0, second = 0;
  open_both(role);
  open_election(role);
  CALL(role, syncmgr_election_campaign(role->election, 0, &first), SYNCMGR_LEADER);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  CALL(role, syncmgr_election_is_valid(role->election, first), SYNCMGR_OK);
  CALL(role, syncmgr_election_resign(role->election), SYNCMGR_OK);
  CALL(role, syncmgr_election_campaign(role->election, patience_ns(), &second), SYNCMGR_LEADER);
  INSIST(role, second > first, "term %llu came after %llu", (unsigned long long)second,
         (unsigned long long)first);
  CALL(role, syncmgr_election_resign(role->election), SYNCMGR_OK);
}

static void prepare_leading(struct role *role) {
  open_both(role);
  open_election(role);
  CALL(role, syncmgr_election_campaign(role->election, 0, NULL), SYNCMGR_LEADER);
  stage_tell(role->stage, TOLD_PREPARED);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await_peer_asleep(role, peer);
  }
}

static void act_resign(struct role *role) {
  CALL(role, syncmgr_election_resign(role->election), SYNCMGR_OK);
}

static void act_close(struct role *role) {
  CALL(role, syncmgr_election_close(role->election), SYNCMGR_OK);
}

static void act_finish(struct role *role) {
  CALL(role, syncmgr_election_finish(role->election, RESULT, sizeof RESULT), SYNCMGR_OK);
}

/* Each candidate is elected, or finds the result, which nobody else can give. */
static void peer_stand(struct role *role) {
  char result[SYNCMGR_RESULT_MAX];
  size_t length = 0;
  open_both(role);
  open_election(role);
  role_await(role, TOLD_PREPARED);
  role_tell_waiting(role);
  CALL(role, syncmgr_election_campaign(role->election, SYNCMGR_FOREVER, NULL), SYNCMGR_LEADER,
       SYNCMGR_OK);
  bool elected = role->status == SYNCMGR_LEADER;
  INSIST(role, elected || role->scenario->act == act_finish, "there is a result of nobody");
  if (elected) {
    INSIST(role, role->scenario->act != act_finish ||
                     atomic_load(&role->stage->outcome) != VICTIM_FINISHED,
           "elected after the end of the election");
    CALL(role, syncmgr_election_resign(role->election), SYNCMGR_OK);
    return;
  }
  CALL(role, syncmgr_election_result(role->election, result, sizeof result, &length), SYNCMGR_OK);
  INSIST(role, length == sizeof RESULT && memcmp(result, RESULT, length) == 0,
         "the result of %u bytes is not the victim's", (unsigned)length);
}

static void act_timeout(struct role *role) {
  CALL(role, syncmgr_election_campaign(role->election, 3 * MILLISECOND, NULL), SYNCMGR_E_TIMEOUT);
}

static void peer_lead_throughout(struct role *role) {
  open_both(role);
  open_election(role);
  CALL(role, syncmgr_election_campaign(role->election, 0, NULL), SYNCMGR_LEADER);
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_election_resign(role->election), SYNCMGR_OK);
  CALL(role, syncmgr_election_campaign(role->election, patience_ns(), NULL), SYNCMGR_LEADER);
  CALL(role, syncmgr_election_resign(role->election), SYNCMGR_OK);
}

#define STANDING .peers = 3, .peer = peer_stand, .prepare = prepare_leading
#define NO_THREADS .flags = SCENARIO_NO_THREADS

const struct scenario scenarios_election[] = {
    {.name = "election-free", .flags = SCENARIO_REMOVABLE, .peers = 1, .peer = peer_idle,
     .prepare = prepare_open, .act = act_lead},
    {.name = "election-finish", .flags = SCENARIO_PERSISTENT | SCENARIO_REMOVABLE,
     .prepare = prepare_open, .act = act_lead_and_finish},
    {.name = "election-contended", .peers = 1, .peer = peer_lead, .prepare = prepare_open,
     .act = act_lead},
    {.name = "election-timeout", .peers = 1, .peer = peer_lead_throughout,
     .prepare = prepare_open, .act = act_timeout},
    {.name = "election-resign-waiters", STANDING, .act = act_resign},
    {.name = "election-close-waiters", STANDING, .act = act_close},
    {.name = "election-finish-waiters", STANDING, .act = act_finish},
    {.name = "election-finish-waiters-no-threads", NO_THREADS, STANDING, .act = act_finish},
    {.name = NULL},
};
