/* Kills a process at every step that it makes on shared memory or into the system, one step a run,
 * and checks after each that the others went on and that nothing was left behind.
 *
 *   sweep                      the short form: some steps of each scenario, chosen by the seed
 *   sweep --long               every step of each scenario
 *   sweep --scenario TEXT      only scenarios whose name contains the text
 *   sweep --step N             only this step: replays a failure
 *   sweep --seconds N          how long the short form may take, about
 *   sweep --hold               stops at the first failure with its processes alive
 *   sweep --sites              lists where the victims died
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "director.h"
#include "support.h"

#define SITES_MAX 4096
/** After so many failures a scenario is given up: a hang costs seconds. */
#define FAILURES_MAX 3
/** And the whole sweep after so many, in the short form. */
#define FAILURES_ALL_MAX 15
/** A run in which the victim is late can make more steps than the counting run made. */
#define STEPS_BEYOND 400

static struct {
  char text[160];
  uint32_t kills;
} sites[SITES_MAX];
static uint32_t site_count;

static void site_note(const char *text) {
  uint32_t index = 0;
  while (index < site_count && strcmp(sites[index].text, text) != 0) {
    index++;
  }
  if (index == SITES_MAX) {
    return;
  }
  if (index == site_count) {
    snprintf(sites[site_count++].text, sizeof sites[0].text, "%s", text);
  }
  sites[index].kills++;
}

struct sweep {
  struct stage *stage;
  struct random random;
  uint64_t seed;
  bool every_step;
  bool hold;
  uint64_t only_step;
  int64_t share_ns; /* how long one scenario may take in the short form */
  uint32_t failed;
  uint64_t kills;
};

static void report(struct sweep *sweep, const struct scenario *scenario, uint64_t step) {
  sweep->failed++;
  printf("FAILED %s step %" PRIu64 " at %s: %s (seed %" PRIu64 ")\n", scenario->name, step,
         sweep->stage->site[0] == '\0' ? "-" : sweep->stage->site, sweep->stage->failure,
         sweep->seed);
  fflush(stdout);
}

/* Runs one step. Returns whether the run was right; `out_reached` tells whether the victim died. */
static bool run_step(struct sweep *sweep, const struct scenario *scenario, uint64_t step,
                     bool *out_reached) {
  struct orders orders = {.program = "sweep",
                          .stop_at = step,
                          .others = scenario->flags & SCENARIO_OTHERS,
                          .hold = sweep->hold};
  bool right = director_run(sweep->stage, scenario, &orders);
  *out_reached = atomic_load(&sweep->stage->fired) != 0;
  if (*out_reached) {
    sweep->kills++;
    site_note(sweep->stage->site);
  }
  if (!right) {
    report(sweep, scenario, step);
  }
  return right;
}

/* Chooses how many steps to advance at a time, so that the scenario stays within its share. */
static uint64_t stride_choose(struct sweep *sweep, uint64_t steps, int64_t one_run_ns) {
  if (sweep->every_step) {
    return 1;
  }
  uint64_t runs = (uint64_t)(sweep->share_ns / (one_run_ns + 1)) + 1;
  return steps / runs + 1;
}

static void sweep_scenario(struct sweep *sweep, const struct scenario *scenario) {
  bool reached = false;
  uint32_t failures = 0;
  uint64_t runs = 0;
  int64_t begin_ns = now_ns();
  if (!run_step(sweep, scenario, 0, &reached)) {
    return;
  }
  uint64_t steps = atomic_load(&sweep->stage->steps);
  int64_t one_run_ns = now_ns() - begin_ns;
  uint64_t stride = stride_choose(sweep, steps, one_run_ns);
  uint64_t step = 1 + random_next(&sweep->random) % stride;
  /* Goes on until two steps in a row are not reached: how many there are depends a little on who is
   * faster, and those of the library's own threads depend on it a lot. */
  for (uint32_t missed = 0; missed < 2 && step <= steps + STEPS_BEYOND; step += stride) {
    failures += !run_step(sweep, scenario, step, &reached);
    runs++;
    missed = reached ? 0 : missed + 1;
    if (failures >= FAILURES_MAX) {
      printf("       %s: given up after %u failures\n", scenario->name, failures);
      return;
    }
  }
  if (failures == 0) {
    printf("ok     %s: %" PRIu64 " steps, %" PRIu64 " runs, %.1f s\n", scenario->name, steps, runs,
           (double)(now_ns() - begin_ns) / (double)SECOND);
    fflush(stdout);
  }
}

static uint32_t scenarios_count(const char *wanted) {
  uint32_t count = 0;
  const struct scenario *scenario;
  for (uint32_t place = 0; (scenario = scenario_at(place)) != NULL; place++) {
    count += wanted == NULL || strstr(scenario->name, wanted) != NULL;
  }
  return count;
}

static void sweep_all(struct sweep *sweep, const char *wanted) {
  const struct scenario *scenario;
  for (uint32_t place = 0; (scenario = scenario_at(place)) != NULL; place++) {
    if (wanted != NULL && strstr(scenario->name, wanted) == NULL) {
      continue;
    }
    if (sweep->failed >= FAILURES_ALL_MAX && !sweep->every_step) {
      printf("       %s and what follows: not run after %u failures\n", scenario->name,
             sweep->failed);
      return;
    }
    if (sweep->only_step == 0) {
      sweep_scenario(sweep, scenario);
      continue;
    }
    bool reached = false;
    if (run_step(sweep, scenario, sweep->only_step, &reached)) {
      printf("ok     %s step %" PRIu64 " %s\n", scenario->name, sweep->only_step,
             reached ? sweep->stage->site : "was not reached");
    }
  }
}

int main(int count, char **arguments) {
  const char *wanted = argument_text(count, arguments, "--scenario");
  uint32_t scenarios = scenarios_count(wanted);
  struct sweep sweep = {
      .stage = stage_make(),
      .seed = seed_choose(),
      .every_step = argument_present(count, arguments, "--long"),
      .hold = argument_present(count, arguments, "--hold"),
      .only_step = argument_number(count, arguments, "--step", 0),
      .share_ns = (int64_t)argument_number(count, arguments, "--seconds", 25) * SECOND /
                  (int64_t)(scenarios + 1),
  };
  sweep.random.state = sweep.seed;
  if (scenarios == 0) {
    printf("no scenario is called %s\n", wanted);
    return 2;
  }
  /* Everything below has deadlines of its own; this one is for a fault in the test itself. */
  alarm(sweep.every_step ? 3600 : 300);
  int64_t begin_ns = now_ns();
  printf("sweep: seed %" PRIu64 ", %u scenarios\n", sweep.seed, scenarios);
  fflush(stdout);
  sweep_all(&sweep, wanted);
  if (argument_present(count, arguments, "--sites")) {
    for (uint32_t index = 0; index < site_count; index++) {
      printf("  %6u  %s\n", sites[index].kills, sites[index].text);
    }
  }
  printf("sweep: %" PRIu64 " kills at %u sites in %.1f s, %u failed\n", sweep.kills, site_count,
         (double)(now_ns() - begin_ns) / (double)SECOND, sweep.failed);
  return sweep.failed == 0 ? 0 : 1;
}
