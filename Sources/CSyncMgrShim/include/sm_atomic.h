/* Atomics on shared words. Swift cannot see _Atomic fields, so the words are plain integers there
 * and reached only through these functions. `file` and `line` name the crash point for the seam;
 * they are constants that vanish in the release build. */
#ifndef SM_ATOMIC_H
#define SM_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "sm_seam.h"

#define SM_INLINE static inline __attribute__((always_inline))

#define SM_ATOMICS(bits)                                                                          \
  SM_INLINE uint##bits##_t sm_load##bits(const uint##bits##_t *at) {                              \
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);                                                 \
  }                                                                                               \
  SM_INLINE uint##bits##_t sm_peek##bits(const uint##bits##_t *at) {                              \
    return __atomic_load_n(at, __ATOMIC_RELAXED);                                                 \
  }                                                                                               \
  SM_INLINE void sm_store##bits(uint##bits##_t *at, uint##bits##_t value, const char *file,       \
                                int32_t line) {                                                   \
    SM_STEP(file, line);                                                                          \
    __atomic_store_n(at, value, __ATOMIC_RELEASE);                                                \
  }                                                                                               \
  /* Returns what was there: the swap happened when that equals `expected`. */                    \
  SM_INLINE uint##bits##_t sm_swap##bits(uint##bits##_t *at, uint##bits##_t expected,             \
                                         uint##bits##_t desired, const char *file,                \
                                         int32_t line) {                                          \
    SM_STEP(file, line);                                                                          \
    __atomic_compare_exchange_n(at, &expected, desired, false, __ATOMIC_SEQ_CST,                  \
                                __ATOMIC_ACQUIRE);                                                \
    return expected;                                                                              \
  }                                                                                               \
  SM_INLINE uint##bits##_t sm_exchange##bits(uint##bits##_t *at, uint##bits##_t value,            \
                                             const char *file, int32_t line) {                    \
    SM_STEP(file, line);                                                                          \
    return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                                      \
  }                                                                                               \
  SM_INLINE uint##bits##_t sm_add##bits(uint##bits##_t *at, uint##bits##_t value,                 \
                                        const char *file, int32_t line) {                         \
    SM_STEP(file, line);                                                                          \
    return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);                                       \
  }                                                                                               \
  SM_INLINE uint##bits##_t sm_or##bits(uint##bits##_t *at, uint##bits##_t value,                  \
                                       const char *file, int32_t line) {                          \
    SM_STEP(file, line);                                                                          \
    return __atomic_fetch_or(at, value, __ATOMIC_SEQ_CST);                                        \
  }                                                                                               \
  SM_INLINE uint##bits##_t sm_and##bits(uint##bits##_t *at, uint##bits##_t value,                 \
                                        const char *file, int32_t line) {                         \
    SM_STEP(file, line);                                                                          \
    return __atomic_fetch_and(at, value, __ATOMIC_SEQ_CST);                                       \
  }

SM_ATOMICS(32)
SM_ATOMICS(64)

SM_INLINE void sm_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/* What was read before it stays before what is read after it. */
SM_INLINE void sm_read_fence(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }

/* A line is asked for before it is needed: to be read, or to be written. Any address is good. */
SM_INLINE void sm_fetch(const void *at) { __builtin_prefetch(at, 0); }
SM_INLINE void sm_fetch_to_write(const void *at) {
#if defined(__x86_64__)
  /* The builtin gives it only when the whole build is for newer processors; older ones skip it. */
  __asm__ volatile("prefetchw %0" : : "m"(*(const char *)at));
#else
  __builtin_prefetch(at, 1);
#endif
}

SM_INLINE void sm_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  __asm__ volatile("yield");
#endif
}

#endif
