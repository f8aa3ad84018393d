/* Stands in for channel_boost_queue.cpp where the headers of Boost are not installed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "channel_boost.h"

void *boost_queue_make(const char *name, size_t room, size_t length) {
  return (void)name, (void)room, (void)length, NULL;
}

int boost_queue_send(void *queue, const void *message, size_t length) {
  return (void)queue, (void)message, (void)length, -1;
}

int boost_queue_receive(void *queue, void *message, size_t length) {
  return (void)queue, (void)message, (void)length, -1;
}
