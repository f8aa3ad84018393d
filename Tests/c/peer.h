/* A peer: another process that the test starts, steps, watches, kills and collects.
 *
 * A peer is forked before the test process opens anything, so that it inherits no handle, and opens
 * the space itself. Peer and test share one board: the steps and a few values. */
#ifndef PEER_H
#define PEER_H

#include <stdatomic.h>
#include <sys/types.h>

#include "support.h"

enum { PEER_VALUES = 16 };

typedef struct peer {
  pid_t pid;
  uint32_t index;   /* which of several peers with one body this is */
  uint32_t flags;   /* for syncmgr_open */
  char url[512];
  _Atomic uint32_t reached;
  _Atomic uint32_t allowed;
  _Atomic int64_t values[PEER_VALUES];
} peer_t;

typedef void (*peer_body_t)(peer_t *self);

/** Forks a process that runs `body` and then ends by _exit(0), without closing anything. */
peer_t *peer_start(peer_body_t body, const char *url, uint32_t index, uint32_t flags);

/* Called by the peer. */

/** Says that the next step is reached, and waits for the test to let it go on. */
void peer_pause(peer_t *self);

/* Called by the test. */

/** Waits until the peer has come to its pause number `count`, the first being 1. */
void peer_wait_pause(peer_t *peer, uint32_t count);

/** Fails the test when the peer has ended, else says false: for conditions that are waited for. */
bool peer_ended(peer_t *peer);

/** Lets the peer go on from its present or next pause. */
void peer_go(peer_t *peer);

/** Waits until the peer sleeps in a futex call: it stands in a line of the library. */
void peer_wait_asleep(peer_t *peer);

/** Waits until the peer has written value `index`, and returns it. Zero counts as not written. */
int64_t peer_wait_value(peer_t *peer, unsigned index);

/** SIGKILLs the peer; it is a zombie no more when this returns. */
void peer_kill(peer_t *peer);

/** Waits for the peer's own end, which has to be with exit code 0. */
void peer_join(peer_t *peer);

void peer_signal(peer_t *peer, int signal);

/** Opens the space of the peer with the flags that the test chose. */
syncmgr_t *peer_space(peer_t *self);

/** Memory shared by this process and all it forks, zeroed. */
void *shared_memory(size_t size);

#endif
