/* The stage: the memory which the processes of one crash run share, beside the space they test.
 * They tell each other there how far they are, and the first failure is written there. They
 * are forked after it was made and before any of them uses the library. */
#ifndef CRASH_STAGE_H
#define CRASH_STAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PEERS_MAX 4
/** How many calls to the system of one run are recorded by name. */
#define CALLS_RECORDED 512
/** What became of the victim, as the director saw it. */
enum { VICTIM_RUNS = 0, VICTIM_DIED = 1, VICTIM_FINISHED = 2 };

/** Things that a process tells the others. A bit each; peers have one of every kind. */
enum {
  TOLD_PREPARED = 1u << 0, /* the victim has prepared */
  TOLD_ACTING = 1u << 1,   /* the victim begins the part in which it may die */
  TOLD_DISMISSED = 1u << 2 /* the director has seen everything and the peers may leave */
};
#define TOLD_READY(peer) (1u << (8 + (peer)))    /* the peer has what the scenario wants of it */
#define TOLD_WAITING(peer) (1u << (16 + (peer))) /* the peer is about to block, or has a ticket */
#define TOLD_DONE(peer) (1u << (24 + (peer)))    /* the peer has played its part */

struct stage {
  char name[64];               /* of the space */
  char url[80];
  _Atomic uint32_t told;
  _Atomic uint32_t outcome;    /* VICTIM_... */
  _Atomic int32_t victim;      /* its process */
  _Atomic int32_t peer[PEERS_MAX];
  _Atomic uint32_t may_die;    /* bit of each peer that is about to kill itself */
  _Atomic int32_t result[PEERS_MAX]; /* a status that a peer wants to be compared */
  _Atomic uint64_t note;       /* a number for the scenario's own use */
  /* The steps of the victim. */
  _Atomic uint64_t steps;      /* how many were counted so far */
  uint64_t stop_at;            /* the step at which it dies or a call fails; 0 for none */
  int32_t fault;               /* the errno of the failing call; 0 to die */
  bool others;                 /* count the library's own threads instead of the acting one */
  _Atomic uint32_t fired;      /* the step was reached */
  char site[160];              /* and where that was */
  char calls[CALLS_RECORDED][32]; /* with `fault`: the names of the steps */
  /* The first failure. */
  _Atomic uint32_t failed;
  char failure[640];
};

/** Returns a new stage, shared with the processes that are forked from this one. */
struct stage *stage_make(void);

/** Empties the stage for the next run, with a space name that was not used before. */
void stage_reset(struct stage *stage, const char *program);

/** Tells the others. */
void stage_tell(struct stage *stage, uint32_t what);

/** Returns whether all of `what` was told. */
bool stage_was_told(struct stage *stage, uint32_t what);

/** Waits until all of `what` was told. Returns false when the time passes or somebody failed. */
bool stage_await(struct stage *stage, uint32_t what, int64_t deadline_ns);

/** Notes a failure; only the first one is kept. */
void stage_fail(struct stage *stage, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
