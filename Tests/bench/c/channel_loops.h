/* The loops of a carrier, made out of what is its own.
 *
 * SPDX-License-Identifier: MIT
 *
 * LOOPS(name) follows the definitions of name_end_t and of
 *   void *name_reserve(end, length)          where the next message is to be written
 *   void name_commit(end, message, length)   it is written: sends it
 *   const void *name_peek(end, length)       waits for the next message
 *   void name_release(end)                   it was read
 * A carrier that copies lends a buffer of its own. CARRIER(name, make, loops) makes a
 * carrier of `make` and loops_open, see carrier_t, and of these loops.
 */
#ifndef BENCH_CHANNEL_LOOPS_H
#define BENCH_CHANNEL_LOOPS_H

#include "channel.h"

/* The first word of a message that says that there are no more. */
#define NO_MORE UINT64_MAX

/* A message is written and read at one word in each of its cache lines: all of it has to move, and
 * the loops cost less than what is measured. */
enum { STRIDE = 64 };

static inline uint64_t word_at(const void *message, size_t offset) {
  uint64_t word;
  memcpy(&word, (const char *)message + offset, sizeof word);
  return word;
}

static inline void set_word(void *message, size_t offset, uint64_t word) {
  memcpy((char *)message + offset, &word, sizeof word);
}

static inline uint64_t stamp(void *message, size_t length, uint64_t value) {
  uint64_t sum = 0;
  for (size_t offset = 0; offset < length; offset += STRIDE) {
    set_word(message, offset, value + offset);
    sum += value + offset;
  }
  return sum;
}

static inline uint64_t checksum(const void *message, size_t length) {
  uint64_t sum = 0;
  for (size_t offset = 0; offset < length; offset += STRIDE) sum += word_at(message, offset);
  return sum;
}

#define LOOPS(name)                                                                            \
  static uint64_t name##_produce(void *context, size_t length, uint64_t first,                 \
                                 uint64_t count) {                                             \
    name##_end_t *end = context;                                                               \
    uint64_t sum = 0;                                                                          \
    for (uint64_t value = first; value < first + count; value++) {                             \
      void *message = name##_reserve(end, length);                                             \
      sum += stamp(message, length, value);                                                    \
      name##_commit(end, message, length);                                                     \
    }                                                                                          \
    return sum;                                                                                \
  }                                                                                            \
                                                                                               \
  static void name##_finish(void *context, size_t length, int count) {                         \
    name##_end_t *end = context;                                                               \
    while (count-- > 0) {                                                                      \
      void *message = name##_reserve(end, length);                                             \
      set_word(message, 0, NO_MORE);                                                           \
      name##_commit(end, message, length);                                                     \
    }                                                                                          \
  }                                                                                            \
                                                                                               \
  static uint64_t name##_consume(void *context, size_t length) {                               \
    name##_end_t *end = context;                                                               \
    uint64_t sum = 0;                                                                          \
    for (;;) {                                                                                 \
      const void *message = name##_peek(end, length);                                          \
      int is_last = word_at(message, 0) == NO_MORE;                                            \
      if (!is_last) sum += checksum(message, length);                                          \
      name##_release(end);                                                                     \
      if (is_last) return sum;                                                                 \
    }                                                                                          \
  }                                                                                            \
                                                                                               \
  /* Only the ends of a message are written and read here: what a round trip costs beside the  \
   * user's own work is what is measured, and a carrier that copies copies all of it. */       \
  static inline void name##_say(name##_end_t *end, size_t length, uint64_t value) {            \
    void *message = name##_reserve(end, length);                                               \
    set_word(message, 0, value);                                                               \
    set_word(message, length - sizeof value, value);                                           \
    name##_commit(end, message, length);                                                       \
  }                                                                                            \
                                                                                               \
  static inline void name##_hear(name##_end_t *end, size_t length, uint64_t value) {           \
    const void *message = name##_peek(end, length);                                            \
    if (word_at(message, 0) != value || word_at(message, length - sizeof value) != value) {    \
      fail("%s: another message arrived than the one that was sent", #name);                   \
    }                                                                                          \
    name##_release(end);                                                                       \
  }                                                                                            \
                                                                                               \
  static void name##_play(void *out, void *in, size_t length, uint64_t rounds, int serves) {   \
    for (uint64_t round = 0; round < rounds; round++) {                                        \
      if (serves) name##_say(out, length, round);                                              \
      name##_hear(in, length, serves ? ~round : round);                                        \
      if (!serves) name##_say(out, length, ~round);                                            \
    }                                                                                          \
  }

#define CARRIER(name, make, loops)                                                             \
  const carrier_t name##_carrier = {#name,           make,           loops##_open,             \
                                    loops##_produce, loops##_finish, loops##_consume,          \
                                    loops##_play};

#endif
