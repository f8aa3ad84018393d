/* Random states of locks and waits: what is found is exactly what a checker finds that tries out
 * who could end. */
#include <stdio.h>
#include <string.h>

#include "deadlocks.h"

enum { STREAMS = 8, THINGS = 5, ROUNDS = 60 };

typedef struct model {
  uint32_t total[THINGS];
  uint32_t held[STREAMS][THINGS];
  int waits[STREAMS];         /* for which thing, or -1 */
  uint32_t wants[STREAMS];
  unsigned line[THINGS][STREAMS]; /* in order of arrival */
  unsigned length[THINGS];
} model_t;

static uint32_t free_of(const model_t *model, unsigned thing, uint32_t ended) {
  uint32_t left = model->total[thing];
  for (unsigned stream = 0; stream < STREAMS; stream++) {
    if (!(ended >> stream & 1)) left -= model->held[stream][thing];
  }
  return left;
}

/* Whether `stream` can end once those in `ended` have: it does not wait, or there is enough and
 * nobody stands before it. */
static bool can_end(const model_t *model, unsigned stream, uint32_t ended) {
  int thing = model->waits[stream];
  if (thing < 0) return true;
  if (free_of(model, (unsigned)thing, ended) < model->wants[stream]) return false;
  for (unsigned place = 0; model->line[thing][place] != stream; place++) {
    if (!(ended >> model->line[thing][place] & 1)) return false;
  }
  return true;
}

/* The streams that no order lets end: tried for all sets of those that have ended. */
static uint32_t stuck_of(const model_t *model) {
  bool reachable[1u << STREAMS] = {[0] = true};
  uint32_t most = 0;
  for (uint32_t ended = 0; ended < 1u << STREAMS; ended++) {
    if (!reachable[ended]) continue;
    if (__builtin_popcount(ended) > __builtin_popcount(most)) most = ended;
    for (unsigned stream = 0; stream < STREAMS; stream++) {
      if (!(ended >> stream & 1) && can_end(model, stream, ended)) {
        reachable[ended | 1u << stream] = true;
      }
    }
  }
  return ~most & ((1u << STREAMS) - 1);
}

typedef struct world {
  syncmgr_t *space;
  syncmgr_queue_t *queue;
  syncmgr_workstream_t *streams[STREAMS];
  syncmgr_semaphore_t *things[STREAMS][THINGS];
  uint64_t ids[STREAMS];
} world_t;

static void make_world(world_t *world, model_t *model, uint64_t *state) {
  memset(model, 0, sizeof *model);
  world->space = open_space(unique_url(), 0);
  world->queue = open_queue(world->space);
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.flags = 0;
  options.delay_ns = SYNCMGR_FOREVER;
  CHECK_OK(syncmgr_deadlock_configure(world->space, &options));
  for (unsigned thing = 0; thing < THINGS; thing++) {
    model->total[thing] = 1 + random_below(state, 3);
  }
  for (unsigned stream = 0; stream < STREAMS; stream++) {
    model->waits[stream] = -1;
    world->streams[stream] = open_workstream(world->space, NULL);
    CHECK_OK(syncmgr_workstream_id(world->streams[stream], &world->ids[stream]));
    for (unsigned thing = 0; thing < THINGS; thing++) {
      char name[16];
      snprintf(name, sizeof name, "t%u", thing);
      world->things[stream][thing] =
          open_semaphore(world->streams[stream], name, model->total[thing], SYNCMGR_SEMAPHORE_FAIR);
    }
  }
}

/* Everybody takes and begins to wait, in random order. */
static void entangle(world_t *world, model_t *model, uint64_t *state) {
  for (unsigned step = 0; step < STREAMS * 4; step++) {
    unsigned stream = random_below(state, STREAMS), thing = random_below(state, THINGS);
    uint32_t held = model->held[stream][thing];
    if (model->waits[stream] >= 0 || held == model->total[thing]) continue;
    uint32_t count = 1 + random_below(state, model->total[thing] - held);
    syncmgr_ticket_t *ticket = NULL;
    bool is_free = free_of(model, thing, 0) >= count && model->length[thing] == 0;
    if (!is_free && random_below(state, 4) == 0) continue;
    int32_t status =
        syncmgr_semaphore_acquire_start(world->things[stream][thing], count, SYNCMGR_FOREVER,
                                        world->queue, stream, &ticket);
    CHECK_STATUS(status, is_free ? SYNCMGR_OK : SYNCMGR_PENDING);
    if (is_free) {
      model->held[stream][thing] += count;
    } else {
      model->waits[stream] = (int)thing;
      model->wants[stream] = count;
      model->line[thing][model->length[thing]++] = stream;
    }
  }
}

/* What stands after one victim's wait was ended: as if it did not wait. */
static void end_wait(model_t *model, unsigned stream) {
  unsigned thing = (unsigned)model->waits[stream];
  unsigned place = 0;
  while (model->line[thing][place] != stream) place++;
  memmove(&model->line[thing][place], &model->line[thing][place + 1],
          (model->length[thing] - place - 1) * sizeof model->line[0][0]);
  model->length[thing]--;
  model->waits[stream] = -1;
}

/* A wait that stood behind the victim's may be granted by its end. */
static void grant_all(model_t *model) {
  for (unsigned thing = 0; thing < THINGS; thing++) {
    while (model->length[thing] > 0) {
      unsigned head = model->line[thing][0];
      if (free_of(model, thing, 0) < model->wants[head]) break;
      model->held[head][thing] += model->wants[head];
      end_wait(model, head);
    }
  }
}

static unsigned stream_of(const world_t *world, uint64_t id) {
  unsigned stream = 0;
  while (stream < STREAMS && world->ids[stream] != id) stream++;
  CHECK(stream < STREAMS);
  return stream;
}

/* Ends one deadlock after the other, until the checker finds nobody stuck; each victim is one of
 * the stuck, and as long as anybody is, something is found. */
static void disentangle(world_t *world, model_t *model) {
  for (unsigned round = 0;; round++) {
    uint32_t stuck = stuck_of(model);
    uint32_t count = 99;
    CHECK_OK(syncmgr_deadlock_detect(world->space, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count));
    CHECK_EQUAL(count > 0, stuck != 0);
    if (stuck == 0) return;
    CHECK(round < STREAMS);
    syncmgr_deadlock_t records[64];
    uint32_t known = list_deadlocks(world->space, records, 64);
    uint64_t open = 0;
    for (uint32_t index = 0; index < known; index++) {
      if (records[index].resolution != SYNCMGR_RESOLUTION_NONE) continue;
      syncmgr_deadlock_member_t members[64];
      uint32_t length = 0;
      open = records[index].id;
      CHECK_OK(syncmgr_deadlock_members(world->space, open, members, 64, &length));
      CHECK(length > 0);
      for (uint32_t place = 0; place < length; place++) {
        CHECK(stuck >> stream_of(world, members[place].workstream) & 1);
      }
    }
    CHECK(open != 0);
    CHECK_OK(syncmgr_deadlock_resolve(world->space, open, SYNCMGR_VICTIM_OLDEST));
    known = list_deadlocks(world->space, records, 64);
    for (uint32_t index = 0; index < known; index++) {
      if (records[index].id == open) end_wait(model, stream_of(world, records[index].victim));
    }
    grant_all(model);
  }
}

TEST_WITHIN(60, random_entanglements_are_found_exactly_when_a_checker_finds_them) {
  uint64_t state = harness_seed();
  unsigned entangled = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    world_t world;
    model_t model;
    make_world(&world, &model, &state);
    entangle(&world, &model, &state);
    entangled += stuck_of(&model) != 0;
    disentangle(&world, &model);
    CHECK_OK(syncmgr_close(world.space));
  }
  CHECK(entangled > ROUNDS / 10);
}

/* Threads that lock in a fixed order: there is never a deadlock, however hard it is looked for. */
static void *lock_in_order(void *argument) {
  syncmgr_t *space = argument;
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_mutex_t *a = open_mutex(me, "a", 0), *b = open_mutex(me, "b", 0);
  syncmgr_semaphore_t *pool = open_semaphore(me, "pool", 2, 0);
  int64_t end = now_ns() + SECOND;
  while (now_ns() < end) {
    CHECK_OK(syncmgr_mutex_lock(a, SYNCMGR_FOREVER));
    CHECK_OK(syncmgr_mutex_lock(b, SYNCMGR_FOREVER));
    CHECK_OK(syncmgr_semaphore_acquire(pool, 2, SYNCMGR_FOREVER));
    CHECK_OK(syncmgr_semaphore_release(pool, 1));
    CHECK_OK(syncmgr_mutex_unlock(b));
    CHECK_OK(syncmgr_mutex_unlock(a));
    CHECK_OK(syncmgr_semaphore_release(pool, 1));
  }
  return NULL;
}

TEST(nobody_is_a_victim_where_locks_are_taken_in_order) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.delay_ns = 0;
  options.interval_ns = 1 * MILLISECOND;
  CHECK_OK(syncmgr_deadlock_configure(space, &options));
  pthread_t threads[4];
  for (unsigned index = 0; index < 4; index++) threads[index] = start_thread(lock_in_order, space);
  int64_t end = now_ns() + SECOND;
  while (now_ns() < end) {
    uint32_t count = 0;
    CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count));
    CHECK_EQUAL(count, 0);
  }
  for (unsigned index = 0; index < 4; index++) join_thread(threads[index]);
  CHECK_EQUAL(list_deadlocks(space, NULL, 0), 0);
  check_and_close(space);
}
