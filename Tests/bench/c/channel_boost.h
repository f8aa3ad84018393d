/* Boost's message_queue as seen from C: it is C++ and may be absent.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef BENCH_CHANNEL_BOOST_H
#define BENCH_CHANNEL_BOOST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Makes a queue that the children share. Returns NULL when the program was built without Boost,
 *  or when it cannot be made. */
void *boost_queue_make(const char *name, size_t room, size_t length);

/** Waits for room and copies the message in. Returns 0, or -1. */
int boost_queue_send(void *queue, const void *message, size_t length);

/** Waits for a message and copies it out. Returns 0, or -1. */
int boost_queue_receive(void *queue, void *message, size_t length);

#ifdef __cplusplus
}
#endif

#endif
