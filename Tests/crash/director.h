/* The director: one run of a scenario, from the first fork to the last file in /dev/shm. */
#ifndef CRASH_DIRECTOR_H
#define CRASH_DIRECTOR_H

#include "scenario.h"

struct orders {
  const char *program; /* part of the space's name */
  uint64_t stop_at;    /* the step at which the victim dies or a call fails; 0 only counts */
  int32_t fault;       /* the errno of the failing call; 0 to die */
  bool others;         /* count the steps of the library's own threads */
  bool hold;           /* after a failure show the processes and wait, for a debugger */
};

/** Runs the scenario once. Returns false when something was wrong; stage->failure says what. */
bool director_run(struct stage *stage, const struct scenario *scenario,
                  const struct orders *orders);

#endif
