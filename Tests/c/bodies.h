/* Bodies of peers that many tests start: one that holds something, one that waits for it.
 *
 * `index` of such a peer is the flags of its mutex or the number of its permits. All of them open
 * the workstream PEER_WORKSTREAM plus their pid, and the objects "m", "s", "b", "e" of the space.
 * */
#ifndef BODIES_H
#define BODIES_H

#include "peer.h"

enum { SEMAPHORE_PERMITS = 3, BARRIER_PARTIES = 3 };

/** Pause 1: it holds the mutex. Then unlocks and closes. Value 1 is its token. */
void hold_mutex(peer_t *self);

/** Pause 1: opened. Then locks for ever; reports status and time. Pause 2: it holds. Then unlocks
 *  and closes. */
void wait_mutex(peer_t *self);

/** As hold_mutex and wait_mutex, with `index` permits of a semaphore of SEMAPHORE_PERMITS. */
void hold_semaphore(peer_t *self);
void wait_semaphore(peer_t *self);

/** Pause 1: opened the barrier of BARRIER_PARTIES. Then waits for ever, reports, closes. */
void wait_barrier(peer_t *self);

/** Pause 1: opened the auto-reset event. Then waits for ever, reports. Pause 2. Then closes. */
void wait_event(peer_t *self);

/** The status that the peer's wait returned; waits until it has. */
int32_t peer_wait_status(peer_t *peer);

/** When the peer's wait returned, by now_ns. */
int64_t peer_wait_time(peer_t *peer);

/** The peer has not come back from its wait. */
bool peer_still_waits(peer_t *peer);

/** Waits until one of the waiters is back from its wait; takes it out of the list. */
peer_t *take_first_back(peer_t **waiters, unsigned count);

/** Starts a peer, lets it pass its first pause and sleep in its wait. */
peer_t *start_waiter(peer_body_t body, const char *url, uint32_t index, uint32_t flags);

/** Starts a peer and waits until it holds. */
peer_t *start_holder(peer_body_t body, const char *url, uint32_t index, uint32_t flags);

/** Lets a peer run to its end through all its pauses, and collects it. */
void finish(peer_t *peer);

/** The name that the workstream of a peer has. Static storage. */
const char *peer_workstream_name(peer_t *peer);

/* For bodies: report the outcome of a wait. */
void report_status(peer_t *self, int32_t status);

#endif
