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

#ifdef __cplusplus
}
#endif

#endif
