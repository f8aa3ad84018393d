/* What a call does on its way in and out: look at the handle's slot, and say which attachment this
 * thread is inside of, so that a close knows when the memory is no longer in use. */
#ifndef SM_CALL_H
#define SM_CALL_H

#include "sm_layout.h"

/* Handle: slot index (20 bits) | type (5) | generation (21) | fork epoch (6): below 2^52. */
#define SM_SLOT_BITS 20u
#define SM_SLOTS (1u << SM_SLOT_BITS)
SM_INLINE uint32_t sm_handle_index(uint64_t handle) { return (uint32_t)handle & (SM_SLOTS - 1u); }
SM_INLINE uint32_t sm_handle_type(uint64_t handle) { return (uint32_t)(handle >> 20) & 31u; }
SM_INLINE uint32_t sm_handle_generation(uint64_t handle) {
  return (uint32_t)(handle >> 25) & 0x1fffffu;
}
SM_INLINE uint32_t sm_handle_epoch(uint64_t handle) { return (uint32_t)(handle >> 46); }

/* All that is private to this process and that a forked child must find zeroed. */
#define SM_ATTACHMENTS 4095u /* whose numbers fit in a presence beside the slot */
struct sm_process {
  struct sm_slot *slots;
  struct sm_thread *threads;
  uint32_t threads_high;
  uint32_t fenced; /* 1 when membarrier is missing: every call then has a fence of its own */
  void *attachments[SM_ATTACHMENTS]; /* by id - 1; retained instances of a class */
};
extern struct sm_process sm_process __attribute__((visibility("hidden")));
extern __thread struct sm_thread *sm_self
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

SM_INLINE struct sm_slot *sm_slots(void) { return sm_process.slots; }
SM_INLINE struct sm_thread *sm_threads(void) { return sm_process.threads; }
SM_INLINE uint32_t sm_threads_high(void) {
  return __atomic_load_n(&sm_process.threads_high, __ATOMIC_ACQUIRE);
}
SM_INLINE uint32_t sm_fenced(void) { return sm_process.fenced; }

/* The calling thread's record, or NULL when it has none: then sm_thread_register. */
SM_INLINE struct sm_thread *sm_thread_self(void) {
  struct sm_thread *self = sm_self;
  return self != NULL && self->registered ? self : NULL;
}
struct sm_thread *sm_thread_register(void); /* NULL: too many threads */
/* Before anything else is done for a thread that has no record: it may be a forked child's. */
void sm_thread_begin(void);

/* The same, when its calls may take the fast way in. That is closed to threads that are new, or a
 * forked child's, and where there is no membarrier. */
SM_INLINE struct sm_thread *sm_thread_ready(void) {
  struct sm_thread *self = sm_self;
  return __builtin_expect(self != NULL && self->ready, 1) ? self : NULL;
}

/* Enters with `handle` of `type`. The slot on success; NULL otherwise, and then nothing was
 * entered: the caller finds out why. The store of `inside` is ordered before the load of the tag by
 * the closer's membarrier: either we see that the handle is closed, or the closer sees us inside.
 * Where there is no membarrier, `fenced` orders them. */
SM_INLINE struct sm_slot *sm_enter_with(struct sm_thread *self, uint64_t handle, uint32_t type,
                                        int fenced) {
  struct sm_slot *slot = sm_process.slots + sm_handle_index(handle);
  uint64_t presence = __atomic_load_n(&slot->presence, __ATOMIC_RELAXED);
  __atomic_store_n(&self->inside, presence, __ATOMIC_RELAXED);
  if (fenced) __atomic_thread_fence(__ATOMIC_SEQ_CST);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  if (__builtin_expect(__atomic_load_n(&slot->tag, __ATOMIC_ACQUIRE) != handle ||
                           sm_handle_type(handle) != type,
                       0)) {
    __atomic_store_n(&self->inside, 0, __ATOMIC_RELEASE);
    return NULL;
  }
  return slot;
}

/* The fast way in, for a thread that is ready; and the way out of what it entered. */
SM_INLINE struct sm_slot *sm_enter_at_once(struct sm_thread *self, uint64_t handle,
                                           uint32_t type) {
  return sm_enter_with(self, handle, type, 0);
}
SM_INLINE void sm_leave_at_once(struct sm_thread *self) {
  __atomic_store_n(&self->inside, 0, __ATOMIC_RELEASE);
}

SM_INLINE struct sm_slot *sm_enter(uint64_t handle, uint32_t type) {
  struct sm_thread *self = sm_thread_ready();
  return self != NULL ? sm_enter_at_once(self, handle, type) : NULL;
}

/* The slow way in, for threads that are registered. */
struct sm_slot *sm_enter_slowly(uint64_t handle, uint32_t type);

SM_INLINE void sm_leave(void) { sm_leave_at_once(sm_self); }

/* The CPU this thread runs on. For threads that are registered. */
SM_INLINE uint32_t sm_cpu(void) { return *sm_self->cpu; }
SM_INLINE uint32_t sm_cpu_of(const struct sm_thread *self) { return *self->cpu; }

/* How often this thread looks before it sleeps; only it reads and writes that. */
SM_INLINE uint32_t sm_spins(void) { return sm_self->spins; }
SM_INLINE void sm_set_spins(uint32_t rounds) { sm_self->spins = rounds; }

/* Trades being inside of a handle for being inside of its attachment only: for a close, which waits
 * for others inside of the handle while the memory must stay. */
SM_INLINE void sm_hold(uint32_t attachment) {
  __atomic_store_n(&sm_self->inside, (uint64_t)attachment << SM_SLOT_BITS, __ATOMIC_RELEASE);
}

/* The number of the attachment that this thread holds, inside of no handle; or 0. */
uint32_t sm_held(void);
/* Goes inside of a handle of the attachment that this thread holds, and does not let go of that in
 * between; back by sm_hold. NULL when the handle does not work: then nothing has changed. */
struct sm_slot *sm_trade(uint64_t handle, uint32_t type);

SM_INLINE void **sm_attachment_entry(uint32_t index) {
  return &sm_process.attachments[index % SM_ATTACHMENTS];
}

/* Makes the tables, or answers 0 when memory is short. Once per process, and again after a fork. */
int32_t sm_process_start(void);
uint32_t sm_fork_epoch(void);
/* 1 when the tables were made by a parent of this process and found wiped. */
int32_t sm_process_forked(void);

void sm_process_lock(void);
void sm_process_unlock(void);
/* Held while attaching and detaching, which may wait for other processes. */
void sm_attach_lock(void);
void sm_attach_unlock(void);

/* This thread's sentence about its last error. 512 bytes. */
char *sm_error_buffer(void);
#define SM_ERROR_CAPACITY 1024u

#endif
