/* Fails every call to the system that a scenario makes, one call a run, with every error that the
 * call can really return: the library reports it, leaks nothing, and works when it is called again.
 *
 *   faults                     the short form: some calls of each scenario, chosen by the seed
 *   faults --long              every call of each scenario
 *   faults --scenario TEXT     only scenarios whose name contains the text
 *   faults --step N --error E  only this call and this errno: replays a failure
 *   faults --seconds N         how long the short form may take, about
 *   faults --calls             lists the calls and how often one of each was failed
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "director.h"
#include "fault_table.h"
#include "support.h"

#define CALL_NAMES_MAX 64
/** After so many failures a scenario is given up, and the whole test in the short form. */
#define FAILURES_MAX 3
#define FAILURES_ALL_MAX 15

static struct {
  char text[32];
  uint32_t seen;
  uint32_t failed;
} calls[CALL_NAMES_MAX];

static void call_note(const char *text, bool failed) {
  for (uint32_t index = 0; index < CALL_NAMES_MAX; index++) {
    if (calls[index].text[0] == '\0') {
      snprintf(calls[index].text, sizeof calls[index].text, "%s", text);
    }
    if (strcmp(calls[index].text, text) == 0) {
      calls[index].seen += !failed;
      calls[index].failed += failed;
      return;
    }
  }
}

struct faults {
  struct stage *stage;
  struct random random;
  uint64_t seed;
  bool every_call;
  bool others; /* the calls of the library's own threads */
  int64_t share_ns;
  uint32_t failed;
  uint64_t injected;
};

static bool run_fault(struct faults *faults, const struct scenario *scenario, uint64_t step,
                      int32_t error) {
  struct orders orders = {
      .program = "faults", .stop_at = step, .fault = error, .others = faults->others};
  bool right = director_run(faults->stage, scenario, &orders);
  if (atomic_load(&faults->stage->fired) != 0) {
    faults->injected++;
    call_note(faults->stage->site, true);
  }
  if (!right) {
    faults->failed++;
    const char *name = strerrorname_np(error);
    printf("FAILED %s call %" PRIu64 " (%s) with %s, errno %d: %s (seed %" PRIu64 ")\n",
           scenario->name, step, faults->stage->site, name == NULL ? "no fault" : name, error,
           faults->stage->failure, faults->seed);
    fflush(stdout);
  }
  return right;
}

static void fault_scenario(struct faults *faults, const struct scenario *scenario) {
  static char names[CALLS_RECORDED][32];
  int32_t errors[FAULT_ERRORS_MAX];
  uint32_t failures = 0;
  uint64_t before = faults->injected;
  int64_t begin_ns = now_ns();
  if (!run_fault(faults, scenario, 0, FAULT_NONE_FITS)) {
    return;
  }
  uint64_t steps = atomic_load(&faults->stage->steps);
  if (steps > CALLS_RECORDED) {
    steps = CALLS_RECORDED;
  }
  memcpy(names, faults->stage->calls, sizeof names);
  uint64_t runs = (uint64_t)(faults->share_ns / (now_ns() - begin_ns + 1)) + 1;
  for (uint64_t step = 1; step <= steps; step++) {
    call_note(names[step - 1], false);
    uint32_t count = fault_errors(names[step - 1], errors);
    for (uint32_t index = 0; index < count && failures < FAILURES_MAX; index++) {
      /* The short form takes each pair of call and error with the chance that fits its time. */
      if (faults->every_call || random_next(&faults->random) % (2 * steps) < runs) {
        failures += !run_fault(faults, scenario, step, errors[index]);
      }
    }
  }
  if (failures == 0) {
    printf("ok     %s: %" PRIu64 " calls, %" PRIu64 " refused on purpose\n", scenario->name, steps,
           faults->injected - before);
    fflush(stdout);
  }
}

static void fault_all(struct faults *faults, int count, char **arguments) {
  const char *wanted = argument_text(count, arguments, "--scenario");
  uint64_t only_step = argument_number(count, arguments, "--step", 0);
  int32_t only_error = (int32_t)argument_number(count, arguments, "--error", 0);
  const struct scenario *scenario;
  for (uint32_t place = 0; (scenario = scenario_at(place)) != NULL; place++) {
    if ((scenario->flags & SCENARIO_NO_FAULTS) ||
        (wanted != NULL && strstr(scenario->name, wanted) == NULL)) {
      continue;
    }
    if (faults->failed >= FAILURES_ALL_MAX && !faults->every_call) {
      printf("       %s and what follows: not run after %u failures\n", scenario->name,
             faults->failed);
      return;
    }
    faults->others = scenario->flags & SCENARIO_OTHERS;
    if (only_step != 0) {
      run_fault(faults, scenario, only_step, only_error);
    } else {
      fault_scenario(faults, scenario);
    }
  }
}

int main(int count, char **arguments) {
  uint32_t scenarios = 0;
  while (scenario_at(scenarios) != NULL) {
    scenarios++;
  }
  struct faults faults = {
      .stage = stage_make(),
      .seed = seed_choose(),
      .every_call = argument_present(count, arguments, "--long"),
      .share_ns = (int64_t)argument_number(count, arguments, "--seconds", 12) * SECOND /
                  (int64_t)scenarios,
  };
  faults.random.state = faults.seed;
  alarm(faults.every_call ? 3600 : 300);
  int64_t begin_ns = now_ns();
  printf("faults: seed %" PRIu64 "\n", faults.seed);
  fflush(stdout);
  fault_all(&faults, count, arguments);
  if (argument_present(count, arguments, "--calls")) {
    for (uint32_t index = 0; index < CALL_NAMES_MAX && calls[index].text[0] != '\0'; index++) {
      printf("  %6u made, %6u failed  %s\n", calls[index].seen, calls[index].failed,
             calls[index].text);
    }
  }
  printf("faults: %" PRIu64 " injected in %.1f s, %u failed\n", faults.injected,
         (double)(now_ns() - begin_ns) / (double)SECOND, faults.failed);
  return faults.failed == 0 ? 0 : 1;
}
