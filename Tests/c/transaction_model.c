/* Random transactions against a model: three workstreams, whose calls come in any order, without
 * locks, at every level, with savepoints, plain puts between them, and operations that fail. What
 * every read gives and how every commit ends is known beforehand. */
#include <stdio.h>
#include <string.h>

#include "transactions.h"

enum { KEYS = 6, ACTORS = 3, STEPS = 4000, NOTHING = -1, DELETED = -2 };

typedef struct value {
  int number; /* NOTHING: it is not there */
  uint32_t version;
} value_t;

typedef struct session {
  actor_t actor;
  syncmgr_transaction_t *transaction;
  uint32_t level;
  int own[KEYS]; /* NOTHING: not written; DELETED */
  bool has_read[KEYS], has_range;
  uint32_t read[KEYS];  /* the version; 0: not there */
  uint32_t range[KEYS]; /* the versions of all when the range was read */
  bool has_saved;
  int saved[KEYS];
  line_t line;
  letter_t letters[64];
  uint32_t added;
  bool fails;
} session_t;

static value_t model[KEYS];
static uint32_t versions[KEYS]; /* never the same again */
static session_t sessions[ACTORS];
static uint64_t seed;

static void key_of(char *key, uint32_t index) { sprintf(key, "m/%u", index); }

static uint32_t shown(uint32_t index) {
  return model[index].number == NOTHING ? 0 : model[index].version;
}

static void change_model(uint32_t index, int number) {
  if (number == NOTHING && model[index].number == NOTHING) return;
  model[index].number = number;
  model[index].version = ++versions[index];
}

static void start(session_t *session) {
  static const uint32_t levels[] = {SYNCMGR_SERIALIZABLE, SYNCMGR_REPEATABLE_READ,
                                    SYNCMGR_READ_COMMITTED};
  actor_t actor = session->actor;
  memset(session, 0, sizeof *session);
  session->actor = actor;
  session->level = levels[random_below(&seed, 3)];
  for (uint32_t index = 0; index < KEYS; index++) session->own[index] = NOTHING;
  session->transaction = begin(&session->actor, SYNCMGR_TRANSACTION_OPTIMISTIC, session->level);
}

static void end(session_t *session) {
  CHECK_OK(syncmgr_transaction_close(session->transaction));
  session->transaction = NULL;
}

/* What is undone when it is rolled back: all that was executed, backwards. */
static void check_undone(session_t *session) {
  char expected[256] = "";
  uint32_t executed = 0;
  for (uint32_t index = 0; index < session->added; index++) {
    strncat(expected, &session->letters[index].letter, 1);
    executed++;
    if (session->line.fail_at == session->letters[index].letter) break;
  }
  if (session->line.text[0] == '\0') return; /* nothing was executed */
  if (session->fails) executed--;
  while (executed-- > 0) {
    strcat(expected, "-");
    strncat(expected, &session->letters[executed].letter, 1);
  }
  CHECK(strcmp(session->line.text, expected) == 0);
}

static void rolled_back(session_t *session) {
  CHECK_EQUAL(status_of(session->transaction), SYNCMGR_TRANSACTION_ROLLED_BACK);
  check_undone(session);
  end(session);
}

static bool checks_keys(session_t *session) { return session->level != SYNCMGR_READ_COMMITTED; }

static void do_read(session_t *session, uint32_t index) {
  char key[8], expected[16] = "";
  key_of(key, index);
  int number = session->own[index] == NOTHING ? model[index].number : session->own[index];
  if (number >= 0) sprintf(expected, "%d", number);
  if (session->own[index] == NOTHING && checks_keys(session)) {
    if (session->has_read[index] && session->read[index] != shown(index)) {
      CHECK_STATUS(try_read(session->transaction, key), SYNCMGR_E_CHANGED);
      return rolled_back(session);
    }
    session->has_read[index] = true;
    session->read[index] = shown(index);
  }
  CHECK(strcmp(read_text(session->transaction, key), expected) == 0);
}

static void do_range(session_t *session) {
  uint32_t count = 0;
  for (uint32_t index = 0; index < KEYS; index++) {
    int number = session->own[index] == NOTHING ? model[index].number : session->own[index];
    count += number >= 0;
    if (!session->has_range) session->range[index] = shown(index);
  }
  CHECK_EQUAL(count_range(session->transaction, "m/"), count);
  /* A later range that differs from the first makes the commit fail as well. */
  session->has_range = true;
}

static void do_write(session_t *session, uint32_t index) {
  char key[8], text[16];
  bool deletes = random_below(&seed, 4) == 0;
  int number = (int)random_below(&seed, 1000);
  key_of(key, index);
  sprintf(text, "%d", number);
  CHECK_OK(write_text(session->transaction, key, deletes ? NULL : text));
  session->own[index] = deletes ? DELETED : number;
}

static void do_add(session_t *session) {
  if (session->added == 20 || session->has_saved) return;
  letter_t *letter = &session->letters[session->added];
  letter->line = &session->line;
  letter->letter = (char)('a' + session->added++);
  if (!session->fails && random_below(&seed, 12) == 0) {
    session->line.fail_at = letter->letter;
    session->fails = true;
  }
  add_letter(session->transaction, letter);
}

static void do_save(session_t *session) {
  if (!session->has_saved || random_below(&seed, 2)) {
    CHECK_OK(syncmgr_transaction_savepoint(session->transaction, "s"));
    memcpy(session->saved, session->own, sizeof session->own);
    session->has_saved = true;
  } else {
    CHECK_OK(syncmgr_transaction_rollback_to(session->transaction, "s"));
    memcpy(session->own, session->saved, sizeof session->own);
  }
}

static bool is_changed(session_t *session) {
  for (uint32_t index = 0; index < KEYS; index++) {
    if (session->has_read[index] && session->read[index] != shown(index)) return true;
    if (session->has_range && session->level == SYNCMGR_SERIALIZABLE &&
        session->range[index] != shown(index)) {
      return true;
    }
  }
  return false;
}

static void do_commit(session_t *session) {
  int32_t expected = session->fails          ? SYNCMGR_E_FAILED
                     : is_changed(session) ? SYNCMGR_E_CHANGED
                                           : SYNCMGR_OK;
  CHECK_STATUS(commit(session->transaction), expected);
  if (expected != SYNCMGR_OK) return rolled_back(session);
  for (uint32_t index = 0; index < KEYS; index++) {
    if (session->own[index] != NOTHING) {
      change_model(index, session->own[index] == DELETED ? NOTHING : session->own[index]);
    }
  }
  CHECK(strchr(session->line.text, '-') == NULL);
  CHECK_EQUAL(strlen(session->line.text), session->added);
  end(session);
}

static void put_plainly(session_t *session, uint32_t index) {
  char key[8], text[16];
  int number = random_below(&seed, 3) == 0 ? NOTHING : (int)random_below(&seed, 1000);
  key_of(key, index);
  sprintf(text, "%d", number);
  CHECK_OK(set_text(&session->actor, key, number == NOTHING ? NULL : text));
  change_model(index, number);
}

TEST_WITHIN(60, random_transactions_do_what_their_model_does) {
  syncmgr_t *space = open_space(unique_url(), 0);
  seed = harness_seed();
  for (uint32_t index = 0; index < KEYS; index++) model[index] = (value_t){.number = NOTHING};
  for (uint32_t index = 0; index < ACTORS; index++) {
    sessions[index].actor = actor_open(space, NULL);
  }
  for (uint32_t step = 0; step < STEPS; step++) {
    session_t *session = &sessions[random_below(&seed, ACTORS)];
    uint32_t index = random_below(&seed, KEYS), choice = random_below(&seed, 20);
    if (session->transaction == NULL) {
      start(session);
    } else if (choice < 6) {
      do_read(session, index);
    } else if (choice < 10) {
      do_write(session, index);
    } else if (choice < 12) {
      do_range(session);
    } else if (choice < 14) {
      do_add(session);
    } else if (choice < 16) {
      do_save(session);
    } else if (choice == 16) {
      put_plainly(session, index);
    } else if (choice == 17) {
      CHECK_OK(syncmgr_transaction_rollback(session->transaction));
      rolled_back(session);
    } else {
      do_commit(session);
    }
  }
  for (uint32_t index = 0; index < KEYS; index++) {
    char key[8], text[16] = "";
    key_of(key, index);
    if (model[index].number >= 0) sprintf(text, "%d", model[index].number);
    CHECK_TEXT(&sessions[0].actor, key, text);
  }
  check_and_close(space);
}
