/* Every function of the header that takes a handle, as a table to be run over. */
#ifndef CALLS_H
#define CALLS_H

#include "support.h"

typedef enum handle_type {
  MANAGER,
  WORKSTREAM,
  QUEUE,
  TICKET,
  MUTEX,
  SEMAPHORE,
  LATCH,
  BARRIER,
  RWLOCK,
  CONDITION,
  ELECTION,
  SYNC_POINT,
  EVENT,
  RESOURCE,
  CHANNEL,
  STORE,
  TRANSACTION,
  SUBSCRIPTION,
  HANDLE_TYPES
} handle_type_t;

/** Where the calls write, so that a test can see whether a failed call wrote something. */
enum { OUTPUT_SIZE = 4096 };

typedef struct call_context {
  void *queue;        /* for the _start forms */
  void *mutex;        /* for the waits for a condition */
  int64_t timeout_ns; /* for everything that waits */
  _Alignas(16) unsigned char output[OUTPUT_SIZE];
} call_context_t;

typedef struct call {
  const char *name;
  handle_type_t type;
  bool closes;   /* ends the handle that it is given */
  bool accepts_null;
  int32_t (*run)(void *handle, call_context_t *context);
  bool takes_any_lock; /* `type` is one of several */
} call_t;

extern call_t calls[];
extern unsigned call_count;

/* For the files that fill the table. */

#define OUTPUT ((void *)context->output)
#define SECOND_OUTPUT ((void *)(context->output + OUTPUT_SIZE / 2))

#define CALL(function, ...)                                                    \
  static int32_t run_##function(void *handle, call_context_t *context) {       \
    (void)context;                                                             \
    return syncmgr_##function(__VA_ARGS__);                                    \
  }

#define ROW(type, function) {"syncmgr_" #function, type, false, false, run_##function, false}
#define CLOSING(type, function) {"syncmgr_" #function, type, true, true, run_##function, false}
#define OF_ANY_LOCK(function) {"syncmgr_" #function, MUTEX, false, false, run_##function, true}

/** Adds rows to the table, before anything runs. */
void add_calls(const call_t *rows, unsigned count);

/** One open handle of each type, in one space. */
typedef struct handle_set {
  void *of[HANDLE_TYPES];
} handle_set_t;

/** Opens one of each; the ticket is a pending wait for the latch, without a queue. */
handle_set_t open_handle_set(const char *url, uint32_t flags);

/** Opens one of each except the manager, in a space that is open. */
handle_set_t open_handle_set_in(syncmgr_t *space);

/** Closes every handle but the manager, each by its own function. */
void close_handle_set(handle_set_t *set);

/** Runs the call with a marked output and checks that a failure left the output alone. */
int32_t run_call(const call_t *call, void *handle, call_context_t *context);

#endif
