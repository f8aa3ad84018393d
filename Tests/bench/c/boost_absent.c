/* Stands in for boost_peer.cpp where the headers of Boost are not installed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "boost_peer.h"

int boost_peer_open(void) { return -1; }

void boost_peer_pairs(int count) { (void)count; }

int boost_peer_open_sharable(void) { return -1; }

void boost_peer_sharable_pairs(int shared, int count) {
  (void)shared;
  (void)count;
}

int boost_peer_lock(int shared) { return (void)shared, -1; }

int boost_peer_unlock(int shared) { return (void)shared, -1; }
