// Boost's interprocess_mutex and its sharable one, in shared memory.
//
// SPDX-License-Identifier: MIT
#include "boost_peer.h"

#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_sharable_mutex.hpp>
#include <new>
#include <sys/mman.h>

static boost::interprocess::interprocess_mutex *mutex;
static boost::interprocess::interprocess_sharable_mutex *sharable;

template <typename Mutex> static int open_shared(Mutex **target) {
  void *memory =
      mmap(nullptr, sizeof(Mutex), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return -1;
  *target = new (memory) Mutex;
  return 0;
}

extern "C" int boost_peer_open(void) { return open_shared(&mutex); }

extern "C" int boost_peer_open_sharable(void) { return open_shared(&sharable); }

extern "C" void boost_peer_sharable_pairs(int shared, int count) {
  for (int pair = 0; pair < count; pair++) {
    if (shared) {
      sharable->lock_sharable();
      sharable->unlock_sharable();
    } else {
      sharable->lock();
      sharable->unlock();
    }
  }
}

extern "C" int boost_peer_lock(int shared) {
  if (shared) sharable->lock_sharable();
  else sharable->lock();
  return 0;
}

extern "C" int boost_peer_unlock(int shared) {
  if (shared) sharable->unlock_sharable();
  else sharable->unlock();
  return 0;
}

extern "C" void boost_peer_pairs(int count) {
  for (int pair = 0; pair < count; pair++) {
    mutex->lock();
    mutex->unlock();
  }
}
