// Boost's message_queue, in shared memory.
//
// SPDX-License-Identifier: MIT
#include "channel_boost.h"

#include <boost/interprocess/ipc/message_queue.hpp>

using boost::interprocess::message_queue;

extern "C" void *boost_queue_make(const char *name, size_t room, size_t length) {
  try {
    auto *queue = new message_queue(boost::interprocess::create_only, name, room, length);
    // The children inherit the mapping, so nobody needs its name.
    message_queue::remove(name);
    return queue;
  } catch (const std::exception &) {
    return nullptr;
  }
}

extern "C" int boost_queue_send(void *queue, const void *message, size_t length) {
  try {
    static_cast<message_queue *>(queue)->send(message, length, 0);
    return 0;
  } catch (const std::exception &) {
    return -1;
  }
}

extern "C" int boost_queue_receive(void *queue, void *message, size_t length) {
  message_queue::size_type received = 0;
  unsigned priority = 0;
  try {
    static_cast<message_queue *>(queue)->receive(message, length, received, priority);
    return received == length ? 0 : -1;
  } catch (const std::exception &) {
    return -1;
  }
}
