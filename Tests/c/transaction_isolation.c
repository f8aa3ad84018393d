/* The classic anomalies, by level of isolation, with locks and without, between two processes. */
#include <string.h>

#include "peer.h"
#include "transactions.h"

/* The peer is a second session: it does what it is told, one call at a time. Its index is its way
 * and level. */
enum { SAYS = 0, ANSWERS = 1 };
enum { BEGIN = 1, READ_X, READ_Y, WRITE_X, WRITE_Y, INSERT, COUNT, COMMIT, ROLL_BACK, PLAIN_X };

static int32_t obey(actor_t *actor, syncmgr_transaction_t **transaction, int64_t order,
                    uint32_t way, uint32_t level) {
  switch (order) {
    case BEGIN: *transaction = begin(actor, way, level); return SYNCMGR_OK;
    case READ_X: return try_read(*transaction, "x");
    case READ_Y: return try_read(*transaction, "y");
    case WRITE_X: return write_text(*transaction, "x", "peer");
    case WRITE_Y: return write_text(*transaction, "y", "peer");
    case INSERT: return write_text(*transaction, "rows/peer", "peer");
    case COUNT: return (int32_t)count_range(*transaction, "rows/");
    case COMMIT: return commit(*transaction);
    case ROLL_BACK: return syncmgr_transaction_rollback(*transaction);
    default: return set_text(actor, "x", "plain");
  }
}

static void serve(peer_t *self) {
  syncmgr_transaction_t *transaction = NULL;
  actor_t actor = actor_open(peer_space(self), "peer");
  for (;;) {
    peer_pause(self);
    int64_t order = atomic_load(&self->values[SAYS]);
    if (order == 0) return;
    int32_t answer = obey(&actor, &transaction, order, self->index & 7, self->index >> 3);
    atomic_store(&self->values[ANSWERS], (int64_t)answer + 1000);
  }
}

typedef struct stage {
  peer_t *peer;
  uint32_t said;
  actor_t me;
  syncmgr_transaction_t *mine;
} stage_t;

static stage_t set_up(uint32_t way, uint32_t level) {
  const char *url = unique_url();
  stage_t stage = {.peer = peer_start(serve, url, way | level << 3, 0)};
  stage.me = actor_open(open_space(url, 0), "me");
  CHECK_OK(set_text(&stage.me, "x", "old"));
  CHECK_OK(set_text(&stage.me, "y", "old"));
  CHECK_OK(set_text(&stage.me, "rows/1", "old"));
  stage.mine = begin(&stage.me, way, level);
  return stage;
}

/* Tells the peer to do something, and does not wait for its end. */
static void say(stage_t *stage, int64_t order) {
  peer_wait_pause(stage->peer, ++stage->said);
  atomic_store(&stage->peer->values[ANSWERS], 0);
  atomic_store(&stage->peer->values[SAYS], order);
  peer_go(stage->peer);
}

static int32_t answer(stage_t *stage) {
  return (int32_t)(peer_wait_value(stage->peer, ANSWERS) - 1000);
}

static int32_t tell(stage_t *stage, int64_t order) {
  say(stage, order);
  return answer(stage);
}

static void tear_down(stage_t *stage) {
  say(stage, 0);
  peer_join(stage->peer);
  CHECK_OK(syncmgr_transaction_close(stage->mine));
  check_after_deaths(stage->me.space);
}

#define EACH_WAY(way) for (uint32_t way = 0; way <= SYNCMGR_TRANSACTION_OPTIMISTIC; way += 4)
#define EACH_LEVEL(level) for (uint32_t level = 0; level <= SYNCMGR_READ_COMMITTED; level++)

TEST(nobody_reads_what_is_not_committed) {
  EACH_WAY(way) {
    EACH_LEVEL(level) {
      stage_t stage = set_up(way, level);
      CHECK_OK(tell(&stage, BEGIN));
      CHECK_OK(tell(&stage, WRITE_X));
      if (way == 0 && level != SYNCMGR_READ_COMMITTED) {
        /* It would have to wait for the writer. */
        CHECK_STATUS(syncmgr_transaction_lock(stage.mine, "x", SYNCMGR_SHARED, 0),
                     SYNCMGR_E_TIMEOUT);
      } else {
        CHECK(strcmp(read_text(stage.mine, "x"), "old") == 0);
      }
      CHECK_TEXT(&stage.me, "x", "old");
      CHECK_OK(tell(&stage, ROLL_BACK));
      CHECK(strcmp(read_text(stage.mine, "x"), "old") == 0);
      CHECK_OK(commit(stage.mine));
      tear_down(&stage);
    }
  }
}

TEST(a_key_that_was_read_is_the_same_until_the_end) {
  EACH_WAY(way) {
    EACH_LEVEL(level) {
      stage_t stage = set_up(way, level);
      bool locks = way == 0 && level != SYNCMGR_READ_COMMITTED;
      CHECK(strcmp(read_text(stage.mine, "x"), "old") == 0);
      CHECK_OK(tell(&stage, BEGIN));
      say(&stage, WRITE_X);
      if (locks) {
        peer_wait_asleep(stage.peer);
        CHECK(strcmp(read_text(stage.mine, "x"), "old") == 0);
        CHECK_OK(commit(stage.mine));
        CHECK_OK(answer(&stage));
        CHECK_OK(tell(&stage, COMMIT));
      } else {
        CHECK_OK(answer(&stage));
        CHECK_OK(tell(&stage, COMMIT));
        if (level == SYNCMGR_READ_COMMITTED) {
          CHECK(strcmp(read_text(stage.mine, "x"), "peer") == 0);
          CHECK_OK(commit(stage.mine));
        } else {
          CHECK_STATUS(try_read(stage.mine, "x"), SYNCMGR_E_CHANGED);
          CHECK_EQUAL(status_of(stage.mine), SYNCMGR_TRANSACTION_ROLLED_BACK);
        }
      }
      CHECK_TEXT(&stage.me, "x", "peer");
      tear_down(&stage);
    }
  }
}

TEST(a_range_that_was_read_gets_no_phantoms_where_that_is_serializable) {
  EACH_WAY(way) {
    EACH_LEVEL(level) {
      stage_t stage = set_up(way, level);
      CHECK_EQUAL(count_range(stage.mine, "rows/"), 1);
      CHECK_OK(write_text(stage.mine, "y", "mine"));
      CHECK_OK(tell(&stage, BEGIN));
      CHECK_OK(tell(&stage, INSERT));
      CHECK_OK(tell(&stage, COMMIT));
      if (level == SYNCMGR_SERIALIZABLE) {
        CHECK_STATUS(commit(stage.mine), SYNCMGR_E_CHANGED);
        CHECK(strstr(syncmgr_last_error(), "rows/") != NULL);
        CHECK_TEXT(&stage.me, "y", "old");
      } else {
        CHECK_EQUAL(count_range(stage.mine, "rows/"), 2);
        CHECK_OK(commit(stage.mine));
      }
      tear_down(&stage);
    }
  }
}

TEST(no_update_is_lost_but_with_read_committed) {
  EACH_WAY(way) {
    EACH_LEVEL(level) {
      stage_t stage = set_up(way, level);
      CHECK_OK(try_read(stage.mine, "x"));
      CHECK_OK(tell(&stage, BEGIN));
      CHECK_OK(tell(&stage, READ_X));
      if (way == 0 && level != SYNCMGR_READ_COMMITTED) {
        /* Both have it shared, and want it exclusive: one of them gives way. */
        say(&stage, WRITE_X);
        peer_wait_asleep(stage.peer);
        CHECK_STATUS(write_text(stage.mine, "x", "mine"), SYNCMGR_E_DEADLOCK);
        CHECK_EQUAL(status_of(stage.mine), SYNCMGR_TRANSACTION_ROLLED_BACK);
        CHECK_OK(answer(&stage));
        CHECK_OK(tell(&stage, COMMIT));
        CHECK_TEXT(&stage.me, "x", "peer");
      } else {
        CHECK_OK(tell(&stage, WRITE_X));
        CHECK_OK(tell(&stage, COMMIT));
        CHECK_OK(write_text(stage.mine, "x", "mine"));
        bool isLost = level == SYNCMGR_READ_COMMITTED;
        CHECK_STATUS(commit(stage.mine), isLost ? SYNCMGR_OK : SYNCMGR_E_CHANGED);
        CHECK_TEXT(&stage.me, "x", isLost ? "mine" : "peer");
      }
      tear_down(&stage);
    }
  }
}

TEST(there_is_no_write_skew_but_with_read_committed) {
  EACH_WAY(way) {
    EACH_LEVEL(level) {
      stage_t stage = set_up(way, level);
      CHECK_OK(try_read(stage.mine, "x"));
      CHECK_OK(try_read(stage.mine, "y"));
      CHECK_OK(tell(&stage, BEGIN));
      CHECK_OK(tell(&stage, READ_X));
      CHECK_OK(tell(&stage, READ_Y));
      if (way == 0 && level != SYNCMGR_READ_COMMITTED) {
        /* Each waits for the other's shared lock: the deadlock is found, and one goes on. */
        say(&stage, WRITE_X);
        peer_wait_asleep(stage.peer);
        int32_t status = write_text(stage.mine, "y", "mine"), other = 0;
        if (status == SYNCMGR_OK) status = commit(stage.mine);
        other = answer(&stage);
        if (other == SYNCMGR_OK) other = tell(&stage, COMMIT);
        CHECK(status == SYNCMGR_OK ? other == SYNCMGR_E_DEADLOCK
                                   : status == SYNCMGR_E_DEADLOCK && other == SYNCMGR_OK);
      } else {
        CHECK_OK(tell(&stage, WRITE_X));
        CHECK_OK(write_text(stage.mine, "y", "mine"));
        CHECK_OK(tell(&stage, COMMIT));
        CHECK_STATUS(commit(stage.mine),
                     level == SYNCMGR_READ_COMMITTED ? SYNCMGR_OK : SYNCMGR_E_CHANGED);
      }
      tear_down(&stage);
    }
  }
}

TEST(a_plain_put_is_found_at_the_commit_also_under_locks) {
  EACH_WAY(way) {
    EACH_LEVEL(level) {
      stage_t stage = set_up(way, level);
      CHECK_OK(try_read(stage.mine, "x"));
      CHECK_OK(write_text(stage.mine, "y", "mine"));
      CHECK_OK(tell(&stage, PLAIN_X));
      CHECK_STATUS(commit(stage.mine),
                   level == SYNCMGR_READ_COMMITTED ? SYNCMGR_OK : SYNCMGR_E_CHANGED);
      CHECK_TEXT(&stage.me, "y", level == SYNCMGR_READ_COMMITTED ? "mine" : "old");
      tear_down(&stage);
    }
  }
}

TEST(strict_checks_every_key_at_every_level) {
  EACH_WAY(way) {
    stage_t stage = set_up(way | SYNCMGR_TRANSACTION_STRICT, SYNCMGR_READ_COMMITTED);
    CHECK_OK(try_read(stage.mine, "x"));
    CHECK_OK(write_text(stage.mine, "y", "mine"));
    CHECK_OK(tell(&stage, PLAIN_X));
    CHECK_STATUS(commit(stage.mine), SYNCMGR_E_CHANGED);
    tear_down(&stage);
  }
}

/* Transfers between accounts: whatever is done at once, the sum stays. */
enum { ACCOUNTS = 5, START = 100, PARTIES = 3, TRANSFERS = 150 };

typedef struct transfer {
  uint64_t random;
  uint32_t done;
} transfer_t;

static void account_key(char *key, uint32_t index) {
  strcpy(key, "account/0");
  key[8] = (char)('0' + index);
}

static int32_t read_number(syncmgr_transaction_t *transaction, const char *key, int64_t *out) {
  syncmgr_entry_t entry = {.key = key};
  char buffer[64];
  int32_t status = syncmgr_transaction_get(transaction, &entry, 1, buffer, sizeof buffer, NULL);
  if (status == SYNCMGR_OK) memcpy(out, entry.data, sizeof *out);
  return status;
}

static int32_t write_number(syncmgr_transaction_t *transaction, const char *key, int64_t number) {
  syncmgr_change_t change = {.key = key, .data = &number, .length = sizeof number,
                             .expected = SYNCMGR_VERSION_ANY, .type = SYNCMGR_CELL_INT64};
  return syncmgr_transaction_put(transaction, &change);
}

static int32_t transfer(syncmgr_transaction_t *transaction, void *user) {
  transfer_t *self = user;
  char from[16], to[16];
  int64_t left = 0, right = 0;
  uint32_t source = random_below(&self->random, ACCOUNTS);
  uint32_t target = (source + 1 + random_below(&self->random, ACCOUNTS - 1)) % ACCOUNTS;
  account_key(from, source);
  account_key(to, target);
  int32_t status = read_number(transaction, from, &left);
  if (status == SYNCMGR_OK) status = read_number(transaction, to, &right);
  int64_t amount = random_below(&self->random, 20);
  if (status == SYNCMGR_OK) status = write_number(transaction, from, left - amount);
  if (status == SYNCMGR_OK) status = write_number(transaction, to, right + amount);
  if (status == SYNCMGR_OK && random_below(&self->random, 8) == 0) return SYNCMGR_E_CANCELLED;
  return status;
}

static void transfer_all(peer_t *self) {
  actor_t actor = actor_open(peer_space(self), NULL);
  peer_pause(self);
  syncmgr_transaction_options_t options = SYNCMGR_TRANSACTION_OPTIONS_INIT;
  transfer_t mine = {.random = harness_seed() + self->index * 7919};
  options.retries = 1000000;
  options.retry_delay_ns = 100000;
  options.flags = self->index % 2 ? SYNCMGR_TRANSACTION_OPTIMISTIC : 0;
  for (uint32_t count = 0; count < TRANSFERS; count++) {
    int32_t status = syncmgr_transaction_run(actor.store, &options, transfer, &mine, NULL);
    if (status != SYNCMGR_E_CANCELLED) CHECK_OK(status);
  }
  atomic_store(&self->values[0], 1);
}

static int32_t sum_up(syncmgr_transaction_t *transaction, void *user) {
  int64_t *sum = user;
  *sum = 0;
  for (uint32_t index = 0; index < ACCOUNTS; index++) {
    char key[16];
    int64_t amount = 0;
    account_key(key, index);
    int32_t status = read_number(transaction, key, &amount);
    if (status != SYNCMGR_OK) return status;
    *sum += amount;
  }
  return SYNCMGR_OK;
}

TEST_WITHIN(60, the_sum_of_all_accounts_stays_whatever_is_transferred_at_once) {
  const char *url = unique_url();
  peer_t *peers[PARTIES];
  syncmgr_transaction_options_t options = SYNCMGR_TRANSACTION_OPTIONS_INIT;
  options.flags = SYNCMGR_TRANSACTION_READ_ONLY;
  options.retries = 1000000;
  for (uint32_t index = 0; index < PARTIES; index++) {
    peers[index] = peer_start(transfer_all, url, index, 0);
  }
  actor_t me = actor_open(open_space(url, 0), "me");
  syncmgr_change_t changes[ACCOUNTS];
  char keys[ACCOUNTS][16];
  int64_t amount = START;
  memset(changes, 0, sizeof changes);
  for (uint32_t index = 0; index < ACCOUNTS; index++) {
    account_key(keys[index], index);
    changes[index].key = keys[index];
    changes[index].data = &amount;
    changes[index].length = sizeof amount;
    changes[index].type = SYNCMGR_CELL_INT64;
  }
  CHECK_OK(syncmgr_store_commit(me.store, changes, ACCOUNTS, 0, SYNCMGR_FOREVER, NULL));
  for (uint32_t index = 0; index < PARTIES; index++) peer_go(peers[index]);
  for (uint32_t ended = 0; ended < PARTIES;) {
    int64_t sum = 0;
    CHECK_OK(syncmgr_transaction_run(me.store, &options, sum_up, &sum, NULL));
    CHECK_EQUAL(sum, ACCOUNTS * START);
    ended = 0;
    for (uint32_t index = 0; index < PARTIES; index++) {
      ended += atomic_load(&peers[index]->values[0]) != 0;
    }
  }
  for (uint32_t index = 0; index < PARTIES; index++) peer_join(peers[index]);
  check_after_deaths(me.space);
}
