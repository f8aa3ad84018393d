/* Boost.Interprocess as seen from C: it is C++ and may be absent.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef BENCH_BOOST_PEER_H
#define BENCH_BOOST_PEER_H

#ifdef __cplusplus
extern "C" {
#endif

/** Makes the mutex. Returns 0, or -1 when the program was built without Boost. */
int boost_peer_open(void);

/** Locks and unlocks `count` times. */
void boost_peer_pairs(int count);

/** Makes the sharable mutex, as boost_peer_open makes the mutex. The children share it. */
int boost_peer_open_sharable(void);

/** Locks and unlocks it `count` times, shared or not. */
void boost_peer_sharable_pairs(int shared, int count);

/** Locks it, and unlocks it, once. Returns 0. */
int boost_peer_lock(int shared);
int boost_peer_unlock(int shared);

#ifdef __cplusplus
}
#endif

#endif
