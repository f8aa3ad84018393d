#define _GNU_SOURCE
#include "sm_call.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "sm_os.h"

#define THREADS 65536u

/* In memory that a fork wipes: whether the tables were made by this very process, and its lock. */
struct wiped {
  uint32_t alive;
  pthread_mutex_t lock; /* zeroed is initialized */
  pthread_mutex_t threads_lock;
  pthread_mutex_t attach_lock;
};

struct sm_process sm_process;
__thread struct sm_thread *sm_self;
static __thread char error_buffer[SM_ERROR_CAPACITY];
static struct wiped *wiped;
static uint32_t epoch;
static pthread_key_t thread_key;
static int key_made;

static void thread_ended(void *record) {
  struct sm_thread *self = record;
  if (self == NULL || !self->registered) return;
  __atomic_store_n(&self->inside, 0, __ATOMIC_RELEASE);
  self->registered = 0;
  self->ready = 0;
  __atomic_store_n(&self->used, 0, __ATOMIC_RELEASE);
  sm_self = NULL;
}

int32_t sm_process_forked(void) {
  struct wiped *made = __atomic_load_n(&wiped, __ATOMIC_ACQUIRE);
  return made != NULL && !__atomic_load_n(&made->alive, __ATOMIC_ACQUIRE);
}

uint32_t sm_fork_epoch(void) { return (epoch + (uint32_t)sm_process_forked()) & 63u; }

/* Who makes the tables, as a pid. A fork may come while a thread is in here: the child finds the
 * parent's pid and takes over, for that thread does not exist in it. */
static int32_t maker;

static void lock_maker(void) {
  int32_t me = (int32_t)getpid();
  for (;;) {
    int32_t seen = 0;
    if (__atomic_compare_exchange_n(&maker, &seen, me, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
      return;
    if (seen != me &&
        __atomic_compare_exchange_n(&maker, &seen, me, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
      return;
    sched_yield();
  }
}

int32_t sm_process_start(void) {
  struct wiped *made_before = __atomic_load_n(&wiped, __ATOMIC_ACQUIRE);
  if (made_before != NULL && __atomic_load_n(&made_before->alive, __ATOMIC_ACQUIRE)) return 1;
  lock_maker();
  int32_t made = 1;
  if (wiped == NULL) {
    struct wiped *page = sm_map_wiped(4096);
    if (sm_process.slots == NULL)
      sm_process.slots = sm_map_wiped((uint64_t)SM_SLOTS * sizeof(struct sm_slot));
    if (sm_process.threads == NULL)
      sm_process.threads = sm_map_wiped((uint64_t)THREADS * sizeof(struct sm_thread));
    made = page != NULL && sm_process.slots != NULL && sm_process.threads != NULL;
    if (made && !key_made) made = key_made = pthread_key_create(&thread_key, thread_ended) == 0;
    if (made) {
      /* Alive before anybody sees it: what is there and not alive was a parent's. */
      sm_process.fenced = sm_barrier_register() < 0;
      page->alive = 1u;
      __atomic_store_n(&wiped, page, __ATOMIC_RELEASE);
    }
  } else if (!wiped->alive) {
    epoch = (epoch + 1u) & 63u;
    sm_process.threads_high = 0;
    memset(sm_process.attachments, 0, sizeof sm_process.attachments);
    sm_process.fenced = sm_barrier_register() < 0;
    __atomic_store_n(&wiped->alive, 1u, __ATOMIC_RELEASE);
  }
  __atomic_store_n(&maker, 0, __ATOMIC_RELEASE);
  return made;
}

struct sm_slot *sm_enter_slowly(uint64_t handle, uint32_t type) {
  struct sm_thread *self = sm_thread_self();
  if (self == NULL || sm_process.slots == NULL) return NULL;
  return sm_enter_with(self, handle, type, 1);
}

uint32_t sm_held(void) {
  struct sm_thread *self = sm_thread_self();
  uint64_t inside = self == NULL ? 0 : self->inside;
  return (inside & (SM_SLOTS - 1u)) == 0 ? (uint32_t)(inside >> SM_SLOT_BITS) : 0;
}

struct sm_slot *sm_trade(uint64_t handle, uint32_t type) {
  struct sm_slot *slot = sm_process.slots + sm_handle_index(handle);
  uint64_t held = sm_self->inside;
  uint64_t presence = __atomic_load_n(&slot->presence, __ATOMIC_RELAXED);
  if (presence >> SM_SLOT_BITS != held >> SM_SLOT_BITS) return NULL;
  __atomic_store_n(&sm_self->inside, presence, __ATOMIC_RELEASE);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (__atomic_load_n(&slot->tag, __ATOMIC_ACQUIRE) == handle && sm_handle_type(handle) == type)
    return slot;
  __atomic_store_n(&sm_self->inside, held, __ATOMIC_RELEASE);
  return NULL;
}

/* Only where the Swift runtime is linked in, see SyncMgrDylib. */
extern void sm_runtime_forget_thread(void) __attribute__((weak));

void sm_thread_begin(void) {
  if (sm_thread_self() == NULL && sm_runtime_forget_thread != NULL) sm_runtime_forget_thread();
}

struct sm_thread *sm_thread_register(void) {
  if (sm_thread_self() != NULL) return sm_self;
  if (!sm_process_start()) return NULL;
  pthread_mutex_lock(&wiped->threads_lock);
  struct sm_thread *found = NULL;
  for (uint32_t i = 0; i < THREADS && found == NULL; i++) {
    struct sm_thread *record = sm_process.threads + i;
    if (__atomic_load_n(&record->used, __ATOMIC_ACQUIRE)) continue;
    __atomic_store_n(&record->used, 1, __ATOMIC_RELEASE);
    __atomic_store_n(&record->inside, 0, __ATOMIC_RELEASE);
    if (i >= sm_process.threads_high)
      __atomic_store_n(&sm_process.threads_high, i + 1, __ATOMIC_SEQ_CST);
    found = record;
  }
  pthread_mutex_unlock(&wiped->threads_lock);
  if (found == NULL) return NULL;
  found->registered = 1;
  found->cpu = sm_cpu_word();
  found->ready = !sm_process.fenced;
  sm_self = found;
  pthread_setspecific(thread_key, found);
  return found;
}

void sm_process_lock(void) { pthread_mutex_lock(&wiped->lock); }
void sm_process_unlock(void) { pthread_mutex_unlock(&wiped->lock); }

void sm_attach_lock(void) { pthread_mutex_lock(&wiped->attach_lock); }
void sm_attach_unlock(void) { pthread_mutex_unlock(&wiped->attach_lock); }

char *sm_error_buffer(void) { return error_buffer; }
