// Boost's interprocess_mutex, in memory that could be shared.
//
// SPDX-License-Identifier: MIT
#include "boost_peer.h"

#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <new>
#include <sys/mman.h>

static boost::interprocess::interprocess_mutex *mutex;

extern "C" int boost_peer_open(void) {
  void *memory = mmap(nullptr, sizeof *mutex, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                      -1, 0);
  if (memory == MAP_FAILED) return -1;
  mutex = new (memory) boost::interprocess::interprocess_mutex;
  return 0;
}

extern "C" void boost_peer_pairs(int count) {
  for (int pair = 0; pair < count; pair++) {
    mutex->lock();
    mutex->unlock();
  }
}
