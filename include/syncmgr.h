/* syncmgr: programs in any language meet, exclude and wait for each other.
 *
 * SPDX-License-Identifier: MIT
 *
 * A TOUR
 *
 *   syncmgr_t *space;              syncmgr_open("shm:jobs", NULL, &space);
 *   syncmgr_workstream_t *me;      syncmgr_workstream_open(space, "worker-1", &me);
 *   syncmgr_mutex_t *lock;         syncmgr_mutex_open(me, "db", NULL, &lock);
 *   int32_t status = syncmgr_mutex_lock(lock, SYNCMGR_FOREVER);
 *   if (status == SYNCMGR_OWNER_DIED) repair_the_data();
 *   if (status >= 0) { use_the_data(); syncmgr_mutex_unlock(lock); }
 *   syncmgr_close(space);          // closes everything that was opened through it
 *
 * space       what a URL names. "local:" is private to this process, "shm:NAME" is shared by the
 *             processes of this machine that open it. There is no server.
 * manager     this process's attachment to a space (syncmgr_t).
 * workstream  a session in the space. It owns what is taken through it. When it closes, or its
 *             process dies, all it holds is released and all its waits are withdrawn.
 * object      a named thing in the space: mutex, readers-writer lock, semaphore, condition, latch,
 *             barrier, sync point, event, election.
 * handle      a workstream's reference to an object. The C pointer is opaque and never
 *             dereferenced: it is a checked number below 2^53.
 * ticket      one wait that was started and has not been finished.
 * queue       where finished tickets and notices arrive, with a descriptor to poll.
 *
 * CONVENTIONS
 *
 * Status. Every call that can fail returns int32_t: 0 is success, positive is success with
 * something to know, negative (SYNCMGR_E_...) is an error. After an error syncmgr_last_error()
 * has this thread's sentence about it. Outputs are written on success only, unless said here.
 *
 * Any call with a handle can return E_HANDLE (NULL, never a handle, or of another type),
 * E_CLOSED (closed before or during the call), E_FORKED (opened by the parent of this process)
 * and E_CORRUPT (the shared memory contradicts itself). These four are not repeated below.
 *
 * Threads. Every function may be called from any thread at any time, except where it says so.
 * Closing is safe against calls running in other threads: they end with E_CLOSED.
 * No function may be called from a signal handler.
 *
 * Time. `timeout_ns` is how long to wait, in nanoseconds of the monotonic clock. 0 tries once
 * and does not wait; SYNCMGR_FOREVER (-1) waits without end; below -1 is E_INVALID. A wait whose
 * time passed, and a try that cannot succeed, return E_TIMEOUT.
 *
 * Names are 1 to 255 bytes of UTF-8 without '/' and without control characters, else E_NAME.
 * The NAME of a space has no '?'; that of a shm: space has at most 200 bytes and no dot at first.
 *
 * Options. An options structure begins with its `size`; set it by the INIT macro, which also sets
 * the defaults. NULL means the defaults. 0 in a field means 0. Unknown flags are E_INVALID.
 *
 * Opening an object creates it when it is not there. The same name with another type is E_TYPE,
 * with other parameters E_MISMATCH; the sentence names both values. SYNCMGR_ANY as a count takes
 * what the object has, and creates nothing (E_NOT_FOUND). One workstream opening an object twice
 * gets two handles to one hold. Closing its last handle of an object releases what it holds there.
 *
 * Closing. close(NULL) does nothing and is OK. Closing a manager closes its workstreams and
 * queues, closing a workstream its objects. Closing twice is E_CLOSED.
 *
 * Death. When a process dies, whatever killed it, survivors release what it held: the next owner
 * of its mutex gets OWNER_DIED, permits return, a barrier that it had joined breaks. Nobody waits
 * for the dead. This needs no action of the user, and no process in particular to be alive.
 *
 * Fork. A child cannot use inherited handles (E_FORKED) and opens its own. What the parent holds
 * stays the parent's.
 *
 * CAVEATS
 *
 * - A stopped process (SIGSTOP) is alive: it keeps what it holds. See syncmgr_mutex_force_release.
 *   One that is stopped in the midst of changing an object, for less than a microsecond each time,
 *   holds up others' calls on that object, beyond their timeouts, until it goes on or dies.
 * - Processes sharing a space trust each other's data, not each other's sanity: a peer that
 *   scribbles over the segment can spoil waits and counts, but cannot crash this process.
 * - A space has room for 255 processes, 65,535 workstreams, 16,384 objects, 131,072 open
 *   (object, workstream) pairs and 65,536 waits at once; beyond that calls return E_LIMIT.
 * - One process opening a shm: space has one background thread (none with
 *   SYNCMGR_OPEN_NO_THREADS, see there what it costs). Nothing is started at load.
 * - Linux on x86-64 and AArch64. The users of one segment run the same layout version.
 */
#ifndef SYNCMGR_H
#define SYNCMGR_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SYNCMGR_API __attribute__((visibility("default")))
#else
#define SYNCMGR_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------
 * Version
 */

#define SYNCMGR_VERSION_MAJOR 0
#define SYNCMGR_VERSION_MINOR 1
#define SYNCMGR_VERSION_PATCH 0

/** The number a binding compares before it calls anything else. */
#define SYNCMGR_ABI_VERSION 1u

/** Returns "MAJOR.MINOR.PATCH" of the loaded library. Static storage. */
SYNCMGR_API const char *syncmgr_version(void);

/** Returns SYNCMGR_ABI_VERSION of the loaded library. */
SYNCMGR_API uint32_t syncmgr_abi_version(void);

/* ------------------------------------------------------------------------------------------------
 * Status
 */

#define SYNCMGR_OK ((int32_t)0)
/** Owned, and the owner before died or was forced out: the protected data may be half changed. */
#define SYNCMGR_OWNER_DIED ((int32_t)1)
/** The barrier tripped and this caller was the last to arrive; or it was elected. */
#define SYNCMGR_LEADER ((int32_t)2)
/** The wait was started; its outcome comes through the ticket. */
#define SYNCMGR_PENDING ((int32_t)3)
/** Too late to cancel: the wait had already finished, its outcome stands and is to be collected. */
#define SYNCMGR_FINISHED ((int32_t)4)
/** Nobody holds it. */
#define SYNCMGR_FREE ((int32_t)5)
/** A signal arrived; the wait goes on and the ticket keeps its place in line. */
#define SYNCMGR_INTERRUPTED ((int32_t)6)
/** A part of it succeeded. A sync point: not everybody expected is there. */
#define SYNCMGR_PARTIAL ((int32_t)7)
/** There is nobody to get it. */
#define SYNCMGR_NOBODY ((int32_t)8)

/** An argument is outside what the function allows. */
#define SYNCMGR_E_INVALID ((int32_t)-1)
/** Not an open handle of this type. */
#define SYNCMGR_E_HANDLE ((int32_t)-2)
/** The handle was closed, before the call or while it ran. */
#define SYNCMGR_E_CLOSED ((int32_t)-3)
/** The handle belongs to the process this one was forked from. */
#define SYNCMGR_E_FORKED ((int32_t)-4)
/** The time passed, or a try could not succeed at once. */
#define SYNCMGR_E_TIMEOUT ((int32_t)-5)
/** The wait was cancelled. */
#define SYNCMGR_E_CANCELLED ((int32_t)-6)
/** Waiting would never end: the caller waits for itself, or in a circle with others. */
#define SYNCMGR_E_DEADLOCK ((int32_t)-7)
/** The workstream does not hold what it tries to release. */
#define SYNCMGR_E_NOT_OWNER ((int32_t)-8)
/** The barrier is broken. */
#define SYNCMGR_E_BROKEN ((int32_t)-9)
/** Create-only, and it exists; or the name of a workstream that lives. */
#define SYNCMGR_E_EXISTS ((int32_t)-10)
/** Open-only, and it does not exist. */
#define SYNCMGR_E_NOT_FOUND ((int32_t)-11)
/** The name belongs to an object of another type. */
#define SYNCMGR_E_TYPE ((int32_t)-12)
/** The object exists with other parameters. */
#define SYNCMGR_E_MISMATCH ((int32_t)-13)
/** Not a legal name or URL. */
#define SYNCMGR_E_NAME ((int32_t)-14)
/** A count would leave its range. */
#define SYNCMGR_E_OVERFLOW ((int32_t)-15)
/** The workstream has done this already (a second arrival in one barrier generation). */
#define SYNCMGR_E_ALREADY ((int32_t)-16)
/** The shared-memory file system is full. */
#define SYNCMGR_E_NO_SPACE ((int32_t)-17)
/** The process is out of memory. */
#define SYNCMGR_E_NO_MEMORY ((int32_t)-18)
/** A table of the space or of this process is full. */
#define SYNCMGR_E_LIMIT ((int32_t)-19)
/** The system or the segment's owner does not allow it. */
#define SYNCMGR_E_PERMISSION ((int32_t)-20)
/** The segment was made by another version of the library. */
#define SYNCMGR_E_VERSION ((int32_t)-21)
/** The segment is damaged or is no segment at all. */
#define SYNCMGR_E_CORRUPT ((int32_t)-22)
/** A system call failed; the sentence names it and the error. */
#define SYNCMGR_E_SYSTEM ((int32_t)-23)
/** This build or this system cannot do it. */
#define SYNCMGR_E_UNSUPPORTED ((int32_t)-24)
/** In use. */
#define SYNCMGR_E_BUSY ((int32_t)-25)
/** The hold is gone: it was taken away by force, or its lease ended. */
#define SYNCMGR_E_LOST ((int32_t)-26)
/** The outcome of the call cannot be told. Spaces on several machines only. */
#define SYNCMGR_E_UNKNOWN ((int32_t)-27)
/** The space cannot be reached; or who was asked is gone and will not reply. */
#define SYNCMGR_E_UNAVAILABLE ((int32_t)-28)
/** Events were missed: read the state again. */
#define SYNCMGR_E_GAP ((int32_t)-29)
/** Decided without the caller; the result is attached. */
#define SYNCMGR_E_LATE ((int32_t)-30)
/** The sync point failed or was cancelled. */
#define SYNCMGR_E_FAILED ((int32_t)-31)
/** The lock is not above all those that the workstream holds. */
#define SYNCMGR_E_RANK ((int32_t)-32)
/** An older workstream goes first: release what is held, and begin again. */
#define SYNCMGR_E_PREEMPTED ((int32_t)-33)
/** Not all could end any more if each asked for all that it declared. */
#define SYNCMGR_E_UNSAFE ((int32_t)-34)
/** The sync point does not expect this workstream. */
#define SYNCMGR_E_NOT_EXPECTED ((int32_t)-35)
/** A mailbox has no room for the message. */
#define SYNCMGR_E_FULL ((int32_t)-36)
/** Larger than where it is to go: the segment, or a buffer. */
#define SYNCMGR_E_TOO_LARGE ((int32_t)-37)
/** It has another version than the one expected. */
#define SYNCMGR_E_CHANGED ((int32_t)-38)

/** Returns the name of `status`, such as "E_TIMEOUT", or "E_?" for no status. Static storage. */
SYNCMGR_API const char *syncmgr_status_name(int32_t status);

/** Returns a short text for `status`, such as "the time passed". Static storage. */
SYNCMGR_API const char *syncmgr_status_text(int32_t status);

/** Returns the sentence about the last error of this thread: which object, which value, what was
 *  allowed. Empty when no call of this thread has failed. Never NULL. The thread's next failing
 *  call overwrites it; success leaves it. */
SYNCMGR_API const char *syncmgr_last_error(void);

/* ------------------------------------------------------------------------------------------------
 * Common values
 */

/** A timeout without end. */
#define SYNCMGR_FOREVER ((int64_t)-1)
/** A count that is whatever the existing object has. */
#define SYNCMGR_ANY 0xffffffffu
/** The largest count: permits, parties, latch count. */
#define SYNCMGR_COUNT_MAX 0x3fffffffu
/** The longest name, in bytes without the terminating zero. */
#define SYNCMGR_NAME_MAX 255u

/** Object types, for syncmgr_object_remove. */
#define SYNCMGR_TYPE_MUTEX 1u
#define SYNCMGR_TYPE_SEMAPHORE 2u
#define SYNCMGR_TYPE_LATCH 3u
#define SYNCMGR_TYPE_BARRIER 4u
#define SYNCMGR_TYPE_EVENT 5u
#define SYNCMGR_TYPE_RWLOCK 6u
#define SYNCMGR_TYPE_CONDITION 7u
#define SYNCMGR_TYPE_ELECTION 8u
#define SYNCMGR_TYPE_SYNC_POINT 9u
#define SYNCMGR_TYPE_RESOURCE 10u
#define SYNCMGR_TYPE_CHANNEL 11u
/** The store of the space; its name is "store". */
#define SYNCMGR_TYPE_STORE 13u
/** What a transaction has locked. It is there while somebody uses it. */
#define SYNCMGR_TYPE_TARGET 14u

typedef struct syncmgr syncmgr_t;
typedef struct syncmgr_workstream syncmgr_workstream_t;
typedef struct syncmgr_mutex syncmgr_mutex_t;
typedef struct syncmgr_semaphore syncmgr_semaphore_t;
typedef struct syncmgr_latch syncmgr_latch_t;
typedef struct syncmgr_barrier syncmgr_barrier_t;
typedef struct syncmgr_event syncmgr_event_t;
typedef struct syncmgr_rwlock syncmgr_rwlock_t;
typedef struct syncmgr_condition syncmgr_condition_t;
typedef struct syncmgr_election syncmgr_election_t;
typedef struct syncmgr_sync_point syncmgr_sync_point_t;
typedef struct syncmgr_resource syncmgr_resource_t;
typedef struct syncmgr_channel syncmgr_channel_t;
typedef struct syncmgr_store syncmgr_store_t;
typedef struct syncmgr_transaction syncmgr_transaction_t;
typedef struct syncmgr_ticket syncmgr_ticket_t;
typedef struct syncmgr_queue syncmgr_queue_t;
typedef struct syncmgr_subscription syncmgr_subscription_t;

/** Who holds something. Filled by the library. */
typedef struct syncmgr_holder {
  uint64_t workstream; /**< id of the workstream, see syncmgr_workstream_id */
  uint64_t token;      /**< fencing token of the grant; 0 for a semaphore */
  int32_t pid;         /**< process id, as seen by the process itself */
  uint32_t amount;     /**< permits held; recursion depth of a mutex */
  char name[256];      /**< name of the workstream, terminated */
} syncmgr_holder_t;

/** What came out of a started wait, or a notice. 40 bytes. */
typedef struct syncmgr_record {
  uint64_t ticket;    /**< the ticket's handle as a number; 0 for a notice */
  uint64_t user_data; /**< as given to _start or syncmgr_queue_watch */
  int32_t status;     /**< what the blocking form would have returned */
  uint32_t kind;      /**< SYNCMGR_TYPE_... of the object, or one SYNCMGR_NOTICE_... bit */
  uint64_t value;     /**< mutex: token. barrier: generation. notice: workstream id, or lost.
                           E_DEADLOCK: id of the deadlock */
  uint32_t index;     /**< barrier: arrival index. sync point: its end. notice: pid */
  uint32_t reserved;
} syncmgr_record_t;

/* ------------------------------------------------------------------------------------------------
 * Manager: this process's attachment to a space
 */

/** The space must exist, else E_NOT_FOUND. */
#define SYNCMGR_OPEN_ONLY 1u
/** The space must not exist, else E_EXISTS. */
#define SYNCMGR_CREATE_ONLY 2u
/** The space stays when its last process leaves or dies, until syncmgr_unlink. */
#define SYNCMGR_PERSISTENT 4u
/** Starts no background thread for this process. The death of a process is then noticed when the
 *  kernel drops its file lock (0.1 s per GiB it had resident) by whoever waits for it, within
 *  20 ms of that; deadlines and completions of started waits are served when this process calls
 *  syncmgr_ticket_wait, syncmgr_queue_drain or syncmgr_dispatch, and the queue's descriptor is
 *  not signalled from other processes; callbacks run only in syncmgr_dispatch. */
#define SYNCMGR_OPEN_NO_THREADS 8u
/** A new space counts no waits: the counters of syncmgr_snapshot_json are null there. In a space
 *  that exists its creator has chosen, and this flag does nothing. */
#define SYNCMGR_OPEN_NO_COUNTERS 16u

typedef struct syncmgr_open_options {
  uint32_t size;  /**< sizeof(syncmgr_open_options_t) */
  uint32_t flags; /**< SYNCMGR_OPEN_ONLY, SYNCMGR_CREATE_ONLY, SYNCMGR_PERSISTENT, ... */
  uint32_t mode;  /**< permissions of a new segment: 0600 or, with `group`, 0660 */
  uint32_t group; /**< group id for a new segment; SYNCMGR_ANY leaves the process's own */
  uint32_t owner; /**< user id also allowed to own the segment; SYNCMGR_ANY: only this user */
} syncmgr_open_options_t;

#define SYNCMGR_OPEN_OPTIONS_INIT \
  { sizeof(syncmgr_open_options_t), 0u, 0600u, SYNCMGR_ANY, SYNCMGR_ANY }

/** Attaches this process to the space that `url` names.
 *  "local:" is a new private space at every call; "local:NAME" one per name in this process;
 *  "shm:NAME" a segment shared between processes, the file /dev/shm/syncmgr.NAME.
 *  "?store=FILE" behind any of these names the file that the space's store is kept in, see Store.
 *  FILE is UTF-8 without control characters, "%XX" in it is a byte ("%26" for '&', "%25" for '%'),
 *  and a relative one begins at the working directory. Its directory must be there; its absolute
 *  name, without symbolic links, has at most 1,023 bytes. Whoever creates the space chooses
 *  the file; opening without "?store=" takes what the space has, another file is E_MISMATCH. The
 *  file itself is not touched before the store is opened; but when all processes of a segment died
 *  and left commits in it that are not on disk yet, they are written before it is replaced.
 *  A segment that is not there is created complete: nobody ever sees half of one. One whose
 *  processes are all dead is replaced, or with PERSISTENT recovered. It is refused when its owner
 *  is neither this user nor `owner`.
 *  Blocks for milliseconds at most. The caller owns the manager and closes it.
 *  @return OK; E_NAME (no such kind of URL, an unknown option in it, or a bad NAME or FILE);
 *          E_INVALID (options); E_MISMATCH (another file); E_EXISTS, E_NOT_FOUND (by flags);
 *          E_PERMISSION; E_VERSION (another layout); E_CORRUPT (truncated, empty or damaged);
 *          E_NO_SPACE (shared memory is full); E_LIMIT (255 processes); E_NO_MEMORY; E_SYSTEM; and
 *          what keeps the commits of the dead from being written, as syncmgr_store_commit: nothing
 *          is replaced then. */
SYNCMGR_API int32_t syncmgr_open(const char *url, const syncmgr_open_options_t *options,
                                 syncmgr_t **out_manager);

/** Closes the manager and everything opened through it.
 *  Holds are released, waits end with E_CLOSED, tickets and queues are gone, running callbacks are
 *  waited for (except the one that calls this). The last process to leave a segment removes it,
 *  unless it is PERSISTENT.
 *  Blocks until calls running in other threads have returned.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_close(syncmgr_t *manager);

/** Writes the URL of the space into `buffer`, terminated: with the absolute name of the store's
 *  file when there is one, so that it names the same space from any working directory.
 *  `out_length` gets its length without the terminating zero, also when `capacity` is too small
 *  for it; 4,096 bytes always suffice.
 *  @return OK; E_OVERFLOW (`capacity` is too small; `buffer` is left as it was); E_INVALID
 *          (`buffer` NULL with a capacity). */
SYNCMGR_API int32_t syncmgr_url(syncmgr_t *manager, char *buffer, size_t capacity,
                                size_t *out_length);

/** Removes the name of a shm: space, not the file of its store. Processes that have it open keep
 *  it; the next open creates a new one. Only the segment's owner may.
 *  @return OK; E_NOT_FOUND; E_NAME (not a shm: URL); E_PERMISSION; E_SYSTEM. */
SYNCMGR_API int32_t syncmgr_unlink(const char *url);

/** Releases everything that dead processes left behind, now, without waiting for somebody to need
 *  it. `out_count`, which may be NULL, gets the number of dead processes found.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_cleanup(syncmgr_t *manager, uint32_t *out_count);

/** Checks the whole segment against its invariants: every slot accounted for, nothing held by the
 *  dead, no waiter of a free object, counts that add up. For tests and diagnosis. The space should
 *  be quiet: a call that is under way in another process can look like a fault.
 *  @return OK; E_CORRUPT, with the first fault as the sentence. */
SYNCMGR_API int32_t syncmgr_check(syncmgr_t *manager);

/** Removes an object from the space. Objects otherwise live as long as their space.
 *  `type` is a SYNCMGR_TYPE_... value.
 *  @return OK; E_NOT_FOUND; E_TYPE (the name is of another type); E_BUSY (a workstream has it
 *          open); E_NAME; E_INVALID (no such type). */
SYNCMGR_API int32_t syncmgr_object_remove(syncmgr_t *manager, uint32_t type, const char *name);

/* ------------------------------------------------------------------------------------------------
 * Workstream: who owns and who waits
 *
 * A workstream does one thing at a time: give each thread or task of control its own. Two threads
 * may use one, and are then one owner.
 */

/** Opens a workstream. `name` NULL makes one up ("PID-N").
 *  @return OK; E_EXISTS (a living workstream has the name); E_NAME; E_LIMIT; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_workstream_open(syncmgr_t *manager, const char *name,
                                            syncmgr_workstream_t **out_workstream);

/** Closes the workstream and its handles: holds are released, waits end with E_CLOSED.
 *  A barrier in which it waited breaks; one in which it had only arrived does not.
 *  Blocks until calls on its handles running in other threads have returned.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_workstream_close(syncmgr_workstream_t *workstream);

/** Writes the name, terminated, into `buffer`.
 *  @return OK; E_INVALID (`capacity` is too small; 256 always suffices). */
SYNCMGR_API int32_t syncmgr_workstream_name(syncmgr_workstream_t *workstream, char *buffer,
                                            size_t capacity);

/** Writes the id: unique in the space while the workstream lives, and long after.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_workstream_id(syncmgr_workstream_t *workstream, uint64_t *out_id);

/* ------------------------------------------------------------------------------------------------
 * Queue: finished waits and notices
 */

/** Opens a completion queue for tickets of any workstream of this process in this space.
 *  `flags` is 0. `wake_fd` is -1 for an eventfd of the library's own, or a non-blocking descriptor
 *  of the caller's (a pipe or socket), to which 8 bytes are written for each signal; the caller
 *  keeps it open until after the close, and reads what was written itself.
 *  There is one signal when the queue turns from empty to non-empty.
 *  Starts the background thread, unless refused by SYNCMGR_OPEN_NO_THREADS.
 *  @return OK; E_INVALID (flags, or `wake_fd` is not open); E_LIMIT; E_SYSTEM. */
SYNCMGR_API int32_t syncmgr_queue_open(syncmgr_t *manager, uint32_t flags, int32_t wake_fd,
                                       syncmgr_queue_t **out_queue);

/** Closes the queue. Its unfinished tickets are cancelled; grants that arrived and were not drained
 *  are given back; records are dropped. A queue of the library's own closes its descriptor.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_queue_close(syncmgr_queue_t *queue);

/** Writes the descriptor that is readable while records wait: the eventfd, or `wake_fd`.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_queue_fd(syncmgr_queue_t *queue, int32_t *out_fd);

/** Takes up to `capacity` records, those of tickets first and oldest first, then those of notices;
 *  `out_count` gets how many, 0 when there are none.
 *  Level-triggered: the library's own descriptor stays readable until the queue is empty. A drained
 *  record ends its ticket: the handle is then closed.
 *  Does not block.
 *  @return OK; E_INVALID (`records` NULL, capacity 0). */
SYNCMGR_API int32_t syncmgr_queue_drain(syncmgr_queue_t *queue, syncmgr_record_t *records,
                                        uint32_t capacity, uint32_t *out_count);

/* ------------------------------------------------------------------------------------------------
 * Ticket: a wait that was started
 *
 * The _start forms try first. When that succeeds, or fails, they return the status of the blocking
 * form at once, and there is no ticket and no record. Otherwise they return PENDING and a ticket.
 * The ticket is used up by exactly one of: its record is drained; syncmgr_ticket_wait returns its
 * outcome; syncmgr_ticket_cancel returns OK.
 */

/** Waits for a ticket that was started without a queue. `out_record` may be NULL.
 *  Returns the outcome, which ends the ticket. When `timeout_ns` passes first it returns PENDING,
 *  and when a signal handler runs INTERRUPTED; the wait then goes on and keeps its place in line.
 *  The deadline of the wait itself is the one given to _start.
 *  Blocks.
 *  @return the status of the blocking form; PENDING; INTERRUPTED; E_INVALID (the ticket belongs to
 *          a queue). */
SYNCMGR_API int32_t syncmgr_ticket_wait(syncmgr_ticket_t *ticket, int64_t timeout_ns,
                                        syncmgr_record_t *out_record);

/** Withdraws a wait. There is exactly one outcome: OK means that it is withdrawn, nothing was
 *  granted, there will be no record and the ticket is gone. FINISHED means that the wait had ended:
 *  its record is or will be in the queue, or is to be collected by syncmgr_ticket_wait.
 *  Cancelling a barrier wait breaks the barrier. Does not block.
 *  @return OK; FINISHED. */
SYNCMGR_API int32_t syncmgr_ticket_cancel(syncmgr_ticket_t *ticket);

/* ------------------------------------------------------------------------------------------------
 * Mutex
 *
 * Owned by a workstream. Every grant carries a fencing token that only ever grows, also across
 * deaths. A waiter passed over for longer than a millisecond gets the mutex handed over.
 */

/** The owner may lock again; each lock needs its unlock. Without it that is E_DEADLOCK. */
#define SYNCMGR_MUTEX_RECURSIVE 1u
/** Strictly first come, first served. Costs throughput: each hand-over is a switch. */
#define SYNCMGR_MUTEX_FAIR 2u

typedef struct syncmgr_mutex_options {
  uint32_t size;  /**< sizeof(syncmgr_mutex_options_t) */
  uint32_t flags; /**< SYNCMGR_MUTEX_RECURSIVE, SYNCMGR_MUTEX_FAIR */
} syncmgr_mutex_options_t;

#define SYNCMGR_MUTEX_OPTIONS_INIT \
  { sizeof(syncmgr_mutex_options_t), 0u }

/** Opens or creates a mutex. Its flags are parameters: they must match.
 *  @return OK; E_NAME; E_TYPE; E_MISMATCH; E_INVALID (options); E_LIMIT; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_mutex_open(syncmgr_workstream_t *workstream, const char *name,
                                       const syncmgr_mutex_options_t *options,
                                       syncmgr_mutex_t **out_mutex);

/** Closes the handle. The workstream's last handle of the mutex releases it when held.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_mutex_close(syncmgr_mutex_t *mutex);

/** Locks the mutex.
 *  Blocks up to `timeout_ns`; without contention it makes no system call.
 *  @return OK; OWNER_DIED (locked; the owner before died or was forced out, see
 *          syncmgr_mutex_previous_owner); E_TIMEOUT; E_DEADLOCK (already the owner, and not
 *          recursive); E_OVERFLOW (recursion depth); E_INVALID (timeout); E_LIMIT. */
SYNCMGR_API int32_t syncmgr_mutex_lock(syncmgr_mutex_t *mutex, int64_t timeout_ns);

/** Starts to lock. `queue` may be NULL, see syncmgr_ticket_wait. Does not block.
 *  @return PENDING with a ticket; or at once what syncmgr_mutex_lock returns. */
SYNCMGR_API int32_t syncmgr_mutex_lock_start(syncmgr_mutex_t *mutex, int64_t timeout_ns,
                                             syncmgr_queue_t *queue, uint64_t user_data,
                                             syncmgr_ticket_t **out_ticket);

/** Unlocks the mutex, from any thread of the owning workstream. Does not block.
 *  @return OK; E_NOT_OWNER; E_LOST (it was taken away by syncmgr_mutex_force_release; the hold is
 *          thereby ended). */
SYNCMGR_API int32_t syncmgr_mutex_unlock(syncmgr_mutex_t *mutex);

/** Writes the fencing token of this workstream's grant.
 *  @return OK; E_NOT_OWNER. */
SYNCMGR_API int32_t syncmgr_mutex_token(syncmgr_mutex_t *mutex, uint64_t *out_token);

/** Tells whether this workstream still holds the grant with this token.
 *  @return OK; E_LOST (it does not). */
SYNCMGR_API int32_t syncmgr_mutex_is_valid(syncmgr_mutex_t *mutex, uint64_t token);

/** Writes who holds the mutex. The answer may be old when it arrives.
 *  @return OK; FREE (nobody does; nothing is written). */
SYNCMGR_API int32_t syncmgr_mutex_held_by(syncmgr_mutex_t *mutex, syncmgr_holder_t *out_holder);

/** Writes the last owner that died or was forced out while it held the mutex.
 *  @return OK; FREE (there was none; nothing is written). */
SYNCMGR_API int32_t syncmgr_mutex_previous_owner(syncmgr_mutex_t *mutex,
                                                 syncmgr_holder_t *out_holder);

/** Takes the mutex away from whoever holds it. The next owner gets OWNER_DIED; the old one keeps
 *  running and finds out by E_LOST from unlock and is_valid, or a HOLD_LOST notice: use the
 *  fencing token with whatever the mutex protects.
 *  @return OK; FREE (nobody held it). */
SYNCMGR_API int32_t syncmgr_mutex_force_release(syncmgr_mutex_t *mutex);

/** The published lock word, for a binding that takes a free mutex by its own compare-and-swap.
 *  To lock: swap `free_value` for `my_value` in the 32-bit word at `word` (acquire order), then add
 *  1 to the 64-bit little-endian counter at `grants`, high half first when the low half wraps; no
 *  atomic addition is needed, for only the owner does that.
 *  To unlock: swap `my_value` for `free_value` (release order). When a swap fails, call
 *  syncmgr_mutex_lock or syncmgr_mutex_unlock. The addresses are valid until the handle is closed:
 *  the binding must not touch them after. */
typedef struct syncmgr_fastpath {
  uint64_t word;
  uint64_t grants;
  uint32_t free_value;
  uint32_t my_value;
} syncmgr_fastpath_t;

/** Writes the fast path of this handle.
 *  @return OK; E_UNSUPPORTED (a RECURSIVE mutex has none: its depth is counted in the library). */
SYNCMGR_API int32_t syncmgr_mutex_fastpath(syncmgr_mutex_t *mutex, syncmgr_fastpath_t *out_info);

/* ------------------------------------------------------------------------------------------------
 * Semaphore
 *
 * Holders are known: what a workstream holds returns when it closes or dies. A large request is
 * not overtaken for ever by small ones: what is passed over for longer than a millisecond is served
 * first.
 */

/** Anybody may release, also what it never acquired (a counter of events). Permits that were
 *  acquired are consumed and do not return when a process dies. */
#define SYNCMGR_SEMAPHORE_SIGNALLING 1u
/** Strictly first come, first served. */
#define SYNCMGR_SEMAPHORE_FAIR 2u

typedef struct syncmgr_semaphore_options {
  uint32_t size;  /**< sizeof(syncmgr_semaphore_options_t) */
  uint32_t flags; /**< SYNCMGR_SEMAPHORE_SIGNALLING, SYNCMGR_SEMAPHORE_FAIR */
} syncmgr_semaphore_options_t;

#define SYNCMGR_SEMAPHORE_OPTIONS_INIT \
  { sizeof(syncmgr_semaphore_options_t), 0u }

/** Opens or creates a semaphore of `permits`: 1 to COUNT_MAX, with SIGNALLING also 0.
 *  Permits and flags are parameters: they must match.
 *  @return OK; E_NAME; E_TYPE; E_MISMATCH; E_INVALID (permits, options); E_NOT_FOUND (ANY);
 *          E_LIMIT; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_semaphore_open(syncmgr_workstream_t *workstream, const char *name,
                                           uint32_t permits,
                                           const syncmgr_semaphore_options_t *options,
                                           syncmgr_semaphore_t **out_semaphore);

/** Closes the handle. The workstream's last handle of the semaphore gives back what it holds.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_semaphore_close(syncmgr_semaphore_t *semaphore);

/** Acquires `count` permits together: all or none.
 *  Blocks up to `timeout_ns`.
 *  @return OK; E_TIMEOUT; E_INVALID (count is 0, or, without SIGNALLING, more than the semaphore
 *          has; timeout); E_DEADLOCK (never possible: this workstream itself holds too many, and
 *          the call would wait for ever); E_LIMIT. */
SYNCMGR_API int32_t syncmgr_semaphore_acquire(syncmgr_semaphore_t *semaphore, uint32_t count,
                                              int64_t timeout_ns);

/** Starts to acquire. Does not block.
 *  @return PENDING with a ticket; or at once what syncmgr_semaphore_acquire returns. */
SYNCMGR_API int32_t syncmgr_semaphore_acquire_start(syncmgr_semaphore_t *semaphore, uint32_t count,
                                                    int64_t timeout_ns, syncmgr_queue_t *queue,
                                                    uint64_t user_data,
                                                    syncmgr_ticket_t **out_ticket);

/** Gives `count` permits back. Does not block.
 *  @return OK; E_NOT_OWNER (this workstream holds fewer; nothing is released); E_INVALID (count is
 *          0); E_OVERFLOW (SIGNALLING: more than COUNT_MAX would be available). */
SYNCMGR_API int32_t syncmgr_semaphore_release(syncmgr_semaphore_t *semaphore, uint32_t count);

/** Writes how many permits are free. @return OK. */
SYNCMGR_API int32_t syncmgr_semaphore_available(syncmgr_semaphore_t *semaphore,
                                                uint32_t *out_count);

/** Writes how many permits this workstream holds (0 with SIGNALLING). @return OK. */
SYNCMGR_API int32_t syncmgr_semaphore_held(syncmgr_semaphore_t *semaphore, uint32_t *out_count);

/** Writes up to `capacity` holders; `out_count` gets how many there are in all.
 *  @return OK; E_INVALID (`holders` NULL with a capacity). */
SYNCMGR_API int32_t syncmgr_semaphore_holders(syncmgr_semaphore_t *semaphore,
                                              syncmgr_holder_t *holders, uint32_t capacity,
                                              uint32_t *out_count);

/* ------------------------------------------------------------------------------------------------
 * Latch: counts down to zero once, and stays open
 */

/** Opens or creates a latch of `count`: 0 to COUNT_MAX. The count it began with is a parameter: it
 *  must match, however far the latch has come.
 *  @return OK; E_NAME; E_TYPE; E_MISMATCH; E_INVALID (count); E_NOT_FOUND (ANY); E_LIMIT;
 *          E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_latch_open(syncmgr_workstream_t *workstream, const char *name,
                                       uint32_t count, syncmgr_latch_t **out_latch);

/** Closes the handle. @return OK. */
SYNCMGR_API int32_t syncmgr_latch_close(syncmgr_latch_t *latch);

/** Counts down by `count`; at zero everybody who waits goes on. What was counted stays counted when
 *  the process dies. `out_remaining` may be NULL. Does not block.
 *  @return OK; E_INVALID (count is 0); E_OVERFLOW (fewer remain; nothing is counted). */
SYNCMGR_API int32_t syncmgr_latch_count_down(syncmgr_latch_t *latch, uint32_t count,
                                             uint32_t *out_remaining);

/** Waits until the latch is at zero. Blocks up to `timeout_ns`.
 *  @return OK; E_TIMEOUT; E_INVALID (timeout); E_LIMIT. */
SYNCMGR_API int32_t syncmgr_latch_wait(syncmgr_latch_t *latch, int64_t timeout_ns);

/** Starts to wait. Does not block.
 *  @return PENDING with a ticket; or at once what syncmgr_latch_wait returns. */
SYNCMGR_API int32_t syncmgr_latch_wait_start(syncmgr_latch_t *latch, int64_t timeout_ns,
                                             syncmgr_queue_t *queue, uint64_t user_data,
                                             syncmgr_ticket_t **out_ticket);

/** Writes the remaining count. @return OK. */
SYNCMGR_API int32_t syncmgr_latch_count(syncmgr_latch_t *latch, uint32_t *out_count);

/* ------------------------------------------------------------------------------------------------
 * Barrier: cyclic; all parties meet, then all go on
 *
 * A barrier breaks when a waiter times out, is cancelled, closes or dies, when a process dies that
 * has arrived without waiting, when the leader dies or gives up before the release, and by
 * syncmgr_barrier_abort. Also when a process dies that has the barrier open and has not arrived
 * yet while others wait in it: they might wait for it for ever. All who wait then, and all who
 * arrive later, get E_BROKEN until syncmgr_barrier_reset.
 */

/** The last to arrive does not release the others: its wait returns LEADER at once, and they go on
 *  when it calls syncmgr_barrier_release. For bindings that run an action of their own. */
#define SYNCMGR_BARRIER_LEADER_RELEASES 1u
/** Parties join and leave between phases: syncmgr_barrier_join, syncmgr_barrier_leave. The parties
 *  it is opened with, which may be 0 then, are there besides: as many may arrive without joining,
 *  more are E_NOT_OWNER. A parameter: it must match. */
#define SYNCMGR_BARRIER_PHASER 2u

typedef struct syncmgr_barrier_options {
  uint32_t size;               /**< sizeof(syncmgr_barrier_options_t) */
  uint32_t flags;              /**< SYNCMGR_BARRIER_LEADER_RELEASES, SYNCMGR_BARRIER_PHASER */
  void (*action)(void *user);  /**< run once by the last to arrive through this handle, before the
                                    others go on; NULL for none. It runs on the thread that calls
                                    syncmgr_barrier_wait, _wait_start or _arrive, with no lock held,
                                    and may call anything but this barrier's wait. */
  void *user;                  /**< passed to `action` */
} syncmgr_barrier_options_t;

#define SYNCMGR_BARRIER_OPTIONS_INIT \
  { sizeof(syncmgr_barrier_options_t), 0u, NULL, NULL }

/** Opens or creates a barrier of `parties`: 1 to 65,535, with PHASER also 0. The parties, and
 *  PHASER, are parameters and must match; the other options belong to this handle.
 *  @return OK; E_NAME; E_TYPE; E_MISMATCH; E_INVALID (parties, options); E_NOT_FOUND (ANY);
 *          E_LIMIT; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_barrier_open(syncmgr_workstream_t *workstream, const char *name,
                                         uint32_t parties,
                                         const syncmgr_barrier_options_t *options,
                                         syncmgr_barrier_t **out_barrier);

/** Closes the handle. The workstream's last handle breaks the barrier when it waits in it.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_barrier_close(syncmgr_barrier_t *barrier);

/** Arrives and waits for the others. `out_generation` and `out_index` may be NULL; the index is the
 *  order of arrival, 0 for the first, parties - 1 for the last; that of a party which arrived at
 *  a PHASER and left is not given again in its phase. The generation counts the times the barrier
 *  tripped before.
 *  Blocks up to `timeout_ns`; when that passes the barrier breaks. With 0 it only tries: it arrives
 *  if it is the last, and otherwise nothing changes.
 *  @return OK; LEADER (was the last); E_BROKEN; E_TIMEOUT; E_ALREADY (this workstream has arrived
 *          in this generation); E_INVALID (timeout); E_LIMIT. */
SYNCMGR_API int32_t syncmgr_barrier_wait(syncmgr_barrier_t *barrier, int64_t timeout_ns,
                                         uint64_t *out_generation, uint32_t *out_index);

/** Starts to wait: has arrived when it returns PENDING. Does not block, but for the action.
 *  `out_record` may be NULL; when the wait is over at once it gets generation and index.
 *  @return PENDING with a ticket; or at once what syncmgr_barrier_wait returns; E_BUSY (all have
 *          arrived, and their leader has yet to release them: try again). */
SYNCMGR_API int32_t syncmgr_barrier_wait_start(syncmgr_barrier_t *barrier, int64_t timeout_ns,
                                               syncmgr_queue_t *queue, uint64_t user_data,
                                               syncmgr_ticket_t **out_ticket,
                                               syncmgr_record_t *out_record);

/** Arrives without waiting. `out_generation` may be NULL. Does not block, but for the action.
 *  @return OK; LEADER (was the last); E_BROKEN; E_ALREADY; E_BUSY (as in _wait_start). */
SYNCMGR_API int32_t syncmgr_barrier_arrive(syncmgr_barrier_t *barrier, uint64_t *out_generation);

/** Lets the others go on, after a LEADER through a handle with LEADER_RELEASES.
 *  @return OK; E_NOT_OWNER (this workstream is not the leader of an unreleased barrier); E_BROKEN
 *          (it broke meanwhile). */
SYNCMGR_API int32_t syncmgr_barrier_release(syncmgr_barrier_t *barrier);

/** Breaks the barrier. @return OK. */
SYNCMGR_API int32_t syncmgr_barrier_abort(syncmgr_barrier_t *barrier);

/** Makes the barrier whole and empty again. Who waits in it gets E_BROKEN. The generation, which
 *  counts trips only, stays. @return OK. */
SYNCMGR_API int32_t syncmgr_barrier_reset(syncmgr_barrier_t *barrier);

/** Makes this workstream a party of a PHASER, from the phase under way on. One whose process dies,
 *  or that closes, is a party no more. Does not block.
 *  @return OK; E_ALREADY (it is one); E_BUSY (all have arrived, and their leader has yet to release
 *          them: try again); E_BROKEN; E_UNSUPPORTED (not a PHASER); E_OVERFLOW (65,535 parties).
 */
SYNCMGR_API int32_t syncmgr_barrier_join(syncmgr_barrier_t *barrier);

/** Takes this workstream out of the parties of a PHASER. When all others have arrived the barrier
 *  trips; no action runs then. Does not block.
 *  @return OK; E_NOT_OWNER (it is no party); E_BUSY (it waits in the barrier; or as in
 *          syncmgr_barrier_join); E_UNSUPPORTED (not a PHASER). */
SYNCMGR_API int32_t syncmgr_barrier_leave(syncmgr_barrier_t *barrier);

typedef struct syncmgr_barrier_info {
  uint64_t generation; /**< how often the barrier has tripped */
  uint32_t parties;    /**< now; those of a PHASER change */
  uint32_t arrived;    /**< in this generation, with or without waiting */
  uint32_t waiting;    /**< of those, how many wait */
  uint32_t broken;     /**< 0 or 1 */
} syncmgr_barrier_info_t;

/** Writes the state. @return OK. */
SYNCMGR_API int32_t syncmgr_barrier_state(syncmgr_barrier_t *barrier,
                                          syncmgr_barrier_info_t *out_state);

/* ------------------------------------------------------------------------------------------------
 * Event
 *
 * An auto-reset event lets one waiter go on for each set, and is then reset. A manual-reset one
 * lets everybody go on until it is reset.
 */

#define SYNCMGR_EVENT_MANUAL_RESET 1u
/** A new event is set from the start. Not a parameter: ignored when the event exists. */
#define SYNCMGR_EVENT_INITIALLY_SET 2u

typedef struct syncmgr_event_options {
  uint32_t size;  /**< sizeof(syncmgr_event_options_t) */
  uint32_t flags; /**< SYNCMGR_EVENT_MANUAL_RESET, SYNCMGR_EVENT_INITIALLY_SET */
} syncmgr_event_options_t;

#define SYNCMGR_EVENT_OPTIONS_INIT \
  { sizeof(syncmgr_event_options_t), 0u }

/** Opens or creates an event. Manual or auto reset is a parameter: it must match.
 *  @return OK; E_NAME; E_TYPE; E_MISMATCH; E_INVALID (options); E_LIMIT; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_event_open(syncmgr_workstream_t *workstream, const char *name,
                                       const syncmgr_event_options_t *options,
                                       syncmgr_event_t **out_event);

/** Closes the handle. @return OK. */
SYNCMGR_API int32_t syncmgr_event_close(syncmgr_event_t *event);

/** Sets the event. Setting a set event changes nothing. Does not block. @return OK. */
SYNCMGR_API int32_t syncmgr_event_set(syncmgr_event_t *event);

/** Resets the event. Does not block. @return OK. */
SYNCMGR_API int32_t syncmgr_event_reset(syncmgr_event_t *event);

/** Waits until the event is set; an auto-reset event is then reset. Blocks up to `timeout_ns`.
 *  A set that was granted to a waiter that died before it returned goes to the next.
 *  @return OK; E_TIMEOUT; E_INVALID (timeout); E_LIMIT. */
SYNCMGR_API int32_t syncmgr_event_wait(syncmgr_event_t *event, int64_t timeout_ns);

/** Starts to wait. Does not block.
 *  @return PENDING with a ticket; or at once what syncmgr_event_wait returns. */
SYNCMGR_API int32_t syncmgr_event_wait_start(syncmgr_event_t *event, int64_t timeout_ns,
                                             syncmgr_queue_t *queue, uint64_t user_data,
                                             syncmgr_ticket_t **out_ticket);

/** Writes 1 when the event is set, 0 when not. @return OK. */
SYNCMGR_API int32_t syncmgr_event_is_set(syncmgr_event_t *event, uint32_t *out_set);

/* ------------------------------------------------------------------------------------------------
 * Readers-writer lock
 *
 * Held by one workstream EXCLUSIVE, or by any number SHARED. Neither side starves: who is passed
 * over for longer than a millisecond goes first, and newcomers wait behind it; a workstream that
 * holds the lock SHARED already is always let in again. When a process dies holding it EXCLUSIVE,
 * everybody gets OWNER_DIED until somebody has had it EXCLUSIVE. Shared holds of the dead return.
 */

#define SYNCMGR_SHARED 0u
#define SYNCMGR_EXCLUSIVE 1u

/** Strictly first come, first served. */
#define SYNCMGR_RWLOCK_FAIR 1u

typedef struct syncmgr_rwlock_options {
  uint32_t size;  /**< sizeof(syncmgr_rwlock_options_t) */
  uint32_t flags; /**< SYNCMGR_RWLOCK_FAIR */
} syncmgr_rwlock_options_t;

#define SYNCMGR_RWLOCK_OPTIONS_INIT \
  { sizeof(syncmgr_rwlock_options_t), 0u }

/** Opens or creates a readers-writer lock. Its flags are parameters: they must match.
 *  @return OK; E_NAME; E_TYPE; E_MISMATCH; E_INVALID (options); E_LIMIT; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_rwlock_open(syncmgr_workstream_t *workstream, const char *name,
                                        const syncmgr_rwlock_options_t *options,
                                        syncmgr_rwlock_t **out_rwlock);

/** Closes the handle. The workstream's last handle of the lock releases what it holds.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_rwlock_close(syncmgr_rwlock_t *rwlock);

/** Locks, `mode` SHARED or EXCLUSIVE. Shared holds of one workstream are counted.
 *  Blocks up to `timeout_ns`; without contention it makes no system call.
 *  @return OK; OWNER_DIED (locked; a process died, or was forced out, as the exclusive owner);
 *          E_TIMEOUT; E_DEADLOCK (this workstream holds it and would wait for itself: exclusive
 *          already, or shared and asks for exclusive, see syncmgr_rwlock_upgrade); E_INVALID (mode,
 *          timeout); E_LIMIT. */
SYNCMGR_API int32_t syncmgr_rwlock_lock(syncmgr_rwlock_t *rwlock, uint32_t mode,
                                        int64_t timeout_ns);

/** Starts to lock. Does not block.
 *  @return PENDING with a ticket; or at once what syncmgr_rwlock_lock returns. */
SYNCMGR_API int32_t syncmgr_rwlock_lock_start(syncmgr_rwlock_t *rwlock, uint32_t mode,
                                              int64_t timeout_ns, syncmgr_queue_t *queue,
                                              uint64_t user_data, syncmgr_ticket_t **out_ticket);

/** Ends the exclusive hold, or one shared hold. Does not block.
 *  @return OK; E_NOT_OWNER; E_LOST (it was taken away; the hold is thereby ended). */
SYNCMGR_API int32_t syncmgr_rwlock_unlock(syncmgr_rwlock_t *rwlock);

/** Turns this workstream's shared holds into the exclusive one, with nobody in between. It waits
 *  until the other readers have left, and no new ones come in meanwhile. When that does not succeed
 *  the shared holds stay.
 *  Blocks up to `timeout_ns`.
 *  @return OK; OWNER_DIED; E_TIMEOUT; E_NOT_OWNER (no shared hold); E_DEADLOCK (another workstream
 *          is upgrading already: each would wait for the other); E_LOST; E_INVALID; E_LIMIT. */
SYNCMGR_API int32_t syncmgr_rwlock_upgrade(syncmgr_rwlock_t *rwlock, int64_t timeout_ns);

/** Starts to upgrade. Does not block.
 *  @return PENDING with a ticket; or at once what syncmgr_rwlock_upgrade returns. */
SYNCMGR_API int32_t syncmgr_rwlock_upgrade_start(syncmgr_rwlock_t *rwlock, int64_t timeout_ns,
                                                 syncmgr_queue_t *queue, uint64_t user_data,
                                                 syncmgr_ticket_t **out_ticket);

/** Turns the exclusive hold into one shared hold, with nobody in between. Does not block.
 *  @return OK; E_NOT_OWNER (no exclusive hold); E_LOST. */
SYNCMGR_API int32_t syncmgr_rwlock_downgrade(syncmgr_rwlock_t *rwlock);

/** Writes the fencing token of this workstream's latest grant. Tokens only ever grow.
 *  @return OK; E_NOT_OWNER. */
SYNCMGR_API int32_t syncmgr_rwlock_token(syncmgr_rwlock_t *rwlock, uint64_t *out_token);

/** Tells whether this workstream has held the lock ever since its grant with this token: of several
 *  shared holds each token counts until the last of them ends, also over upgrade and downgrade.
 *  @return OK; E_LOST. */
SYNCMGR_API int32_t syncmgr_rwlock_is_valid(syncmgr_rwlock_t *rwlock, uint64_t token);

/** Writes up to `capacity` holders; `out_count` gets how many there are. `amount` is the number of
 *  shared holds, or SYNCMGR_COUNT_MAX for the exclusive one.
 *  @return OK; E_INVALID (`holders` NULL with a capacity). */
SYNCMGR_API int32_t syncmgr_rwlock_holders(syncmgr_rwlock_t *rwlock, syncmgr_holder_t *holders,
                                           uint32_t capacity, uint32_t *out_count);

/** Writes the last exclusive owner that died or was forced out.
 *  @return OK; FREE (there was none; nothing is written). */
SYNCMGR_API int32_t syncmgr_rwlock_previous_owner(syncmgr_rwlock_t *rwlock,
                                                  syncmgr_holder_t *out_holder);

/** Takes the lock away from all who hold it, as syncmgr_mutex_force_release does.
 *  @return OK; FREE (nobody held it). */
SYNCMGR_API int32_t syncmgr_rwlock_force_release(syncmgr_rwlock_t *rwlock);

/* ------------------------------------------------------------------------------------------------
 * Condition: waiting for something that a mutex protects
 *
 * A signal goes to the longest waiter that lives, and moves it into the line of its mutex: nobody
 * is woken only to wait again. A signal is never lost to a waiter that leaves: when one that was
 * signalled dies, is cancelled or closes before it has its mutex back, the next waiter is signalled
 * in its place. There are no spurious wake-ups, but others may come first: look at what you wait
 * for in a loop.
 */

/** Opens or creates a condition.
 *  @return OK; E_NAME; E_TYPE; E_LIMIT; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_condition_open(syncmgr_workstream_t *workstream, const char *name,
                                           syncmgr_condition_t **out_condition);

/** Closes the handle. @return OK. */
SYNCMGR_API int32_t syncmgr_condition_close(syncmgr_condition_t *condition);

/** Unlocks `mutex` and waits for a signal, as one step, and locks the mutex again before it
 *  returns, also after a timeout; a recursive mutex is unlocked wholly and gets its depth back.
 *  Both handles are of one workstream. Different waiters may use different mutexes.
 *  Blocks up to `timeout_ns` for the signal, and then for the mutex without limit.
 *  @return OK (signalled); OWNER_DIED (the mutex is locked, its owner before died; signalled or
 *          late, look); E_TIMEOUT (no signal came; the mutex is locked); E_NOT_OWNER (the mutex is
 *          not this workstream's; nothing was done); E_LOST (it was, and was taken away, or its
 *          lease ended, before the wait; nothing was done); E_INVALID (handles of two workstreams,
 *          timeout 0 or below -1); E_LIMIT (nothing was done). After E_CLOSED and E_DEADLOCK the
 *          mutex is not locked. */
SYNCMGR_API int32_t syncmgr_condition_wait(syncmgr_condition_t *condition, syncmgr_mutex_t *mutex,
                                           int64_t timeout_ns);

/** Starts to wait: the mutex is unlocked when this returns PENDING, and locked again, as by
 *  syncmgr_mutex_lock, when the ticket ends with OK, OWNER_DIED or E_TIMEOUT. Cancelling the ticket
 *  leaves the mutex unlocked. Does not block.
 *  @return PENDING with a ticket; or an error of syncmgr_condition_wait. */
SYNCMGR_API int32_t syncmgr_condition_wait_start(syncmgr_condition_t *condition,
                                                 syncmgr_mutex_t *mutex, int64_t timeout_ns,
                                                 syncmgr_queue_t *queue, uint64_t user_data,
                                                 syncmgr_ticket_t **out_ticket);

/** Signals up to `count` waiters, the longest first. Signals that nobody waits for are not kept.
 *  The mutex need not be held. `out_signalled`, which may be NULL, gets how many there were.
 *  Does not block.
 *  @return OK; E_INVALID (count is 0). */
SYNCMGR_API int32_t syncmgr_condition_signal(syncmgr_condition_t *condition, uint32_t count,
                                             uint32_t *out_signalled);

/** Signals everybody who waits. Does not block. @return OK. */
SYNCMGR_API int32_t syncmgr_condition_broadcast(syncmgr_condition_t *condition,
                                                uint32_t *out_signalled);

/** Writes how many wait for a signal. @return OK. */
SYNCMGR_API int32_t syncmgr_condition_waiting(syncmgr_condition_t *condition, uint32_t *out_count);

/* ------------------------------------------------------------------------------------------------
 * Election: one leads, the others wait; once: one does it, the others get the result
 *
 * A leader leads until it resigns, closes, dies, or publishes a result. After the first three the
 * longest candidate is elected. Each term has a fencing token. Once there is a result there are no
 * more leaders: every candidate, waiting or new, gets OK and the result.
 */

/** The largest result, in bytes. */
#define SYNCMGR_RESULT_MAX 256u

/** Opens or creates an election.
 *  @return OK; E_NAME; E_TYPE; E_LIMIT; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_election_open(syncmgr_workstream_t *workstream, const char *name,
                                          syncmgr_election_t **out_election);

/** Closes the handle. The workstream's last handle resigns. @return OK. */
SYNCMGR_API int32_t syncmgr_election_close(syncmgr_election_t *election);

/** Stands for election. `out_term`, which may be NULL, gets the token of the term when elected.
 *  Blocks up to `timeout_ns`.
 *  @return LEADER (elected; also when it leads already); OK (there is a result, see
 *          syncmgr_election_result); E_TIMEOUT; E_INVALID (timeout); E_LIMIT. */
SYNCMGR_API int32_t syncmgr_election_campaign(syncmgr_election_t *election, int64_t timeout_ns,
                                              uint64_t *out_term);

/** Starts to stand. The record's value is the term. Does not block.
 *  @return PENDING with a ticket; or at once what syncmgr_election_campaign returns. */
SYNCMGR_API int32_t syncmgr_election_campaign_start(syncmgr_election_t *election,
                                                    int64_t timeout_ns, syncmgr_queue_t *queue,
                                                    uint64_t user_data,
                                                    syncmgr_ticket_t **out_ticket,
                                                    syncmgr_record_t *out_record);

/** Steps down: the next candidate is elected. Does not block.
 *  @return OK; E_NOT_OWNER; E_LOST. */
SYNCMGR_API int32_t syncmgr_election_resign(syncmgr_election_t *election);

/** Publishes the result, `length` bytes at `result`, and ends the term and the election.
 *  Does not block.
 *  @return OK; E_NOT_OWNER (this workstream does not lead); E_LOST; E_INVALID (more than
 *          SYNCMGR_RESULT_MAX bytes, or NULL with a length). */
SYNCMGR_API int32_t syncmgr_election_finish(syncmgr_election_t *election, const void *result,
                                            size_t length);

/** Writes the result into `buffer` and its length into `out_length`.
 *  @return OK; PENDING (there is none yet; nothing is written); E_INVALID (`capacity` is too
 *          small; SYNCMGR_RESULT_MAX always suffices). */
SYNCMGR_API int32_t syncmgr_election_result(syncmgr_election_t *election, void *buffer,
                                            size_t capacity, size_t *out_length);

/** Forgets the result: the election begins anew. @return OK. */
SYNCMGR_API int32_t syncmgr_election_reset(syncmgr_election_t *election);

/** Writes who leads; `token` is the term. @return OK; FREE (nobody does; nothing is written). */
SYNCMGR_API int32_t syncmgr_election_leader(syncmgr_election_t *election,
                                            syncmgr_holder_t *out_leader);

/** Tells whether this workstream still leads in this term. @return OK; E_LOST. */
SYNCMGR_API int32_t syncmgr_election_is_valid(syncmgr_election_t *election, uint64_t term);

/** Takes the leadership away, as syncmgr_mutex_force_release does.
 *  @return OK; FREE (nobody led). */
SYNCMGR_API int32_t syncmgr_election_force_release(syncmgr_election_t *election);

/* ------------------------------------------------------------------------------------------------
 * Lease: a hold that ends by itself
 *
 * For mutexes, readers-writer locks, semaphores and elections: `lock` is the handle of any of
 * these. When a lease ends before it was renewed, the hold is taken away as by force: the next
 * owner of a mutex gets OWNER_DIED, the old one E_LOST and a HOLD_LOST notice. A lease belongs to
 * one grant and is gone with it.
 */

/** The background thread renews the lease three times in its length, as long as this process runs:
 *  a stopped process loses its holds, one that works does not. */
#define SYNCMGR_LEASE_RENEW 1u

/** Gives this workstream's hold a lease of `lease_ns` from now; FOREVER takes the lease off.
 *  Starts the background thread. Does not block.
 *  @return OK; E_NOT_OWNER; E_LOST; E_INVALID (flags; lease_ns below 1 ms and not FOREVER);
 *          E_HANDLE (not a handle of a lock); E_UNSUPPORTED (RENEW, or a local: space, with
 *          SYNCMGR_OPEN_NO_THREADS). */
SYNCMGR_API int32_t syncmgr_lease_set(void *lock, int64_t lease_ns, uint32_t flags);

/** Begins the lease anew with its length.
 *  @return OK; E_NOT_OWNER (no hold, or it has no lease); E_LOST (it ended). */
SYNCMGR_API int32_t syncmgr_lease_renew(void *lock);

/** Writes how long the lease still runs. @return OK; E_NOT_OWNER (no hold, or no lease); E_LOST. */
SYNCMGR_API int32_t syncmgr_lease_remaining(void *lock, int64_t *out_ns);

/* ------------------------------------------------------------------------------------------------
 * Deadlock: found, shown and ended
 *
 * Who holds and who waits is known without any registration, for locks of all types together and
 * across processes. A wait that lasts longer than the detection delay is looked into. A deadlock is
 * a set of workstreams of which none can go on before another of them does, whatever all others
 * give back; so a pool of several permits counts as what it is. One of the set, the victim, has its
 * wait ended with E_DEADLOCK, and syncmgr_last_error() says the cycle in words; it is to release
 * what it holds and begin again. A record of it is kept, one for each deadlock however often it is
 * looked for; of more than 64 the oldest go.
 *
 * A started wait counts as one that its workstream cannot go on without; one with several waits can
 * go on with any of them. Who waits for a stopped process is in no deadlock for that. Who waits at
 * a sync point waits for those that have yet to come. Waits for latches, events, conditions,
 * barriers and SIGNALLING semaphores can be ended by anybody: they are part of none. When
 * the wait of a condition for its mutex is ended so, the mutex is not locked.
 */

/** The victim's wait is ended without being asked for. Without it deadlocks are only recorded. */
#define SYNCMGR_DEADLOCK_AUTO_RESOLVE 1u

/** Whose wait is ended: that of the workstream that was opened last. */
#define SYNCMGR_VICTIM_YOUNGEST 0u
/** Of the workstream that was opened first. */
#define SYNCMGR_VICTIM_OLDEST 1u
/** Of the lowest priority, see syncmgr_workstream_set_priority; of several the youngest. */
#define SYNCMGR_VICTIM_LOWEST_PRIORITY 2u
/** Of the one that holds the fewest objects; of several the youngest. */
#define SYNCMGR_VICTIM_FEWEST_LOCKS 3u
/** Of the one whose wait began last, and closed the circle. */
#define SYNCMGR_VICTIM_REQUESTER 4u

typedef struct syncmgr_deadlock_options {
  uint32_t size;       /**< sizeof(syncmgr_deadlock_options_t) */
  uint32_t flags;      /**< SYNCMGR_DEADLOCK_AUTO_RESOLVE */
  uint32_t victim;     /**< SYNCMGR_VICTIM_... */
  uint32_t reserved;   /**< 0 */
  int64_t delay_ns;    /**< how long a wait lasts before it is looked into; FOREVER: it is not */
  int64_t interval_ns; /**< how often somebody looks besides, while any wait; FOREVER: never */
  int64_t limit_ns;    /**< the age of a wait that SYNCMGR_DETECT_TIMEOUT takes for a deadlock */
} syncmgr_deadlock_options_t;

#define SYNCMGR_DEADLOCK_OPTIONS_INIT                                                          \
  { sizeof(syncmgr_deadlock_options_t), SYNCMGR_DEADLOCK_AUTO_RESOLVE, SYNCMGR_VICTIM_YOUNGEST, \
    0u, 20000000, 5000000000, 30000000000 }

/** Sets how deadlocks are looked for in the space, for all its processes. NULL sets the defaults.
 *  Looking from time to time is done by background threads. Does not block.
 *  @return OK; E_INVALID (flags, victim, reserved; delay below 0 or interval and limit below 1 ms,
 *          and not FOREVER). */
SYNCMGR_API int32_t syncmgr_deadlock_configure(syncmgr_t *manager,
                                               const syncmgr_deadlock_options_t *options);

/** Waits and holds of all objects and resources: who cannot go on. */
#define SYNCMGR_DETECT_WAIT_FOR_GRAPH 0u
/** The same for what was opened by syncmgr_resource_open alone. */
#define SYNCMGR_DETECT_RESOURCE_ALLOCATION 1u
/** The banker's check of resources: whether all could still end if each asked for its declared
 *  maximum. What it finds is a record of kind UNSAFE, and nobody is ended for it. */
#define SYNCMGR_DETECT_BANKER 2u
/** Every wait for a lock or resource that is older than `limit_ns`. */
#define SYNCMGR_DETECT_TIMEOUT 3u

/** Looks for deadlocks now, by `algorithm` (SYNCMGR_DETECT_...), and ends those it finds when
 *  AUTO_RESOLVE is set. `out_count`, which may be NULL, gets how many it found: standing ones are
 *  counted each time, and have one record.
 *  @return OK; E_INVALID (algorithm); E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_deadlock_detect(syncmgr_t *manager, uint32_t algorithm,
                                            uint32_t *out_count);

/** Kinds of records: a deadlock. */
#define SYNCMGR_DEADLOCK_ACTUAL 1u
/** Locks were taken in both orders, see SYNCMGR_PREVENTION_WATCH_ORDER: it might happen. */
#define SYNCMGR_DEADLOCK_POSSIBLE 2u
/** Not all could end if each asked for its declared maximum. */
#define SYNCMGR_DEADLOCK_UNSAFE 3u

/** How a record ended: it stands; there is nothing to end about POSSIBLE and UNSAFE. */
#define SYNCMGR_RESOLUTION_NONE 0u
/** The victim's wait was ended without being asked for. */
#define SYNCMGR_RESOLUTION_VICTIM 1u
/** The victim's wait was ended by syncmgr_deadlock_resolve. */
#define SYNCMGR_RESOLUTION_BY_HAND 2u
/** A wait in it ended otherwise: by its timeout, a cancel, a close, a death. */
#define SYNCMGR_RESOLUTION_ENDED 3u

typedef struct syncmgr_deadlock {
  uint64_t id;
  int64_t found_ns;    /**< when it was found, since 1970 */
  int64_t resolved_ns; /**< when it ended, since 1970; 0 while it stands */
  uint64_t victim;     /**< id of the workstream whose wait was ended; 0 for none */
  uint32_t kind;       /**< SYNCMGR_DEADLOCK_ACTUAL, ... */
  uint32_t algorithm;  /**< SYNCMGR_DETECT_... */
  uint32_t policy;     /**< SYNCMGR_VICTIM_... */
  uint32_t resolution; /**< SYNCMGR_RESOLUTION_... */
  uint32_t members;    /**< how many syncmgr_deadlock_members has: one cycle, of 64 at most */
  uint32_t workstreams; /**< how many are in it, on that cycle or beside it */
} syncmgr_deadlock_t;

/** Writes up to `capacity` records, oldest first; `out_count` gets how many there are in all.
 *  @return OK; E_INVALID (`records` NULL with a capacity). */
SYNCMGR_API int32_t syncmgr_deadlock_list(syncmgr_t *manager, syncmgr_deadlock_t *records,
                                          uint32_t capacity, uint32_t *out_count);

/** `workstream` waits for `object`, which `holder` holds. */
#define SYNCMGR_RELATION_HELD 1u
/** `workstream` waits for `object` behind `holder` in the line. */
#define SYNCMGR_RELATION_BEHIND 2u
/** `workstream` took `object` while it held the one that `other` names. */
#define SYNCMGR_RELATION_TOOK 3u
/** `workstream` may still ask for more of `object` than can be given. */
#define SYNCMGR_RELATION_MAY_ASK 4u
/** It waits at a sync point for the other, who has yet to come. */
#define SYNCMGR_RELATION_ABSENT 5u

typedef struct syncmgr_deadlock_member {
  uint64_t workstream; /**< id */
  uint64_t holder;     /**< id; 0 for TOOK and MAY_ASK */
  int32_t pid;
  int32_t holder_pid;
  uint32_t type;       /**< SYNCMGR_TYPE_... of the object */
  uint32_t relation;   /**< SYNCMGR_RELATION_... */
  char name[256];      /**< of the workstream, terminated */
  char object[256];    /**< name of the object, terminated */
  char other[256];     /**< name of the holder; for TOOK of the object that was held */
} syncmgr_deadlock_member_t;

/** Writes up to `capacity` members of the record `id`, in the order of the cycle, beginning with
 *  the victim when there is one; `out_count` gets how many there are in all.
 *  @return OK; E_NOT_FOUND; E_INVALID (`members` NULL with a capacity). */
SYNCMGR_API int32_t syncmgr_deadlock_members(syncmgr_t *manager, uint64_t id,
                                             syncmgr_deadlock_member_t *members,
                                             uint32_t capacity, uint32_t *out_count);

/** Writes the record `id` in words, terminated, as far as it fits into `buffer`; `out_length`,
 *  which may be NULL, gets the length of all of it.
 *  @return OK; E_NOT_FOUND; E_INVALID (`buffer` NULL with a capacity). */
SYNCMGR_API int32_t syncmgr_deadlock_text(syncmgr_t *manager, uint64_t id, char *buffer,
                                          size_t capacity, size_t *out_length);

/** Ends the wait of a victim of the deadlock `id`, chosen by `policy` (SYNCMGR_VICTIM_...).
 *  @return OK; E_NOT_FOUND; E_ALREADY (it has ended); E_INVALID (policy; the record is no
 *          deadlock). */
SYNCMGR_API int32_t syncmgr_deadlock_resolve(syncmgr_t *manager, uint64_t id, uint32_t policy);

/** Forgets the records of what has ended, of what is only possible, and of what was unsafe.
 *  `out_count`, which may be NULL, gets how many. @return OK. */
SYNCMGR_API int32_t syncmgr_deadlock_clear(syncmgr_t *manager, uint32_t *out_count);

typedef struct syncmgr_deadlock_totals {
  uint64_t searches; /**< of the whole graph */
  uint64_t found;    /**< records made, of all kinds */
  uint64_t resolved; /**< waits of victims ended */
} syncmgr_deadlock_totals_t;

/** Writes what has been counted since the space was made. @return OK. */
SYNCMGR_API int32_t syncmgr_deadlock_counts(syncmgr_t *manager,
                                            syncmgr_deadlock_totals_t *out_counts);

/** Sets the workstream's priority, 0 at first, for the choice of victims. @return OK. */
SYNCMGR_API int32_t syncmgr_workstream_set_priority(syncmgr_workstream_t *workstream,
                                                    int32_t priority);

/* ------------------------------------------------------------------------------------------------
 * Prevention: what a manager does so that no deadlock happens
 *
 * For mutexes, readers-writer locks and semaphores that are opened through the manager afterwards.
 * Their calls take a longer way in; those of other managers cost nothing more. Detection goes on
 * beneath.
 */

/** Nothing: deadlocks are found and ended. */
#define SYNCMGR_PREVENT_NOTHING 0u
/** A lock is taken only when its rank is above those of all locks that the workstream holds, see
 *  syncmgr_object_set_rank; otherwise, also when it is free, the call returns E_RANK. */
#define SYNCMGR_PREVENT_RANKS 1u
/** A workstream does not wait for an older one: it gets E_PREEMPTED at once. */
#define SYNCMGR_PREVENT_WAIT_DIE 2u
/** A workstream that has to wait for a younger one wounds it: the younger one's wait ends with
 *  E_PREEMPTED, and so do its next waits while it holds anything. After `grace_ns` what it still
 *  holds and the older waits for is taken away by force. */
#define SYNCMGR_PREVENT_WOUND_WAIT 3u
/** Waits without a timeout get `timeout_ns`. */
#define SYNCMGR_PREVENT_TIMEOUT 4u
/** syncmgr_resource_allocate refuses what would be unsafe with E_UNSAFE. */
#define SYNCMGR_PREVENT_AVOIDANCE 5u

/** Besides, keeps in which order locks are taken in this process, and records once for each pair
 *  that they were taken in both orders: a deadlock is possible, though none has happened. */
#define SYNCMGR_PREVENTION_WATCH_ORDER 1u

typedef struct syncmgr_prevention_options {
  uint32_t size;      /**< sizeof(syncmgr_prevention_options_t) */
  uint32_t flags;     /**< SYNCMGR_PREVENTION_WATCH_ORDER */
  uint32_t strategy;  /**< SYNCMGR_PREVENT_... */
  uint32_t reserved;  /**< 0 */
  int64_t grace_ns;   /**< for WOUND_WAIT */
  int64_t timeout_ns; /**< for TIMEOUT */
} syncmgr_prevention_options_t;

#define SYNCMGR_PREVENTION_OPTIONS_INIT                                             \
  { sizeof(syncmgr_prevention_options_t), 0u, SYNCMGR_PREVENT_NOTHING, 0u, 100000000, \
    30000000000 }

/** Chooses what the manager does. NULL chooses the defaults: nothing. Does not block.
 *  @return OK; E_INVALID (flags, strategy, reserved, times below 0). */
SYNCMGR_API int32_t syncmgr_prevention_configure(syncmgr_t *manager,
                                                 const syncmgr_prevention_options_t *options);

/** Gives an object a rank, 0 takes it off. `type` is a SYNCMGR_TYPE_... value.
 *  @return OK; E_NOT_FOUND; E_TYPE (the name is of another type); E_NAME; E_INVALID (type). */
SYNCMGR_API int32_t syncmgr_object_set_rank(syncmgr_t *manager, uint32_t type, const char *name,
                                            uint32_t rank);

/* ------------------------------------------------------------------------------------------------
 * Resource: something that is not ours, recorded by hand
 *
 * Takes part in the search for deadlocks. Nothing here waits: a workstream says what it asks for,
 * what it has got, and what it gives back. All of a workstream that closes or dies is given back.
 * When the search makes a workstream with a request its victim, the request is cancelled, and its
 * next request or allocation of that resource returns E_DEADLOCK, once.
 */

/** Opens or creates a resource of `instances`: 1 to COUNT_MAX. They are a parameter and must match.
 *  Starts the background thread, unless refused by SYNCMGR_OPEN_NO_THREADS.
 *  @return OK; E_NAME; E_TYPE; E_MISMATCH; E_INVALID (instances); E_NOT_FOUND (ANY); E_LIMIT;
 *          E_NO_SPACE; E_SYSTEM. */
SYNCMGR_API int32_t syncmgr_resource_open(syncmgr_workstream_t *workstream, const char *name,
                                          uint32_t instances, syncmgr_resource_t **out_resource);

/** Closes the handle. The workstream's last handle gives back what it was allocated.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_resource_close(syncmgr_resource_t *resource);

/** Declares the most that this workstream will ever have of it, for the banker's check. Without it
 *  that is what it has and asks for.
 *  @return OK; E_INVALID (more than there are instances, or less than it has). */
SYNCMGR_API int32_t syncmgr_resource_declare(syncmgr_resource_t *resource, uint32_t most);

/** Records that this workstream waits for `count` instances, in place of what it asked for before.
 *  @return OK (so many are free); PENDING (they are not); E_DEADLOCK (it became a victim);
 *          E_INVALID (count is 0, or with what it has more than there are, or than it declared). */
SYNCMGR_API int32_t syncmgr_resource_request(syncmgr_resource_t *resource, uint32_t count);

/** Records that this workstream has got `count` instances, and ends its request.
 *  @return OK; E_BUSY (fewer are free); E_UNSAFE (AVOIDANCE: then not all could end any more);
 *          E_DEADLOCK (it became a victim); E_INVALID (as for syncmgr_resource_request). */
SYNCMGR_API int32_t syncmgr_resource_allocate(syncmgr_resource_t *resource, uint32_t count);

/** Records that `count` instances were given back.
 *  @return OK; E_NOT_OWNER (it has fewer; nothing is changed); E_INVALID (count is 0). */
SYNCMGR_API int32_t syncmgr_resource_release(syncmgr_resource_t *resource, uint32_t count);

/** Ends the request without an allocation. @return OK; E_NOT_FOUND (there is none). */
SYNCMGR_API int32_t syncmgr_resource_cancel(syncmgr_resource_t *resource);

/** Writes how many instances are free. @return OK. */
SYNCMGR_API int32_t syncmgr_resource_available(syncmgr_resource_t *resource, uint32_t *out_count);

/** Writes up to `capacity` holders; `out_count` gets how many there are in all.
 *  @return OK; E_INVALID (`holders` NULL with a capacity). */
SYNCMGR_API int32_t syncmgr_resource_holders(syncmgr_resource_t *resource,
                                             syncmgr_holder_t *holders, uint32_t capacity,
                                             uint32_t *out_count);

/* ------------------------------------------------------------------------------------------------
 * Window: who holds what, who waits for what
 *
 * A snapshot is one JSON document (RFC 8259, UTF-8) with these members; more may be added:
 *
 *   space        url (without the store's file), store (the file, or null), identity, version (of
 *                the library), layout, size (bytes), persistent,
 *                counters (whether they are on), limits and used: processes, workstreams, objects,
 *                open_objects, waits
 *   processes    of each: pid, alive, self, workstreams (how many)
 *   workstreams  of each: id, name, pid, holds and waits (names of objects)
 *   objects      of each: name, type ("mutex", "rwlock", ...), open (how many workstreams have it
 *                open), parameters, state, holders, waiters, previous_owner, counters
 *     holders    workstream (id), name, pid, amount (permits; recursion depth), and where there is
 *                one: mode ("shared", "exclusive"), token, lease_ms (how long it still runs)
 *     waiters    in line, first to last: workstream (id), name, pid, place (0 for the first),
 *                age_ms, ticket (whether the wait was started), amount or mode (also "upgrade")
 *     counters   acquisitions (of locks, permits and terms), contended (waits that stood in line or
 *                slept; what came by a moment's spinning is not counted), owner_deaths, waited_ms
 *                (together), longest_wait_ms, wait_histogram (16 counts of waits that ended, in
 *                whatever way: place i has those shorter than 2^i microseconds, the last the rest)
 *   graph        edges: kind "waits" (workstream for object) or "held" (object by workstream)
 */

/** Writes a snapshot of the space into `buffer`, terminated. `flags` is 0. `out_length` gets its
 *  length without the terminating zero, also when `capacity` is too small for it: call again with
 *  room to spare then, for the space goes on meanwhile.
 *  Takes no lock of the space: it delays nobody and is not delayed, and its parts may be of
 *  different moments, microseconds apart. Damage in the segment shows up as strange values.
 *  Does not block.
 *  @return OK; E_OVERFLOW (`capacity` is too small; `buffer` is left as it was); E_INVALID (flags,
 *          `buffer` NULL with a capacity). */
SYNCMGR_API int32_t syncmgr_snapshot_json(syncmgr_t *manager, uint32_t flags, char *buffer,
                                          size_t capacity, size_t *out_length);

/* ------------------------------------------------------------------------------------------------
 * Sync point: named workstreams meet once, all of them or enough of them
 *
 * It expects workstreams by name. It ends once, in one of four ways, and keeps the result, which is
 * the same for everybody:
 *
 *   complete          everybody expected is there
 *   partial_complete  at least `minimum` of them and all the required ones are there; or somebody
 *                     forced it
 *   failed            a process died or a workstream said that it failed; or somebody cancelled it
 *   timed_out         its time was over before enough were there
 *
 * A workstream is there while it waits: one whose wait ends before the point does (its time passes,
 * it is cancelled, its handle closes, its process dies) is not, and may come again. A workstream
 * that closes may come back under its name; one whose process dies while the point waits has
 * failed, whether it had opened the point or not. One that failed and comes back is there again.
 * Workstreams that are not expected cannot wait and never count; they may look, force and cancel.
 *
 * The time runs out for those who wait or look, on time; when nobody does, nothing is lost.
 * The result names the moment at which it ended, whoever noticed it later.
 */

/** When the time is over, those who are there suffice, if all the required ones are among them and
 *  as many as the `minimum`; if that is ANY, at least one. Without this flag the end of the time is
 *  E_TIMEOUT, however many are there. */
#define SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT 1u
/** Who failed counts as missing: when all others are there, that suffices. The point fails when a
 *  required one failed, or when too few are left to reach the `minimum`; if that is ANY, none.
 *  Without this flag it fails with the first. */
#define SYNCMGR_SYNC_CONTINUE_ON_FAILURE 2u
/** Waits for everybody, as long as they can come: the minimum suffices only when the time is over
 *  (with CONTINUE_ON_TIMEOUT), or when all others failed (with CONTINUE_ON_FAILURE). */
#define SYNCMGR_SYNC_WAIT_FOR_ALL 4u

/** The most workstreams that one sync point can expect. */
#define SYNCMGR_SYNC_EXPECTED_MAX 1024u

typedef struct syncmgr_sync_point_options {
  uint32_t size;       /**< sizeof(syncmgr_sync_point_options_t) */
  uint32_t flags;      /**< SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT, ... */
  uint32_t minimum;    /**< how many suffice, 1 to all; ANY: all */
  uint32_t minimum_of; /**< 0; or: the fraction minimum/minimum_of of all, rounded up, suffices */
  int64_t timeout_ns;  /**< when its time is over, from its creation; FOREVER: never */
} syncmgr_sync_point_options_t;

#define SYNCMGR_SYNC_POINT_OPTIONS_INIT \
  { sizeof(syncmgr_sync_point_options_t), 0u, SYNCMGR_ANY, 0u, SYNCMGR_FOREVER }

/** What became of a sync point. */
#define SYNCMGR_SYNC_WAITING 0u
#define SYNCMGR_SYNC_PARTIAL_COMPLETE 1u
#define SYNCMGR_SYNC_COMPLETE 2u
#define SYNCMGR_SYNC_FAILED 3u
#define SYNCMGR_SYNC_TIMED_OUT 4u

/** The result; while the point waits, how it stands. */
typedef struct syncmgr_sync_result {
  uint32_t status;       /**< SYNCMGR_SYNC_WAITING, ... */
  uint32_t met_minimum;  /**< 1: enough were there, the minimum; if that is ANY, at least one */
  uint32_t required_met; /**< 1: all the required ones were there */
  uint32_t expected;     /**< how many are expected */
  uint32_t minimum;      /**< the minimum as a number; all when it is ANY */
  uint32_t arrived;      /**< how many were there */
  uint32_t missing;      /**< the others */
  uint32_t failed;       /**< those of them that failed */
  uint32_t late;         /**< those that came after the end; grows */
  uint32_t reserved;
  int64_t completed_at; /**< ns since 1970; 0 while it waits */
  char reason[256];     /**< why it is not complete; "" when there is nothing to say */
} syncmgr_sync_result_t;

/** Cannot be done without. */
#define SYNCMGR_SYNC_REQUIRED 1u
/** Was there at the end; or is there, while the point waits. */
#define SYNCMGR_SYNC_ARRIVED 2u
/** Came after the end. */
#define SYNCMGR_SYNC_LATE 4u
/** Its process died, or it said that it failed. */
#define SYNCMGR_SYNC_MEMBER_FAILED 8u

/** One that a sync point expects. */
typedef struct syncmgr_sync_member {
  uint32_t flags; /**< SYNCMGR_SYNC_REQUIRED, SYNCMGR_SYNC_ARRIVED, ... */
  uint32_t order; /**< 1 for the first that arrived, and so on; 0: has not */
  int64_t at;     /**< when it arrived, ns since 1970; 0: has not */
  char name[256]; /**< of the workstream, terminated */
} syncmgr_sync_member_t;

/** Opens or creates a sync point. `expected` are the names of workstreams, with a '/' between them,
 *  `required` in the same form those of them without which it cannot succeed; NULL is nobody.
 *  Names and options are parameters: they must match, whatever the order of the names. With
 *  `expected` NULL it opens what is there; `required` and `options` are then NULL too.
 *  @return OK; E_NAME (of the point, or of a workstream); E_TYPE; E_MISMATCH; E_NOT_FOUND (with
 *          `expected` NULL: it is not there); E_INVALID (flags; a name twice; a required one that
 *          is not expected; more than EXPECTED_MAX; a minimum that is not 1 to all, or a fraction
 *          not above 0 and up to 1; timeout below -1); E_LIMIT; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_sync_point_open(syncmgr_workstream_t *workstream, const char *name,
                                            const char *expected, const char *required,
                                            const syncmgr_sync_point_options_t *options,
                                            syncmgr_sync_point_t **out_point);

/** Closes the handle. @return OK. */
SYNCMGR_API int32_t syncmgr_sync_point_close(syncmgr_sync_point_t *point);

/** Arrives, and waits until the point ends. `out_result`, which may be NULL, is written also with
 *  PARTIAL, E_TIMEOUT, E_FAILED and E_LATE. After the end it returns the stored result at once.
 *  Blocks up to `timeout_ns`, and not beyond the time of the point. With 0 it arrives only if that
 *  ends the point.
 *  @return OK (complete); PARTIAL (partial_complete); E_TIMEOUT (timed_out; or `timeout_ns` passed:
 *          this workstream is not there, and the result has another status); E_FAILED; E_LATE
 *          (expected, and came after the end, in whichever way that was); E_NOT_EXPECTED; E_ALREADY
 *          (it waits already); E_DEADLOCK (those missing wait for what this workstream holds; it is
 *          not there then); E_INVALID (timeout); E_LIMIT. */
SYNCMGR_API int32_t syncmgr_sync_point_wait(syncmgr_sync_point_t *point, int64_t timeout_ns,
                                            syncmgr_sync_result_t *out_result);

/** Starts to wait. The index of the record is what became of the point (SYNCMGR_SYNC_...), 0 when
 *  the wait's own time passed. `out_record`, which may be NULL, is written with OK and PARTIAL.
 *  Does not block.
 *  @return PENDING with a ticket; or at once what syncmgr_sync_point_wait returns. */
SYNCMGR_API int32_t syncmgr_sync_point_wait_start(syncmgr_sync_point_t *point, int64_t timeout_ns,
                                                  syncmgr_queue_t *queue, uint64_t user_data,
                                                  syncmgr_ticket_t **out_ticket,
                                                  syncmgr_record_t *out_record);

/** Ends the point as partial_complete with those who are there: the result tells whether that is
 *  enough. Anybody may. Does not block.
 *  @return OK; FINISHED (it had ended, the result stands). */
SYNCMGR_API int32_t syncmgr_sync_point_force_complete(syncmgr_sync_point_t *point);

/** Ends the point as failed, for `reason`: up to 255 bytes of UTF-8, more are cut off; NULL says
 *  who cancelled it. Anybody may. Does not block.
 *  @return OK; FINISHED (it had ended, the result stands). */
SYNCMGR_API int32_t syncmgr_sync_point_cancel(syncmgr_sync_point_t *point, const char *reason);

/** Says that this workstream failed, as if its process had died. `reason` is as for cancel.
 *  Does not block.
 *  @return OK; FINISHED (it had ended, the result stands); E_NOT_EXPECTED; E_BUSY (a wait of this
 *          workstream goes on). */
SYNCMGR_API int32_t syncmgr_sync_point_fail(syncmgr_sync_point_t *point, const char *reason);

/** Writes the result. Does not block.
 *  @return OK; PENDING (it waits; what is written is how it stands). */
SYNCMGR_API int32_t syncmgr_sync_point_result(syncmgr_sync_point_t *point,
                                              syncmgr_sync_result_t *out_result);

/** Writes up to `capacity` of those expected, in the order in which they were given; `out_count`
 *  gets how many there are.
 *  @return OK; E_INVALID (`members` NULL with a capacity). */
SYNCMGR_API int32_t syncmgr_sync_point_members(syncmgr_sync_point_t *point,
                                               syncmgr_sync_member_t *members, uint32_t capacity,
                                               uint32_t *out_count);

/* ------------------------------------------------------------------------------------------------
 * Lock many: several locks at once, all or none
 *
 * The locks are taken one after the other in an order that is the same for the whole space, by rank
 * (see syncmgr_object_set_rank) and then by age, so that callers that hold nothing else never wait
 * for each other in a circle, in whichever order they list them. While it waits for one lock a
 * caller holds those before it.
 */

/** The most items of one call. */
#define SYNCMGR_MANY_MAX 1024u

/** One lock of several. */
typedef struct syncmgr_lock_item {
  uint64_t handle; /**< of a mutex, semaphore or readers-writer lock, as a number */
  uint32_t amount; /**< mutex: 0. semaphore: permits. rwlock: SYNCMGR_SHARED, SYNCMGR_EXCLUSIVE */
  int32_t status;  /**< written by the library */
} syncmgr_lock_item_t;

/** Locks all items or none, within `timeout_ns` for all together. The items are of one workstream,
 *  and of different objects. On success each item's status tells what locking it returned. When one
 *  cannot be locked its status says why; those that had been locked are given back, the last first,
 *  with OWNER_DIED passed on to the next owner; and the status of all others is E_CANCELLED.
 *  Blocks.
 *  @return OK; OWNER_DIED (all are locked, and a status among them is that); what the lock that
 *          failed returned; E_INVALID (count is 0 or above MANY_MAX; an object twice; items of two
 *          workstreams; a mutex with an amount; timeout): nothing was done, no status written. */
SYNCMGR_API int32_t syncmgr_lock_many(syncmgr_lock_item_t *items, uint32_t count,
                                      int64_t timeout_ns);

/** Starts to lock all items or none. `queue` may be NULL, see syncmgr_ticket_wait. There is one
 *  ticket, and one outcome: when one of the locks is granted the library goes on to the next by
 *  itself, and when one cannot be had it gives the others back before it says so. The background
 *  thread does that, which this call starts unless it is refused by SYNCMGR_OPEN_NO_THREADS.
 *  With PENDING `items` stays the caller's, unchanged, until the ticket ends. The statuses are
 *  written by the call that ends it with an outcome: the drain of its record, or
 *  syncmgr_ticket_wait; no other thread writes them. A ticket that is cancelled, or whose queue is
 *  closed, or whose manager is, writes none.
 *  The record has kind 0; for an error `index` is the item that failed, and for E_DEADLOCK `value`
 *  is the id. Cancelling gives back what had been locked by then, with OWNER_DIED passed on, before
 *  it returns OK; FINISHED means that all were locked, or one had failed.
 *  When a handle among them is closed before the outcome was taken, that is E_CLOSED, and none is
 *  held. Does not block.
 *  @return PENDING with a ticket; or at once what syncmgr_lock_many returns, with the statuses
 *          written as there. */
SYNCMGR_API int32_t syncmgr_lock_many_start(syncmgr_lock_item_t *items, uint32_t count,
                                            int64_t timeout_ns, syncmgr_queue_t *queue,
                                            uint64_t user_data, syncmgr_ticket_t **out_ticket);

/** Unlocks all items, in the reverse of the order in which they were locked. An item that cannot be
 *  unlocked keeps no other from it. Each item's status is written. Does not block.
 *  @return OK; what the first that failed returned; E_INVALID as above. */
SYNCMGR_API int32_t syncmgr_unlock_many(syncmgr_lock_item_t *items, uint32_t count);

/** Sorts the items into the order of the space. For callers that lock one after the other by the
 *  _start forms of each type, as the bindings do: in this order, giving back what they have by
 *  syncmgr_lock_many_undo when one fails. Does not block.
 *  @return OK; E_INVALID as above. */
SYNCMGR_API int32_t syncmgr_lock_many_order(syncmgr_lock_item_t *items, uint32_t count);

/** Gives items back that were locked as a part of many, and not used: the last first, and where an
 *  item's status is OWNER_DIED the next owner gets that in its place. An item that is held no more
 *  is passed over. Does not block.
 *  @return OK; E_INVALID as above. */
SYNCMGR_API int32_t syncmgr_lock_many_undo(const syncmgr_lock_item_t *items, uint32_t count);

/* ------------------------------------------------------------------------------------------------
 * Notices: being told what happens in the space
 *
 * What happens is recorded in the space while somebody subscribes to it, and costs nothing
 * otherwise. Every subscriber has its own place in the record: a slow one delays nobody and loses
 * nobody else's. The last 1,024 notices are kept for it besides 1,024 that wait to be taken; when
 * it falls further behind it gets a GAP that says how many of its kinds it has lost.
 *
 * A RELEASED comes before the GRANTED that it makes possible. A process that dies in the midst of a
 * step may leave the step's notice out; its DIED always comes.
 */

/** A workstream was opened. */
#define SYNCMGR_NOTICE_OPENED 0x100u
/** A workstream was closed by its process. */
#define SYNCMGR_NOTICE_CLOSED 0x200u
/** A workstream ended because its process died. */
#define SYNCMGR_NOTICE_DIED 0x400u
/** A hold was taken away from a workstream by force. Value: its token. */
#define SYNCMGR_NOTICE_HOLD_LOST 0x800u
/** Notices were lost: read the state again. Comes with any kind, whatever else is chosen. Value:
 *  how many of the kinds subscribed to. A record has the status E_GAP. */
#define SYNCMGR_NOTICE_GAP 0x1000u
/** A workstream got a lock or permits. Value: the token; of a semaphore, how many. */
#define SYNCMGR_NOTICE_GRANTED 0x2000u
/** A workstream gave a lock or permits back. Value: as for GRANTED. */
#define SYNCMGR_NOTICE_RELEASED 0x4000u
/** A wait ended because its time passed; not a try, which does not wait. Value: for how many
 *  nanoseconds it had waited. */
#define SYNCMGR_NOTICE_TIMED_OUT 0x8000u
/** A workstream died while it was the owner of a lock, or led; told instead of RELEASED. Value: the
 *  token of its grant. */
#define SYNCMGR_NOTICE_OWNER_DIED 0x10000u
/** A barrier tripped. Value: the generation. */
#define SYNCMGR_NOTICE_BARRIER_TRIPPED 0x20000u
/** A barrier broke. Value: the generation. */
#define SYNCMGR_NOTICE_BARRIER_BROKEN 0x40000u
/** A sync point is complete; or a latch opened. */
#define SYNCMGR_NOTICE_SYNC_COMPLETE 0x80000u
/** A sync point ended with a part of its workstreams. Text: why, when it was forced. */
#define SYNCMGR_NOTICE_SYNC_PARTIAL 0x100000u
/** The time of a sync point passed. */
#define SYNCMGR_NOTICE_SYNC_TIMEOUT 0x200000u
/** A deadlock was found. Value: its id. Text: the cycle in words. */
#define SYNCMGR_NOTICE_DEADLOCK 0x400000u
/** Locks were taken in both orders, or the banker found the state unsafe: a deadlock is possible.
 *  Value: its id. Text: in words. */
#define SYNCMGR_NOTICE_POSSIBLE_DEADLOCK 0x800000u
/** A workstream was asked to give way, by an older one that needs what it holds. */
#define SYNCMGR_NOTICE_PREEMPTED 0x1000000u
/** A lease ended, and the hold with it: told besides HOLD_LOST. Value: the token. */
#define SYNCMGR_NOTICE_LEASE_LOST 0x2000000u
/** Workstreams are in conflict. */
#define SYNCMGR_NOTICE_CONFLICT 0x4000000u
/** There is data to be had. */
#define SYNCMGR_NOTICE_DATA_AVAILABLE 0x8000000u
/** What a workstream has requested of a resource can be allocated now. Value: how many. Or whatever
 *  users tell each other of. */
#define SYNCMGR_NOTICE_RESOURCE_AVAILABLE 0x10000000u
/** A workstream said that it has completed. */
#define SYNCMGR_NOTICE_COMPLETED 0x20000000u
/** A workstream said that it has failed; or a sync point failed. Text: why. */
#define SYNCMGR_NOTICE_FAILED 0x40000000u
/** Whatever users tell each other. */
#define SYNCMGR_NOTICE_CUSTOM 0x80000000u
/** All of them. */
#define SYNCMGR_NOTICE_ALL 0xffffff00u

#define SYNCMGR_PRIORITY_LOW 0u
#define SYNCMGR_PRIORITY_MEDIUM 1u
#define SYNCMGR_PRIORITY_HIGH 2u
#define SYNCMGR_PRIORITY_CRITICAL 3u

/** The longest text and the longest detail of a notice, in bytes without the terminating zero. */
#define SYNCMGR_TEXT_MAX 383u
#define SYNCMGR_DETAIL_MAX 399u

/** What has happened. All texts are terminated, and empty when there is none. */
typedef struct syncmgr_notice {
  uint64_t sequence;   /**< of the space: grows by one with each notice; 0 for GAP and inbox */
  uint64_t workstream; /**< id of the workstream it is about, or of the sender; 0 for none */
  uint64_t value;      /**< see the kinds; of a message: id of the workstream it is for */
  uint64_t message;    /**< id of the message, see syncmgr_notify; 0 for none */
  int64_t time_ns;     /**< when, of the monotonic clock; 0 for GAP */
  int64_t wall_ns;     /**< when, since 1970; 0 for GAP */
  uint64_t user_data;  /**< as given to syncmgr_queue_watch */
  uint32_t kind;       /**< one SYNCMGR_NOTICE_... bit */
  int32_t pid;         /**< process of the workstream */
  uint32_t priority;   /**< SYNCMGR_PRIORITY_... */
  uint32_t type;       /**< SYNCMGR_TYPE_... of the object; 0 for none */
  char name[256];      /**< name of the workstream */
  char object[256];    /**< name of the object */
  char text[384];      /**< in words */
  char detail[400];    /**< JSON */
} syncmgr_notice_t;

typedef struct syncmgr_subscribe_options {
  uint32_t size;           /**< sizeof(syncmgr_subscribe_options_t) */
  uint32_t mask;           /**< kinds, SYNCMGR_NOTICE_... */
  uint32_t least_priority; /**< only these and higher ones */
  uint32_t reserved;       /**< 0 */
  const char *objects;     /**< only about objects whose name matches; NULL: all, and others */
  const char *workstreams; /**< only about workstreams whose name matches; NULL: all, and others */
} syncmgr_subscribe_options_t;

#define SYNCMGR_SUBSCRIBE_OPTIONS_INIT \
  { sizeof(syncmgr_subscribe_options_t), SYNCMGR_NOTICE_ALL, 0u, 0u, NULL, NULL }

/** Calls `callback(notice, user)` for the notices that `options` chooses, from now on. In a
 *  pattern `*` stands for any number of characters, `?` for one. The notice is valid until the
 *  callback returns. Of those that wait the ones of higher priority come first, equal ones in
 *  order.
 *  Runs on the library's dispatcher thread, which the first registration starts; with
 *  SYNCMGR_OPEN_NO_THREADS on whichever thread calls syncmgr_dispatch. Never under a lock: the
 *  callback may call anything, including syncmgr_off and syncmgr_close. One callback at a time.
 *  `destroy(user)`, which may be NULL, runs exactly once: after the last call, at off or close, or
 *  before this returns an error.
 *  @return OK; E_INVALID (mask empty or unknown, priority, a pattern of no or more than 255 bytes,
 *          callback NULL); E_LIMIT; E_NO_SPACE; E_NO_MEMORY; E_SYSTEM. */
SYNCMGR_API int32_t syncmgr_subscribe(syncmgr_t *manager,
                                      const syncmgr_subscribe_options_t *options,
                                      void (*callback)(const syncmgr_notice_t *notice, void *user),
                                      void *user, void (*destroy)(void *user),
                                      syncmgr_subscription_t **out_subscription);

/** The short form of syncmgr_subscribe: all notices of the kinds in `mask`.
 *  @return as syncmgr_subscribe. */
SYNCMGR_API int32_t syncmgr_on(syncmgr_t *manager, uint32_t mask,
                               void (*callback)(const syncmgr_notice_t *notice, void *user),
                               void *user, void (*destroy)(void *user),
                               syncmgr_subscription_t **out_subscription);

/** Ends a subscription. Waits for a running callback, unless called from within it.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_off(syncmgr_subscription_t *subscription);

/** Runs the callbacks that are due on this thread, and serves deadlines and completions; waits up
 *  to `timeout_ns` for something to do.
 *  @return OK (something was done); E_TIMEOUT; E_INVALID (timeout); E_BUSY (the manager has a
 *          dispatcher thread, or another thread dispatches). */
SYNCMGR_API int32_t syncmgr_dispatch(syncmgr_t *manager, int64_t timeout_ns);

/** Puts notices of the kinds in `mask` into `queue`, from now on; 0 stops that. GAP comes with any.
 *  Those that wait there are dropped.
 *  @return OK; E_INVALID (unknown bits); E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_queue_watch(syncmgr_queue_t *queue, uint32_t mask, uint64_t user_data);

/** Chooses among the notices of a queue by priority and names, as in syncmgr_subscribe_options_t;
 *  NULL chooses all. Those that wait there are dropped. Does not block.
 *  @return OK; E_INVALID (priority, patterns). */
SYNCMGR_API int32_t syncmgr_queue_filter(syncmgr_queue_t *queue, uint32_t least_priority,
                                         const char *objects, const char *workstreams);

/** Takes up to `capacity` notices whole, where syncmgr_queue_drain takes their records; those of
 *  higher priority first, equal ones in order. Leaves the records of tickets. Does not block.
 *  @return OK; E_INVALID (`notices` NULL, capacity 0). */
SYNCMGR_API int32_t syncmgr_queue_notices(syncmgr_queue_t *queue, syncmgr_notice_t *notices,
                                          uint32_t capacity, uint32_t *out_count);

/** Tells everybody that the workstream has completed its work, with a COMPLETED notice. It stays
 *  open. `detail` is JSON, or NULL.
 *  @return OK; E_ALREADY (it has completed or failed before); E_INVALID (detail). */
SYNCMGR_API int32_t syncmgr_workstream_complete(syncmgr_workstream_t *workstream,
                                                const char *detail);

/** Tells everybody that the workstream has failed, with a FAILED notice whose text is `reason`,
 *  which may be NULL. It stays open.
 *  @return OK; E_ALREADY (it has completed or failed before); E_INVALID (reason). */
SYNCMGR_API int32_t syncmgr_workstream_fail(syncmgr_workstream_t *workstream, const char *reason);

/* ------------------------------------------------------------------------------------------------
 * Messages to workstreams
 *
 * A message waits in the inbox of each workstream that it is for until that has taken it, its time
 * is over, or the workstream ends. It outlives its sender. The processes of its recipients get it
 * as a notice besides, if they subscribe to its kind; nobody else does. A space keeps up to 1,024
 * messages that are not over.
 */

/** In the inbox, and nobody was told. */
#define SYNCMGR_NOTIFICATION_PENDING 0u
/** A callback or queue of the recipient's process has it, or its inbox gave it out, and it was not
 *  acknowledged. */
#define SYNCMGR_NOTIFICATION_DELIVERED 1u
/** Acknowledged; without REQUIRE_ACK, taken from the inbox. */
#define SYNCMGR_NOTIFICATION_READ 2u
/** There is no such workstream, or it ended before it had read the message. */
#define SYNCMGR_NOTIFICATION_FAILED 3u
/** Its time was over before it was read. */
#define SYNCMGR_NOTIFICATION_EXPIRED 4u

/** A recipient has read the message when it says so by syncmgr_notification_read, not when it takes
 *  it. */
#define SYNCMGR_NOTIFY_REQUIRE_ACK 1u
/** The most recipients of one message. */
#define SYNCMGR_RECIPIENTS_MAX 16u

typedef struct syncmgr_notify_options {
  uint32_t size;     /**< sizeof(syncmgr_notify_options_t) */
  uint32_t kind;     /**< one SYNCMGR_NOTICE_... bit, see syncmgr_notify */
  uint32_t priority; /**< SYNCMGR_PRIORITY_... */
  uint32_t flags;    /**< SYNCMGR_NOTIFY_REQUIRE_ACK */
  int64_t ttl_ns;    /**< how long it is of interest; FOREVER */
} syncmgr_notify_options_t;

#define SYNCMGR_NOTIFY_OPTIONS_INIT                                                     \
  {                                                                                     \
    sizeof(syncmgr_notify_options_t), SYNCMGR_NOTICE_CUSTOM, SYNCMGR_PRIORITY_MEDIUM, 0u, \
        SYNCMGR_FOREVER                                                                 \
  }

/** Sends a message to workstreams, or a notice to everybody. `recipients` are their names, with a
 *  '/' between, or NULL for everybody who subscribed. `text` and `detail`, which is JSON, may be
 *  NULL. The kind is CUSTOM, CONFLICT, DATA_AVAILABLE or RESOURCE_AVAILABLE; of a message also
 *  SYNC_COMPLETE, SYNC_TIMEOUT, DEADLOCK, COMPLETED or FAILED. `out_id`, which may be NULL, gets
 *  the message's id, 0 for a notice to everybody. Does not block.
 *  @return OK; PARTIAL (some of the recipients do not exist, see syncmgr_notification_status);
 *          E_NOT_FOUND (none exists, or nobody subscribed; nothing was sent); E_INVALID (options,
 *          text, detail, more than 16 recipients, a recipient twice; REQUIRE_ACK without
 *          recipients); E_NAME (a recipient); E_LIMIT (1,024 messages are not over); E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_notify(syncmgr_workstream_t *workstream, const char *recipients,
                                   const syncmgr_notify_options_t *options, const char *text,
                                   const char *detail, uint64_t *out_id);

/** Takes the next message out of the workstream's inbox: that of the highest priority, of equal
 *  ones the oldest. To hear of messages without waiting, start a wait, or watch their kinds by a
 *  queue.
 *  Blocks up to `timeout_ns`.
 *  @return OK; E_TIMEOUT (there is none); E_INVALID (timeout). */
SYNCMGR_API int32_t syncmgr_inbox_next(syncmgr_workstream_t *workstream, int64_t timeout_ns,
                                       syncmgr_notice_t *out_message);

/** Starts to wait for a message. One that is there is taken at once, into `out_message`. Otherwise
 *  the ticket ends with OK when a message has come, which stays in the inbox: take it by
 *  syncmgr_inbox_next with a timeout of 0. That is E_TIMEOUT when it has expired, or somebody else
 *  took it. All waits that were started for the workstream end so; the kind of their records is 0.
 *  When the workstream closes they end with E_CLOSED. Does not block.
 *  @return PENDING with a ticket; or at once what syncmgr_inbox_next returns; E_LIMIT. */
SYNCMGR_API int32_t syncmgr_inbox_next_start(syncmgr_workstream_t *workstream, int64_t timeout_ns,
                                             syncmgr_queue_t *queue, uint64_t user_data,
                                             syncmgr_ticket_t **out_ticket,
                                             syncmgr_notice_t *out_message);

/** Acknowledges a message, also one that is still in the inbox, which it then leaves. Once more
 *  does nothing.
 *  @return OK; E_NOT_FOUND (no such message, or not for this workstream); E_TIMEOUT (it
 *          expired). */
SYNCMGR_API int32_t syncmgr_notification_read(syncmgr_workstream_t *workstream, uint64_t id);

/** How far a message is with one of its recipients. Filled by the library. */
typedef struct syncmgr_recipient {
  uint64_t workstream; /**< id; 0 when there was none of this name */
  uint32_t status;     /**< SYNCMGR_NOTIFICATION_... */
  int32_t pid;         /**< its process; 0 when there was none */
  char name[256];      /**< its name, terminated */
} syncmgr_recipient_t;

/** Writes up to `capacity` recipients of a message, in the order they were named; `out_count` gets
 *  how many there are. Any process may ask. Messages that are over stay known until there are more
 *  than 64.
 *  @return OK; E_NOT_FOUND (no such message); E_INVALID (`recipients` NULL with a capacity). */
SYNCMGR_API int32_t syncmgr_notification_status(syncmgr_t *manager, uint64_t id,
                                                syncmgr_recipient_t *recipients, uint32_t capacity,
                                                uint32_t *out_count);

/* ------------------------------------------------------------------------------------------------
 * Channels: messages between workstreams
 *
 * Every kind is made of the same two things. A mailbox is a line of messages in the segment, with
 * room for `capacity` of them. A queue has one mailbox, which all its consumers share; in the other
 * kinds every receiver has its own, so that a slow, stuck or dead one delays and loses nothing but
 * its own messages.
 *
 *   kind        who gets a message                            default when a mailbox is full
 *   QUEUE       exactly one of those who receive              BLOCK
 *   DIRECT      the workstream that `target` names            BLOCK
 *   BROADCAST   everybody who subscribed, but the sender      DROP_OLDEST
 *   PUBSUB      whose patterns match the topic, each once     DROP_OLDEST
 *   MEMORY      nobody: it keeps cells, see syncmgr_channel_set
 *
 * A message lies in the segment until its receivers have taken it: it outlives its sender. Small
 * ones lie in the mailbox itself; a larger one lies beside it once, however many get it. Messages
 * of one sender and one priority arrive in the order in which they were sent; those of a broadcast
 * in the same order everywhere. A receiver takes a message whole or not at all: one that dies
 * before leaves it to others, one that dies after has taken it, unless the channel says
 * ACKNOWLEDGE.
 */

/** Kinds of channels. */
#define SYNCMGR_CHANNEL_QUEUE 0u
#define SYNCMGR_CHANNEL_DIRECT 1u
#define SYNCMGR_CHANNEL_BROADCAST 2u
#define SYNCMGR_CHANNEL_PUBSUB 3u
#define SYNCMGR_CHANNEL_MEMORY 4u

/** What happens to a message for which a mailbox has no room. */
/** What suits the kind, see the table above. */
#define SYNCMGR_OVERFLOW_DEFAULT 0u
/** The sender waits until all that are to get it have room. */
#define SYNCMGR_OVERFLOW_BLOCK 1u
/** Nobody gets it, and send returns E_FULL. */
#define SYNCMGR_OVERFLOW_FAIL 2u
/** The full mailbox loses its oldest message of the lowest priority. */
#define SYNCMGR_OVERFLOW_DROP_OLDEST 3u
/** The full mailbox does not get it. */
#define SYNCMGR_OVERFLOW_DROP_NEWEST 4u

/** A taken message is not gone before its receiver has acknowledged it: when the receiver dies,
 *  closes, rejects it or lets its time pass, it goes back to its old place. Queues only. */
#define SYNCMGR_CHANNEL_ACKNOWLEDGE 1u
/** Messages of higher priority are taken first. Without it priorities are only passed on. */
#define SYNCMGR_CHANNEL_PRIORITIES 2u
/** The channel keeps the last message of each topic that was sent with SEND_RETAIN, of up to 4,096
 *  topics. PUBSUB only. */
#define SYNCMGR_CHANNEL_RETAIN 4u

typedef struct syncmgr_channel_options {
  uint32_t size;        /**< sizeof(syncmgr_channel_options_t) */
  uint32_t flags;       /**< SYNCMGR_CHANNEL_ACKNOWLEDGE, ... */
  uint32_t capacity;    /**< messages in a mailbox, 1 to SYNCMGR_CAPACITY_MAX. MEMORY: cells that
                             there is room for at first; it grows */
  uint32_t inline_size; /**< bytes up to which a message lies in the mailbox, at most INLINE_MAX.
                             MEMORY: up to which a value lies in its cell */
  uint32_t overflow;    /**< SYNCMGR_OVERFLOW_... */
  uint32_t history;     /**< messages kept for those who subscribe late; BROADCAST and PUBSUB */
  uint32_t max_deliveries; /**< ACKNOWLEDGE: so often it is tried, then it is a dead letter; 0: no
                                limit */
  uint32_t reserved;       /**< 0 */
  int64_t visibility_ns;   /**< ACKNOWLEDGE: how long a receiver has for a message; FOREVER */
  const char *dead_letters; /**< ACKNOWLEDGE: name of the queue for them, opened with defaults when
                                 it is not there; NULL: they are dropped, and counted as
                                 `undelivered` */
} syncmgr_channel_options_t;

#define SYNCMGR_CHANNEL_OPTIONS_INIT                                                           \
  {                                                                                            \
    sizeof(syncmgr_channel_options_t), 0u, 256u, 256u, SYNCMGR_OVERFLOW_DEFAULT, 0u, 0u, 0u,   \
        SYNCMGR_FOREVER, NULL                                                                  \
  }

#define SYNCMGR_CAPACITY_MAX 65536u
#define SYNCMGR_INLINE_MAX 65536u
/** The longest topic, target and metadata, in bytes without the terminating zero. */
#define SYNCMGR_TOPIC_MAX 255u
#define SYNCMGR_METADATA_MAX 1023u

/** Opens the channel `name`, creating it when it is not there. NULL options take the parameters
 *  that it has, or the defaults. DIRECT: from here on the workstream receives. Does not block.
 *  @return OK; E_NAME; E_TYPE; E_MISMATCH (it has another kind or parameters); E_INVALID (kind,
 *          options); E_LIMIT; E_NO_SPACE (no room for its mailbox). */
SYNCMGR_API int32_t syncmgr_channel_open(syncmgr_workstream_t *workstream, const char *name,
                                         uint32_t kind, const syncmgr_channel_options_t *options,
                                         syncmgr_channel_t **out_channel);

/** Closes the handle. With the workstream's last handle of the channel go its mailbox and loans;
 *  what it took and did not acknowledge goes back, views included. Calls that wait end with
 *  E_CLOSED.
 *  @return OK. */
SYNCMGR_API int32_t syncmgr_channel_close(syncmgr_channel_t *channel);

/** Ends the channel for everybody: pending and later sends and receives return E_CLOSED, and what
 *  was not taken is dropped. With SYNCMGR_CHANNEL_DRAIN only sends end at once: receives return
 *  what is there first. Once more does nothing. Does not block.
 *  @return OK; E_INVALID (flags). */
SYNCMGR_API int32_t syncmgr_channel_shut(syncmgr_channel_t *channel, uint32_t flags);
#define SYNCMGR_CHANNEL_DRAIN 1u

/* Receiving by subscription: BROADCAST and PUBSUB. */

/** Subscribes the workstream, with `topic` (PUBSUB) one pattern more: segments between '/', of
 *  which `*` matches any characters of one segment and `**` any number of whole segments. BROADCAST
 *  takes NULL. First come up to `last` messages of the channel's history, oldest first, and the
 *  retained messages of the topics that match. A pattern twice is one. Does not block.
 *  @return OK; E_ALREADY (the pattern, or a broadcast's subscription, is there); E_UNSUPPORTED (the
 *          kind); E_INVALID (topic, `last` above the channel's history);
 *          E_CLOSED; E_LIMIT; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_channel_subscribe(syncmgr_channel_t *channel, const char *topic,
                                              uint32_t last);

/** Takes a pattern back, or with NULL the whole subscription and the mailbox with what is in it.
 *  Messages that came through a pattern before stay. Does not block.
 *  @return OK; E_NOT_FOUND; E_UNSUPPORTED (the kind). */
SYNCMGR_API int32_t syncmgr_channel_unsubscribe(syncmgr_channel_t *channel, const char *topic);

/* Sending. */

/** Keeps it as the last message of its topic, see SYNCMGR_CHANNEL_RETAIN. An empty one takes the
 *  kept one away. */
#define SYNCMGR_SEND_RETAIN 1u
/** BROADCAST, PUBSUB: the sender itself gets it too. */
#define SYNCMGR_SEND_SELF 2u
/** DIRECT: it comes back to the sender, with MESSAGE_RETURNED, when its receiver dies or closes
 *  before it has taken it; twice if whoever sends it back dies and it was taken meanwhile. */
#define SYNCMGR_SEND_RETURN 4u

typedef struct syncmgr_send_options {
  uint32_t size;        /**< sizeof(syncmgr_send_options_t) */
  uint32_t flags;       /**< SYNCMGR_SEND_... */
  uint32_t priority;    /**< SYNCMGR_PRIORITY_... */
  uint32_t reserved;    /**< 0 */
  int64_t ttl_ns;       /**< not delivered after this time; FOREVER */
  uint64_t correlation; /**< passed on */
  const char *target;   /**< DIRECT: name of the workstream. BROADCAST, PUBSUB: only these, names
                             with a '/' between, of those who subscribed, the sender itself too if
                             it is named; NULL: all */
  const char *topic;    /**< PUBSUB: required, without wildcards. Else passed on, or NULL */
  const char *metadata; /**< JSON, or NULL */
} syncmgr_send_options_t;

#define SYNCMGR_SEND_OPTIONS_INIT                                                         \
  {                                                                                       \
    sizeof(syncmgr_send_options_t), 0u, SYNCMGR_PRIORITY_MEDIUM, 0u, SYNCMGR_FOREVER, 0u, \
        NULL, NULL, NULL                                                                  \
  }

/** Sends `length` bytes at `data`. `out_count`, which may be NULL, gets the number of mailboxes
 *  that have it. Blocks up to `timeout_ns` while a mailbox is full, if the channel says BLOCK.
 *  @return OK; NOBODY (there is nobody to get it: BROADCAST, PUBSUB); PARTIAL (some mailboxes
 *          were full and did not get it); E_FULL (FAIL, or DROP_NEWEST and all were full);
 *          E_TIMEOUT; E_NOT_FOUND (DIRECT: no such workstream receives here); E_CLOSED;
 *          E_TOO_LARGE (it does not fit into the segment); E_NO_SPACE (not at this time);
 *          E_INVALID; E_NAME (target); E_UNSUPPORTED (MEMORY; RETAIN where the channel has it
 *          not); E_LIMIT (RETAIN: of 4,096 other topics); E_DEADLOCK. */
SYNCMGR_API int32_t syncmgr_channel_send(syncmgr_channel_t *channel, const void *data,
                                         size_t length, const syncmgr_send_options_t *options,
                                         int64_t timeout_ns, uint32_t *out_count);

/** Sends several messages with the same options: they lie one after the other at `data`, and
 *  `lengths` has the length of each. `inout_count` has their number, and gets that of those sent:
 *  the first ones, when the time passes or something fails after it sent any.
 *  @return OK (all were sent, or at least one); what sending the first returned. */
SYNCMGR_API int32_t syncmgr_channel_send_many(syncmgr_channel_t *channel, const void *data,
                                              const uint32_t *lengths, uint32_t *inout_count,
                                              const syncmgr_send_options_t *options,
                                              int64_t timeout_ns);

/** Looks whether a message with these options would have to wait for room, and for whose:
 *  `out_what` gets the number of one full mailbox, for syncmgr_channel_wait, or 0. Does not block.
 *  @return OK; E_NOT_FOUND (DIRECT); E_CLOSED; E_INVALID; E_UNSUPPORTED (MEMORY). */
SYNCMGR_API int32_t syncmgr_channel_room(syncmgr_channel_t *channel,
                                         const syncmgr_send_options_t *options,
                                         uint64_t *out_what);

/* Receiving. */

/** `data` points into the segment, until the receipt is given back. */
#define SYNCMGR_MESSAGE_VIEW 2u
/** Its sender waits for a reply, see syncmgr_channel_reply. */
#define SYNCMGR_MESSAGE_REPLY_WANTED 4u
/** It was the last of its topic when the receiver subscribed. */
#define SYNCMGR_MESSAGE_RETAINED 8u
/** It was sent before the receiver subscribed. */
#define SYNCMGR_MESSAGE_HISTORY 16u
/** It was sent by the receiver itself, and could not be delivered. */
#define SYNCMGR_MESSAGE_RETURNED 32u

/** A received message. All texts are terminated, and empty when there is none. */
typedef struct syncmgr_message {
  const void *data;
  size_t length;
  const char *sender;   /**< name of the workstream */
  const char *topic;
  const char *metadata; /**< JSON */
  uint64_t sender_id;   /**< see syncmgr_workstream_id */
  uint64_t sequence;    /**< of the channel: grows by one with each message that is sent */
  uint64_t correlation;
  uint64_t reply_to;    /**< for syncmgr_channel_reply; 0 for none */
  uint64_t receipt;     /**< for syncmgr_message_acknowledge; 0: there is nothing to give back */
  uint64_t dropped;     /**< messages that this mailbox has lost since the one before: full, or too
                             old */
  int64_t wall_ns;      /**< when it was sent, since 1970, as of the last tick of the system's
                             clock: up to 10 ms before */
  int64_t ttl_ns;       /**< how long it is still of interest; FOREVER */
  uint32_t priority;    /**< SYNCMGR_PRIORITY_... */
  uint32_t deliveries;  /**< how often it was given out, this time included */
  uint32_t flags;       /**< SYNCMGR_MESSAGE_... */
  uint32_t reserved;
} syncmgr_message_t;

/** Takes the next message. It is copied into `buffer`, with its texts behind it, and valid as long
 *  as that is. Blocks up to `timeout_ns`.
 *  @return OK; E_TIMEOUT; E_TOO_LARGE (the buffer is too small: the message stays, and the message
 *          structure's `length` is the room it needs); E_CLOSED; E_NOT_FOUND (nothing was
 *          subscribed); E_UNSUPPORTED (MEMORY); E_INVALID; E_DEADLOCK. */
SYNCMGR_API int32_t syncmgr_channel_recv(syncmgr_channel_t *channel, void *buffer, size_t capacity,
                                         int64_t timeout_ns, syncmgr_message_t *out_message);

/** Takes up to `count` messages that are there, as many as fit into the buffer, and at least one.
 *  Does not block.
 *  @return as syncmgr_channel_recv. */
SYNCMGR_API int32_t syncmgr_channel_recv_many(syncmgr_channel_t *channel, void *buffer,
                                              size_t capacity, syncmgr_message_t *messages,
                                              uint32_t count, uint32_t *out_count);

/** Calls `callback(message, user)` for each message of the workstream's mailbox, one after the
 *  other, on a thread of its own: a callback that is slow or stuck delays nobody else. The message
 *  is valid until the callback returns; of a channel with ACKNOWLEDGE it is to be acknowledged by
 *  its receipt, through any handle of the workstream. The callback may call anything. To the search
 *  for deadlocks a workstream with callbacks always answers. `destroy(user)`, which may be NULL,
 *  runs exactly once: after the last call, at syncmgr_off, when the workstream or the manager
 *  closes, when the channel is shut or unsubscribed, or before this returns an error.
 *  @return OK; E_NOT_FOUND (nothing was subscribed); E_UNSUPPORTED (MEMORY; a manager without
 *          threads); E_INVALID (callback NULL); E_LIMIT; E_NO_MEMORY; E_SYSTEM; E_CLOSED. */
SYNCMGR_API int32_t syncmgr_channel_on(syncmgr_channel_t *channel,
                                       void (*callback)(const syncmgr_message_t *message,
                                                        void *user),
                                       void *user, void (*destroy)(void *user),
                                       syncmgr_subscription_t **out_subscription);

/** Takes the next message without copying it: `data` and the texts lie in the segment, read-only,
 *  until syncmgr_message_acknowledge gives the receipt back; it takes room in the mailbox until
 *  then. Of a channel without ACKNOWLEDGE the view of a dead receiver is dropped. Blocks up to
 *  `timeout_ns`.
 *  @return as syncmgr_channel_recv, without E_TOO_LARGE. */
SYNCMGR_API int32_t syncmgr_channel_view(syncmgr_channel_t *channel, int64_t timeout_ns,
                                         syncmgr_message_t *out_message);

/** The message is done: an acknowledgement, or the end of a view. Does not block.
 *  @return OK; E_NOT_FOUND (this workstream does not have it: its time passed, or it was given back
 *          before). */
SYNCMGR_API int32_t syncmgr_message_acknowledge(syncmgr_channel_t *channel, uint64_t receipt);

/** The message is not done: it goes back to its old place, or, when it was tried often enough or
 *  `flags` has REJECT_DEAD, to the dead letters with `reason`, which may be NULL. Does not block.
 *  @return OK; E_NOT_FOUND (as above); E_UNSUPPORTED (not a channel with ACKNOWLEDGE);
 *          E_INVALID (flags, reason longer than 255 bytes). */
SYNCMGR_API int32_t syncmgr_message_reject(syncmgr_channel_t *channel, uint64_t receipt,
                                           uint32_t flags, const char *reason);
#define SYNCMGR_REJECT_DEAD 1u

/* Waiting without taking. */

#define SYNCMGR_READABLE 1u
#define SYNCMGR_WRITABLE 2u

/** Waits until a message can be taken (READABLE), every mailbox of the channel has room (WRITABLE),
 *  the one has that syncmgr_channel_room has named, or there is a response to the request of this
 *  number. By the time the caller acts on it somebody else may have done so: then it waits again.
 *  This call wakes the next who waits for the same, if there is something left for it. Blocks up to
 *  `timeout_ns`.
 *  @return OK; E_TIMEOUT; E_CLOSED; E_NOT_FOUND (nothing was subscribed; no such request);
 *          E_INVALID (timeout); E_UNSUPPORTED (MEMORY); E_UNAVAILABLE (the request will have no
 *          response); E_DEADLOCK. */
SYNCMGR_API int32_t syncmgr_channel_wait(syncmgr_channel_t *channel, uint64_t what,
                                         int64_t timeout_ns);

/** Starts such a wait, see syncmgr_ticket_wait. This is how receives and sends are started: nothing
 *  is taken before the caller is there to take it. Who has collected the end of such a wait and
 *  then does not act on it calls syncmgr_channel_wait without a timeout, for the next in line; a
 *  cancel, or a close, of what was not collected does that by itself.
 *  @return OK (now); PENDING; as syncmgr_channel_wait. */
SYNCMGR_API int32_t syncmgr_channel_wait_start(syncmgr_channel_t *channel, uint64_t what,
                                               int64_t timeout_ns, syncmgr_queue_t *queue,
                                               uint64_t user_data, syncmgr_ticket_t **out_ticket);

/* Request and response: DIRECT and QUEUE. */

/** Sends as syncmgr_channel_send does, and expects a response. `out_request` gets the number of the
 *  request. It is in `reply_to` of the message.
 *  @return as syncmgr_channel_send; E_UNSUPPORTED (the kind). */
SYNCMGR_API int32_t syncmgr_channel_request(syncmgr_channel_t *channel, const void *data,
                                            size_t length, const syncmgr_send_options_t *options,
                                            int64_t timeout_ns, uint64_t *out_request);

/** Takes the response to a request, as syncmgr_channel_recv takes a message. The request is over
 *  then, and after E_UNAVAILABLE. Blocks up to `timeout_ns`.
 *  @return as syncmgr_channel_recv; E_UNAVAILABLE (DIRECT: the workstream that was asked died or
 *          closed before it replied); E_NOT_FOUND (no such request of this workstream). */
SYNCMGR_API int32_t syncmgr_channel_response(syncmgr_channel_t *channel, uint64_t request,
                                             void *buffer, size_t capacity, int64_t timeout_ns,
                                             syncmgr_message_t *out_message);

/** Gives a request up: a response that comes is E_NOT_FOUND for who sends it. Does not block.
 *  @return OK; E_NOT_FOUND (no such request of this workstream). */
SYNCMGR_API int32_t syncmgr_channel_forget(syncmgr_channel_t *channel, uint64_t request);

/** Replies to a message: `reply_to` is what the message had, `options` may have priority,
 *  correlation, topic and metadata. Does not block.
 *  @return OK; E_NOT_FOUND (who asked is gone, has given up, or has a response); E_TOO_LARGE;
 *          E_NO_SPACE; E_CLOSED; E_INVALID. */
SYNCMGR_API int32_t syncmgr_channel_reply(syncmgr_channel_t *channel, uint64_t reply_to,
                                          const void *data, size_t length,
                                          const syncmgr_send_options_t *options);

/* Without copying. */

/** Lends memory of the segment for a message of up to `size` bytes, aligned to 4,096. It belongs to
 *  the workstream until it is published or given back; that of a dead one is reclaimed. Does not
 *  block.
 *  @return OK; E_TOO_LARGE (not even an empty segment has so much); E_NO_SPACE (not at this time);
 *          E_CLOSED; E_INVALID (size 0). */
SYNCMGR_API int32_t syncmgr_channel_loan(syncmgr_channel_t *channel, size_t size, void **out_data);

/** Sends the first `length` bytes of a loan, as syncmgr_channel_send does, without copying them.
 *  On success the loan is over; also when nobody gets the message. On error it stays.
 *  @return as syncmgr_channel_send; E_NOT_FOUND also when `loan` is none of this workstream. */
SYNCMGR_API int32_t syncmgr_channel_publish(syncmgr_channel_t *channel, void *loan, size_t length,
                                            const syncmgr_send_options_t *options,
                                            int64_t timeout_ns, uint32_t *out_count);

/** Gives a loan back unused.
 *  @return OK; E_NOT_FOUND (it is none of this workstream). */
SYNCMGR_API int32_t syncmgr_channel_loan_return(syncmgr_channel_t *channel, void *loan);

/* Looking. */

/** How a mailbox is. Filled by the library. */
typedef struct syncmgr_mailbox {
  uint64_t workstream;  /**< whose it is; 0 for a queue's */
  uint64_t received;    /**< messages taken so far */
  uint64_t dropped;     /**< messages lost because it was full */
  uint64_t expired;     /**< messages whose time was over */
  uint64_t undelivered; /**< messages that became dead letters, or would have */
  uint32_t waiting;     /**< messages in it: how far it lags */
  uint32_t taken;       /**< messages given out and not given back */
  int32_t pid;
  uint32_t reserved;
  char name[256]; /**< of the workstream, terminated */
} syncmgr_mailbox_t;

/** Writes up to `capacity` mailboxes of the channel; `out_count` gets how many there are.
 *  @return OK; E_INVALID (`mailboxes` NULL with a capacity). */
SYNCMGR_API int32_t syncmgr_channel_mailboxes(syncmgr_channel_t *channel,
                                              syncmgr_mailbox_t *mailboxes, uint32_t capacity,
                                              uint32_t *out_count);

/* Cells: MEMORY. A value that does not lie in its cell takes whole pages, and that before it
 * keeps its own until the next one comes: who reads it is not disturbed. Regions and cells have
 * keys of their own: one of each may have the same. */

/** What a cell has; the library does not look at it. */
#define SYNCMGR_CELL_BYTES 0u
#define SYNCMGR_CELL_INT64 1u
#define SYNCMGR_CELL_FLOAT64 2u
#define SYNCMGR_CELL_TEXT 3u
#define SYNCMGR_CELL_JSON 4u
/** Whatever version, or none. */
#define SYNCMGR_VERSION_ANY ((uint64_t)0xffffffffffffffffu)

typedef struct syncmgr_cell {
  const char *key;  /**< 1 to 255 bytes of UTF-8; set by the caller */
  const void *data;
  size_t length;
  uint64_t version; /**< grows by one with each change of the cell, removals included, so that no
                         key has a version twice; 0: there is none */
  uint32_t type;    /**< SYNCMGR_CELL_... */
  int32_t status;   /**< written by syncmgr_channel_get */
} syncmgr_cell_t;

/** Sets a cell to `data`, if it has the version `expected`: VERSION_ANY, or 0 for a cell that is
 *  not there. Nobody ever sees a part of it, whenever the writer dies. With `data` NULL and no
 *  length the cell is removed, which changes nothing where there is none. `out_version`, which may
 *  be NULL, gets the new version, or on E_CHANGED the one it has. Does not block.
 *  @return OK; E_CHANGED (it has another version); E_INVALID (key, type, a length without data);
 *          E_UNSUPPORTED (the kind); E_TOO_LARGE; E_NO_SPACE; E_CLOSED (shut, too). */
SYNCMGR_API int32_t syncmgr_channel_set(syncmgr_channel_t *channel, const syncmgr_cell_t *cell,
                                        uint64_t expected, uint64_t *out_version);

/** Reads `count` cells at one moment: no change comes between them. The values are copied into
 *  `buffer`, each at a multiple of 8 from its beginning, and `out_length`, which may be NULL, gets
 *  the room that they take. Each cell's status is OK, and `data` not NULL, or E_NOT_FOUND. Cells of
 *  a channel that was shut can be read. Takes no lock unless somebody writes all the time. Does not
 *  block.
 *  @return OK; E_NOT_FOUND (none of them is there); E_TOO_LARGE (the buffer: `out_length` gets
 *          what is needed, and each cell its length and no data); E_INVALID (a key, the buffer;
 *          no cells); E_UNSUPPORTED (the kind). */
SYNCMGR_API int32_t syncmgr_channel_get(syncmgr_channel_t *channel, syncmgr_cell_t *cells,
                                        uint32_t count, void *buffer, size_t capacity,
                                        size_t *out_length);

/** Waits until the version of a cell is not `seen`; 0: until it is there. `out_version`, which may
 *  be NULL, gets the one it has then: 0 when it was removed. Blocks up to `timeout_ns`.
 *  @return OK; E_TIMEOUT; E_CLOSED (shut, too); E_INVALID (key, timeout); E_UNSUPPORTED (the kind);
 *          E_NO_SPACE (a wait for a cell that was never there). */
SYNCMGR_API int32_t syncmgr_channel_changed(syncmgr_channel_t *channel, const char *key,
                                            uint64_t seen, int64_t timeout_ns,
                                            uint64_t *out_version);

/** Starts such a wait for the cell of `key` with `version` as seen, see syncmgr_ticket_wait; the
 *  record's value is the version.
 *  @return OK (now); PENDING; as syncmgr_channel_changed. */
SYNCMGR_API int32_t syncmgr_channel_changed_start(syncmgr_channel_t *channel,
                                                  const syncmgr_cell_t *cell, int64_t timeout_ns,
                                                  syncmgr_queue_t *queue, uint64_t user_data,
                                                  syncmgr_ticket_t **out_ticket);

/** A named region of the segment: `size` bytes that every process sees at once, zero at first.
 *  Its address is this process's, and valid until the handle is closed. Whoever writes to it makes
 *  out with the others how.
 *  All handles of this process have the same; it begins on a page. A region stays until the channel
 *  is removed.
 *  @return OK; E_MISMATCH (it has another size); E_INVALID (key, size 0); E_UNSUPPORTED (the kind);
 *          E_TOO_LARGE; E_NO_SPACE; E_CLOSED (shut, too). */
SYNCMGR_API int32_t syncmgr_channel_region(syncmgr_channel_t *channel, const char *key, size_t size,
                                           void **out_data);

/* ------------------------------------------------------------------------------------------------
 * Store: the versioned entries of a space
 *
 *   syncmgr_store_t *store;        syncmgr_store_open(me, NULL, &store);
 *   syncmgr_change_t change = {.key = "jobs/7", .data = "done", .length = 4,
 *                              .expected = SYNCMGR_VERSION_ANY};
 *   syncmgr_store_put(store, &change, 0, NULL);
 *   syncmgr_entry_t entry = {.key = "jobs/7"};
 *   char buffer[512];
 *   syncmgr_store_get(store, &entry, 1, buffer, sizeof buffer, NULL);
 *
 * A space has one store: whoever opens it first makes it. It maps keys to entries: bytes of a type,
 * with who wrote them and when. A key has 1 to 255 bytes of UTF-8, of which the first is not 0x01;
 * by convention '/' divides it.
 *
 * Version and revision. The version of a key grows with every change of it, deletions included,
 * and no key ever has a version twice; 0 is a key that is not there. The revision of the store
 * grows by one with every commit: all changes of one commit have its revision, and are seen
 * together or not at all, by every reader and whenever the writer dies.
 *
 * Reading takes no lock unless somebody writes all the time. An entry up to `inline_size` lies in
 * its place; one that is larger takes whole pages, and the one before it keeps its own until the
 * next one comes: who reads it is not disturbed.
 *
 * Durable. A space that was opened with "?store=FILE" keeps its store in that file: whoever opens
 * the store of a new segment first reads it, and commits return when they are on disk, whatever
 * happens to process or machine afterwards. With SYNCMGR_PUT_QUEUED they do not wait: a background
 * thread of a process of the space writes them about 20 ms later; without one they are written with
 * the next commit that waits, by syncmgr_store_sync, or when the process leaves. A queued commit
 * outlives the death of all processes: the next opener writes it before it replaces their segment.
 * Only the end of the machine loses it; what is on disk is all commits up to one of them, in their
 * order, never a part of one. Processes that wait at the same time are written together, by one of
 * them, so that more of them have more commits a second.
 *   FILE is a database of SQLite, whose library is loaded when the store is opened. Others may read
 * it any time, read-only (sqlite3 -readonly), and must not write it. Beside it are FILE-wal and
 * FILE-shm while it is open, and FILE.syncmgr, which says which space it belongs to: one space at a
 * time. When it cannot be written (the disk is full), calls that wait for it say so: what they
 * committed is in memory, seen by everybody, and is written as soon as that is possible again.
 *
 * The log has the latest commits, as many as there is room for in `log_size` bytes. Who follows the
 * changes (syncmgr_store_changes) costs the writers nothing: a reader that fell behind gets E_GAP,
 * reads anew what there is (syncmgr_store_range), and goes on from its revision.
 */

typedef struct syncmgr_store_options {
  uint32_t size;        /**< sizeof(syncmgr_store_options_t) */
  uint32_t flags;       /**< 0 */
  uint32_t capacity;    /**< keys that there is room for at first, 1 to SYNCMGR_CAPACITY_MAX; it
                             grows */
  uint32_t inline_size; /**< bytes up to which an entry lies in its place, at most
                             SYNCMGR_STORE_INLINE_MAX */
  uint64_t log_size;    /**< bytes of the log, SYNCMGR_LOG_MIN to SYNCMGR_LOG_MAX, a multiple of 8;
                             a commit has at most a quarter of them, for which entries that do not
                             lie in their place count 0 */
} syncmgr_store_options_t;

#define SYNCMGR_STORE_OPTIONS_INIT \
  { sizeof(syncmgr_store_options_t), 0u, 1024u, 128u, 4194304u }

#define SYNCMGR_STORE_INLINE_MAX 32768u
#define SYNCMGR_LOG_MIN 65536u
#define SYNCMGR_LOG_MAX 268435456u
/** The longest key, in bytes without the terminating zero. */
#define SYNCMGR_KEY_MAX 255u
/** The most changes of one commit. */
#define SYNCMGR_COMMIT_MAX 65536u

/** What an entry is, or was changed to. */
typedef struct syncmgr_entry {
  const char *key;
  const void *data; /**< NULL when there is none */
  size_t length;
  uint64_t version;
  uint64_t revision;  /**< of the commit that wrote it */
  uint64_t writer_id; /**< id of the workstream that did, see syncmgr_workstream_id */
  const char *writer; /**< its name */
  int64_t wall_ns;    /**< when: nanoseconds since 1970, by the clock of the machine */
  uint32_t type;      /**< SYNCMGR_CELL_... */
  int32_t status;     /**< OK; E_NOT_FOUND: it is not there, or was deleted; E_CHANGED: only of
                           syncmgr_store_changes, see there */
} syncmgr_entry_t;

/** Only checks that the key has the version `expected`: its entry stays. `data` is NULL. */
#define SYNCMGR_CHANGE_CHECK 1u

/** One change of a commit. */
typedef struct syncmgr_change {
  const char *key;
  const void *data; /**< NULL, and `length` 0: the key is deleted. Nothing happens where it is not
                         there */
  size_t length;
  uint64_t expected; /**< the version that the key must have: SYNCMGR_VERSION_ANY, or 0 for one that
                          is not there */
  uint64_t version;  /**< written by the call: the new version, 0 when it was deleted; with
                          E_CHANGED, and of a check, the one that it has */
  uint32_t type;     /**< SYNCMGR_CELL_... */
  uint32_t flags;    /**< SYNCMGR_CHANGE_CHECK */
} syncmgr_change_t;

/** Does not wait until the commit is on disk: it is, a moment later, see Durable. Without a file
 *  nothing waits. */
#define SYNCMGR_PUT_QUEUED 1u

/** Opens the store of the space. Blocks, where the space has a file, until that was read; else not
 *  at all.
 *  @return OK; E_INVALID (an option); E_MISMATCH (it has other parameters than the options say);
 *          E_TYPE (the name "store" is another object's); E_NO_SPACE; E_LIMIT. With a file also:
 *          E_UNAVAILABLE (SQLite is not installed); E_BUSY (the file is another space's, which the
 *          sentence names); E_CORRUPT (it is damaged, or not a store's); E_VERSION (it was made by
 *          a newer version); E_UNSUPPORTED (where it is SQLite cannot work); E_PERMISSION;
 *          E_SYSTEM. */
SYNCMGR_API int32_t syncmgr_store_open(syncmgr_workstream_t *workstream,
                                       const syncmgr_store_options_t *options,
                                       syncmgr_store_t **out_store);

/** Closes the handle. The entries stay as long as the space does. */
SYNCMGR_API int32_t syncmgr_store_close(syncmgr_store_t *store);

/** Reads the entries of `count` keys at one moment: no commit comes between them. The keys are the
 *  caller's. Each entry's data, at a multiple of 8 from the beginning, and the terminated name of
 *  its writer behind it are copied into `buffer`; `out_length`, which may be NULL, gets the room
 *  that they take. Does not block.
 *  @return OK; E_NOT_FOUND (none of them is there); E_TOO_LARGE (the buffer: `out_length` gets
 *          what is needed, and the entries all but data and writer); E_INVALID (a key, the buffer;
 *          no entries). */
SYNCMGR_API int32_t syncmgr_store_get(syncmgr_store_t *store, syncmgr_entry_t *entries,
                                      uint32_t count, void *buffer, size_t capacity,
                                      size_t *out_length);

/** Commits one change, see syncmgr_store_commit. `out_version`, which may be NULL, gets the new
 *  version, or with E_CHANGED the one that the key has; `change` is only read. Blocks, where the
 *  space has a file, until it is on disk, unless `flags` has SYNCMGR_PUT_QUEUED.
 *  @return as syncmgr_store_commit. */
SYNCMGR_API int32_t syncmgr_store_put(syncmgr_store_t *store, const syncmgr_change_t *change,
                                      uint32_t flags, uint64_t *out_version);

/** Makes `count` changes of different keys, all of them if every key has the version that is
 *  expected of it, else none. `out_revision`, which may be NULL, gets the revision of the store
 *  that they are in: the present one when there was nothing to do. The `version` of every change
 *  is written, with OK and E_CHANGED. Blocks, where the space has a file, until the commit is on
 *  disk, up to `timeout_ns`, unless `flags` has SYNCMGR_PUT_QUEUED.
 *  @return OK; E_CHANGED (a key has another version: nothing was done); E_INVALID (a key, twice the
 *          same; type, flags, timeout; a length without data; no changes, or too many);
 *          E_TOO_LARGE (an entry, or the commit for the log); E_NO_SPACE. With a file, when the
 *          commit is in memory, and will be on disk later, see Durable: E_TIMEOUT, and whatever
 *          keeps the file from being written (E_NO_SPACE, E_PERMISSION, E_BUSY, E_CORRUPT,
 *          E_SYSTEM), with a sentence that says so; the versions of the changes are written. */
SYNCMGR_API int32_t syncmgr_store_commit(syncmgr_store_t *store, syncmgr_change_t *changes,
                                         uint32_t count, uint32_t flags, int64_t timeout_ns,
                                         uint64_t *out_revision);

/** The revision that the store has now. */
#define SYNCMGR_REVISION_NOW ((uint64_t)0xffffffffffffffffu)

/** Waits until everything up to `revision` is on disk, and writes it when nobody else does. Without
 *  a file that is so at once. Blocks up to `timeout_ns`; somebody who writes ends that first.
 *  @return OK; E_TIMEOUT; E_INVALID (timeout; a revision that the store has not come to); and what
 *          keeps the file from being written, as syncmgr_store_commit. */
SYNCMGR_API int32_t syncmgr_store_sync(syncmgr_store_t *store, uint64_t revision,
                                       int64_t timeout_ns);

/** Starts such a wait, see syncmgr_ticket_wait; the background thread writes. The record's value is
 *  the revision up to which everything is on disk.
 *  @return OK (it is so already); PENDING; as syncmgr_store_sync. */
SYNCMGR_API int32_t syncmgr_store_sync_start(syncmgr_store_t *store, uint64_t revision,
                                             int64_t timeout_ns, syncmgr_queue_t *queue,
                                             uint64_t user_data, syncmgr_ticket_t **out_ticket);

/** The entries come without data, as keys and versions. */
#define SYNCMGR_RANGE_KEYS 1u

/** Which entries, or changes, are asked for. All of them when the patterns are NULL. */
typedef struct syncmgr_range {
  uint32_t size;      /**< sizeof(syncmgr_range_t) */
  uint32_t flags;     /**< SYNCMGR_RANGE_KEYS */
  const char *prefix; /**< what a key begins with; NULL: anything */
  const char *glob;   /**< what a key is like: '*' is any text without '/', '**' any text, '?' one
                           character other than '/'; NULL: anything */
  const char *after;  /**< entries: only keys behind this one; NULL: from the first */
  uint64_t revision;  /**< entries: written by the call: of the store at that moment. Changes: those
                           behind this one; the call writes up to which it has read */
  size_t length;      /**< written by the call: bytes of the buffer that were used; with E_TOO_LARGE
                           those that are needed */
  uint32_t more;      /**< written by the call: 1 when there are more than it could give */
  uint32_t reserved;  /**< 0 */
} syncmgr_range_t;

#define SYNCMGR_RANGE_INIT \
  { sizeof(syncmgr_range_t), 0u, NULL, NULL, NULL, 0u, 0u, 0u, 0u }

/** Reads entries in the order of the bytes of their keys, all of one moment: as many as `entries`,
 *  of which there are `*count`, and `buffer` have room for. `count` gets how many there are. Keys,
 *  data and names are copied into the buffer. When `more` is 1 the next call, with `after` the last
 *  key, goes on: at a later moment, of which the revision tells. Does not block.
 *  @return OK; E_TOO_LARGE (not one has room: `length` says what the first needs, without its count
 *          of entries); E_INVALID (an argument). */
SYNCMGR_API int32_t syncmgr_store_range(syncmgr_store_t *store, syncmgr_range_t *range,
                                        syncmgr_entry_t *entries, uint32_t *count, void *buffer,
                                        size_t capacity);
/* ------------------------------------------------------------------------------------------------
 * Resolving: one value out of several
 *
 * Functions of what they are given alone: they open nothing, and may be called at any time. Each
 * gives the same answer, byte for byte, whatever the order of the candidates, and one that is given
 * twice counts once.
 *
 *   first_wins      the earliest; of one time the lowest version, then name, priority, value
 *   last_wins       the latest; of one time the highest version, then name, priority, value
 *   version_wins    the highest version; of one version the latest
 *   priority_based  the highest priority; of one priority the latest
 *   max, min        the greatest, the least value: null, false, true, numbers by their exact value,
 *                   strings by their bytes, arrays by their elements, objects by their members
 *   union           all elements of all arrays, each once, in the order of max and min; any other
 *                   value counts as an array of it, and stays one when all agree
 *   merge           objects member by member, deep; of anything else the latest. With a base, which
 *                   is what all began with, only what a candidate changed of it counts, deletions
 *                   too; without one nothing counts as deleted that another candidate has
 *
 * The order of the arguments aside, all but merge and a union by id also give the same in steps:
 * the result, with the stamps of its winner, may be put in the place of its candidates.
 */

#define SYNCMGR_STRATEGY_FIRST_WINS 0u
#define SYNCMGR_STRATEGY_LAST_WINS 1u
#define SYNCMGR_STRATEGY_PRIORITY_BASED 2u
#define SYNCMGR_STRATEGY_MERGE 3u
/** These three leave the decision to others. */
#define SYNCMGR_STRATEGY_CUSTOM 4u
#define SYNCMGR_STRATEGY_MANUAL 5u
#define SYNCMGR_STRATEGY_ABORT 6u
#define SYNCMGR_STRATEGY_VERSION_WINS 7u
#define SYNCMGR_STRATEGY_UNION 8u
#define SYNCMGR_STRATEGY_MAX 9u
#define SYNCMGR_STRATEGY_MIN 10u

/** The most candidates at once. */
#define SYNCMGR_CANDIDATES_MAX 256u
/** The longest JSON text that is read, in bytes; it may have 512 arrays and objects inside each
 *  other. */
#define SYNCMGR_JSON_MAX 16777216u

/** Decides between values. `candidates` is an array of objects, or an object with that array as
 *  `candidates`; and with `base`, which merge uses; or with `id`, which union uses: the member by
 *  which two objects are one element, of which the latest candidate's stays. The members of a
 *  candidate, each of which may be absent:
 *
 *    value       any; absent: it was deleted. A deletion takes part in first_wins, last_wins,
 *                version_wins, priority_based and merge, and loses against any value elsewhere
 *    time        a whole number from 0 to 2^64 - 1, of any clock that all candidates have; or 0
 *    version     such a number; or 0
 *    workstream  a name; or ""
 *    priority    a whole number from -2^63 to 2^63 - 1; or 0
 *    clock       a vector clock. A candidate whose clock is before another's is superseded, and out
 *                of it before the strategy is asked
 *
 *  `buffer` gets a terminated JSON object: `strategy`; `value`, or `deleted` true; `winner`, of the
 *  strategies that choose a candidate, with its workstream, version, time and priority; `clock`, of
 *  all together, when one has one; and `discarded`, every value that is not in the result: `path`,
 *  a JSON pointer to where, `value` or `deleted`, `why`, which is "lost" or "superseded", and its
 *  candidate's workstream, version, time and priority. `out_length` gets its length without the
 *  terminating zero, also when `capacity` is too small. Does not block.
 *  @return OK; E_OVERFLOW (`capacity` is too small; `buffer` is left as it was); E_INVALID (the
 *          strategy, or it leaves the decision to others; no JSON; unknown members; no candidates;
 *          a base or id that the strategy does not use; `buffer` NULL with a capacity); E_LIMIT
 *          (more than CANDIDATES_MAX). */
SYNCMGR_API int32_t syncmgr_resolve(uint32_t strategy, const char *candidates, char *buffer,
                                    size_t capacity, size_t *out_length);

#define SYNCMGR_CLOCK_EQUAL 0u
#define SYNCMGR_CLOCK_BEFORE 1u
#define SYNCMGR_CLOCK_AFTER 2u
#define SYNCMGR_CLOCK_CONCURRENT 3u

/** Compares vector clocks. One is a JSON object with how many changes of each replica, by its name,
 *  were known, such as {"a":3,"b":1}; 0 is the same as absent. A member "" that is true says that
 *  counts were taken out of it, to keep it small: what it is compared with is CONCURRENT then, and
 *  never in a wrong order. Does not block.
 *  @return OK with a SYNCMGR_CLOCK_... value: what `left` is to `right`; E_INVALID (no clock). */
SYNCMGR_API int32_t syncmgr_clock_compare(const char *left, const char *right,
                                          uint32_t *out_order);

/** Writes the clock that knows what both know, and has one more change of `replica`. Each may be
 *  NULL. `buffer` and `out_length` as for syncmgr_resolve. Does not block.
 *  @return OK; E_OVERFLOW; E_INVALID (no clock; `replica` is no UTF-8 or has more than 255 bytes);
 *          E_NAME (`replica` is empty); E_LIMIT (its count is 2^64 - 1). */
SYNCMGR_API int32_t syncmgr_clock_merge(const char *left, const char *right, const char *replica,
                                        char *buffer, size_t capacity, size_t *out_length);

/** An object with two members of one name is E_INVALID. Without it the last one counts, in the
 *  place of the first. */
#define SYNCMGR_JSON_UNIQUE 1u
/** The members of objects are put in the order of their names' bytes. */
#define SYNCMGR_JSON_SORTED 2u

/** Reads a JSON text (RFC 8259) of `length` bytes and writes it in the form in which this library
 *  does: without space, with \u escapes for control characters only, whole numbers and all other
 *  numbers with the digits that they had. To check a text, to compare two, or to store one small.
 *  Refused are also a byte order mark, bytes that are not UTF-8, and half a surrogate pair.
 *  `buffer` and `out_length` as for syncmgr_resolve. Does not block.
 *  @return OK; E_OVERFLOW; E_INVALID (no JSON, or nested deeper than 512: the sentence says where;
 *          flags; `text` or `buffer` NULL with a length); E_TOO_LARGE (more than JSON_MAX). */
SYNCMGR_API int32_t syncmgr_json_format(const char *text, size_t length, uint32_t flags,
                                        char *buffer, size_t capacity, size_t *out_length);

/* ------------------------------------------------------------------------------------------------
 * Conflicts: declared, decided once, seen by all
 *
 * A conflict is a record in the store of the space: every process of the space sees it, it outlives
 * who declared it, and it is on disk when the store is. It is open until it is resolved, ignored or
 * found unresolvable. Who ends it does so once, by one commit: all see the same result, and a
 * process that dies in the midst of it leaves the conflict as it was. These calls do not wait for
 * the disk.
 *
 *   detected      declared, and nobody looks at it
 *   analyzing     left to whoever decides it: the strategy is manual
 *   resolving     somebody has claimed it, to let its handlers decide
 *   resolved      there is a result
 *   unresolvable  its time passed, or its handlers and strategy gave no answer. Told to all with
 *                 the priority CRITICAL. Can still be resolved
 *   ignored       somebody said that it is none
 *
 * A conflict is decided between candidates, see syncmgr_resolve: those of its data, which is the
 * same object; `base` and `id` of it are used by merge and union. Without candidates it is decided
 * between the workstreams: a value is the name of one, its time the place in the list, and its
 * priority that of the workstream (syncmgr_workstream_set_priority).
 *
 * Of each conflict everybody is told by CONFLICT notices when it is detected and when it has ended.
 * The value is its id, the priority its severity; the detail has conflict (the id), status, type,
 * severity and strategy.
 *
 * As JSON a conflict has these members, those in brackets where there is something to say: id,
 * type, severity, status, strategy (their names), [sync_point], workstreams, reason, [data],
 * detected_at (nanoseconds since 1970), detected_by, [deadline], [claimed_by], [key] (of the
 * store's entry, see syncmgr_store_merge), [resolved_at], [resolved_by], and [result], which is
 * what syncmgr_resolve writes; of abort it has `aborted` true in place of a value.
 */

#define SYNCMGR_CONFLICT_TYPE_DATA 0u       /* "data_conflict" */
#define SYNCMGR_CONFLICT_TYPE_RESOURCE 1u   /* "resource_conflict" */
#define SYNCMGR_CONFLICT_TYPE_TIMING 2u     /* "timing_conflict" */
#define SYNCMGR_CONFLICT_TYPE_DEPENDENCY 3u /* "dependency_conflict" */
#define SYNCMGR_CONFLICT_TYPE_STATE 4u      /* "state_conflict" */
#define SYNCMGR_CONFLICT_TYPE_PRIORITY 5u   /* "priority_conflict" */

/** As many as the priorities of notices, which they become. */
#define SYNCMGR_SEVERITY_LOW 0u
#define SYNCMGR_SEVERITY_MEDIUM 1u
#define SYNCMGR_SEVERITY_HIGH 2u
#define SYNCMGR_SEVERITY_CRITICAL 3u

#define SYNCMGR_CONFLICT_DETECTED 0u
#define SYNCMGR_CONFLICT_ANALYZING 1u
#define SYNCMGR_CONFLICT_RESOLVING 2u
#define SYNCMGR_CONFLICT_RESOLVED 3u
#define SYNCMGR_CONFLICT_UNRESOLVABLE 4u
#define SYNCMGR_CONFLICT_IGNORED 5u

/** It is resolved at once: by the handlers of this process for its type, or else by its strategy.
 *  */
#define SYNCMGR_CONFLICT_AUTO 1u
/** The workstreams in it get a message each, of the kind CONFLICT, as long as there is room. */
#define SYNCMGR_CONFLICT_NOTIFY 2u

typedef struct syncmgr_conflict_options {
  uint32_t size;           /**< sizeof(syncmgr_conflict_options_t) */
  uint32_t flags;          /**< SYNCMGR_CONFLICT_AUTO, _NOTIFY */
  uint32_t type;           /**< SYNCMGR_CONFLICT_TYPE_... */
  uint32_t severity;       /**< SYNCMGR_SEVERITY_... */
  uint32_t strategy;       /**< SYNCMGR_STRATEGY_...: resolves it, unless told otherwise */
  uint32_t reserved;       /**< 0 */
  int64_t timeout_ns;      /**< after which it is unresolvable, by the machine's clock; FOREVER.
                                What is left to somebody's decision has no end */
  const char *sync_point;  /**< where, a name; or NULL */
  const char *workstreams; /**< between whom: 1 to 16 names, a '/' between; NULL: the caller's */
  const char *reason;      /**< in words, at most 383 bytes; or NULL */
  const char *data;        /**< JSON, an object with `candidates` or whatever helps to decide; or
                                NULL */
} syncmgr_conflict_options_t;

#define SYNCMGR_CONFLICT_OPTIONS_INIT                                                     \
  {                                                                                       \
    sizeof(syncmgr_conflict_options_t), SYNCMGR_CONFLICT_AUTO, SYNCMGR_CONFLICT_TYPE_DATA, \
        SYNCMGR_SEVERITY_MEDIUM, SYNCMGR_STRATEGY_LAST_WINS, 0u, 30000000000, NULL, NULL, \
        NULL, NULL                                                                        \
  }

/** Declares a conflict. With AUTO it is resolved before this returns: the handlers of this process
 *  for its type are asked, one after the other on this thread, and where there are none or none has
 *  an answer the strategy decides; with manual it is left to somebody, and with custom
 *  unresolvable. `out_id`, which may be NULL, gets its id, also when it was declared and could not
 *  be resolved. Does not block but for handlers. The last 1,024 that have ended are kept, and up to
 *  64 more.
 *  @return OK; E_INVALID (an option, data that is no JSON or whose candidates are none); E_NAME (a
 *          name); E_TOO_LARGE; E_NO_SPACE; what syncmgr_conflict_resolve returns. */
SYNCMGR_API int32_t syncmgr_conflict_detect(syncmgr_store_t *store,
                                            const syncmgr_conflict_options_t *options,
                                            uint64_t *out_id);

/** Writes a conflict as JSON, terminated. `out_length` gets its length without the terminating
 *  zero, also when `capacity` is too small. Does not block.
 *  @return OK; E_NOT_FOUND; E_OVERFLOW (`capacity`; `buffer` is left as it was); E_INVALID. */
SYNCMGR_API int32_t syncmgr_conflict_get(syncmgr_store_t *store, uint64_t id, char *buffer,
                                         size_t capacity, size_t *out_length);

/** Which conflicts are asked for: those for which all of it is so. */
typedef struct syncmgr_conflict_filter {
  uint32_t size;          /**< sizeof(syncmgr_conflict_filter_t) */
  uint32_t types;         /**< a bit 1 << SYNCMGR_CONFLICT_TYPE_... for each */
  uint32_t statuses;      /**< a bit 1 << SYNCMGR_CONFLICT_... for each */
  uint32_t severities;    /**< a bit 1 << SYNCMGR_SEVERITY_... for each */
  const char *sync_point; /**< NULL: any, and none */
  const char *workstream; /**< one that is in it; NULL: any */
} syncmgr_conflict_filter_t;

#define SYNCMGR_CONFLICT_FILTER_INIT \
  { sizeof(syncmgr_conflict_filter_t), 0xffffffffu, 0xffffffffu, 0xffffffffu, NULL, NULL }
/** The statuses of conflicts that are open. */
#define SYNCMGR_CONFLICT_OPEN 7u

/** Writes a JSON array of conflicts, in the order of their ids; `filter` NULL: of all. `buffer` and
 *  `out_length` as for syncmgr_conflict_get. Does not block.
 *  @return OK; E_OVERFLOW; E_INVALID (an argument). */
SYNCMGR_API int32_t syncmgr_conflict_list(syncmgr_store_t *store,
                                          const syncmgr_conflict_filter_t *filter, char *buffer,
                                          size_t capacity, size_t *out_length);

/** Decides a conflict, from any process. By custom or manual with `value`, which is JSON: that is
 *  the result. By manual without: it is left to whoever decides later. By custom without: the
 *  handlers of this process for its type are asked on this thread; where none has an answer its own
 *  strategy decides, and if that is custom too, or abort, as it says. By abort: there is no result.
 *  By any other: its candidates are decided between. `resolved_by` is who is said to have done it;
 *  NULL: the workstream. One that is claimed by somebody alive can be decided by others
 *  nevertheless. Does not block but for handlers.
 *  @return OK; E_NOT_FOUND; E_ALREADY (it is resolved or ignored, or by custom without a value: was
 *          resolved by another meanwhile); E_BUSY (by custom without a value: it is claimed by
 *          another); E_FAILED (it is unresolvable now); E_INVALID (an argument; a value with
 *          another strategy; what is no JSON); E_TOO_LARGE; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_conflict_resolve(syncmgr_store_t *store, uint64_t id,
                                             uint32_t strategy, const char *value,
                                             const char *resolved_by);

/** Claims an open conflict for this workstream, so that one and no other lets its handlers decide
 *  it; for handlers that run in ways of their own. A claim ends by syncmgr_conflict_settle, by
 *  _release, or with the workstream: whoever comes next gets it then. Does not block.
 *  @return OK; E_BUSY (somebody else has it); E_ALREADY (it has ended, or this workstream has it);
 *          E_NOT_FOUND; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_conflict_claim(syncmgr_store_t *store, uint64_t id);

/** Ends a conflict that this workstream has claimed. `value` is JSON, the result; NULL: no handler
 *  had an answer, and its strategy decides: manual leaves it to somebody, custom makes it
 *  unresolvable. Does not block.
 *  @return OK; E_FAILED (it is unresolvable now); E_NOT_OWNER (it is not claimed by this
 *          workstream); E_ALREADY (it has ended, by another or because its time passed);
 *          E_NOT_FOUND; E_INVALID (`value` is no JSON); E_TOO_LARGE; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_conflict_settle(syncmgr_store_t *store, uint64_t id,
                                            const char *value);

/** Gives a claim back: the conflict is detected, as before. Does not block.
 *  @return OK; E_NOT_OWNER; E_ALREADY (it has ended); E_NOT_FOUND; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_conflict_release(syncmgr_store_t *store, uint64_t id);

/** Ends a conflict without a result. `by` is who is said to have done it; NULL: the workstream.
 *  Does not block.
 *  @return OK; E_NOT_FOUND; E_ALREADY (it is resolved or ignored); E_INVALID; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_conflict_ignore(syncmgr_store_t *store, uint64_t id, const char *by);

/** Forgets the conflicts that are resolved or ignored. `out_count`, which may be NULL, gets how
 *  many there were. Does not block.
 *  @return OK; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_conflict_clear(syncmgr_store_t *store, uint32_t *out_count);

/** Waits until a conflict has ended. `out_status`, which may be NULL, gets how:
 *  SYNCMGR_CONFLICT_RESOLVED, _UNRESOLVABLE or _IGNORED. Blocks up to `timeout_ns`.
 *  @return OK; E_TIMEOUT; E_NOT_FOUND (none, or forgotten meanwhile); E_INVALID; E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_conflict_wait(syncmgr_store_t *store, uint64_t id, int64_t timeout_ns,
                                          uint32_t *out_status);

/** Starts such a wait, see syncmgr_ticket_wait.
 *  @return OK (it has ended); PENDING; as syncmgr_conflict_wait. */
SYNCMGR_API int32_t syncmgr_conflict_wait_start(syncmgr_store_t *store, uint64_t id,
                                                int64_t timeout_ns, syncmgr_queue_t *queue,
                                                uint64_t user_data,
                                                syncmgr_ticket_t **out_ticket);

/** Registers a handler of this process for conflicts of the types in `types`, a bit 1 <<
 *  SYNCMGR_CONFLICT_TYPE_... for each. A handler is asked by detect with AUTO and by resolve with
 *  custom, on the thread that calls these in this process, and those of one type in the order in
 *  which they were registered. `conflict` is its JSON, valid until the handler returns; it is
 *  claimed by the workstream of the store's handle that it was detected or resolved by. A handler
 *  that has an answer calls syncmgr_conflict_settle through a handle of that workstream, and
 *  returns OK; if it returns anything else, or has not settled it, the next one is asked. It may
 *  call anything, including syncmgr_off and close.
 *  The subscription ends by syncmgr_off, which waits for a call that runs, unless it is called from
 *  within; and when the manager closes. `destroy(user)`, which may be NULL, runs exactly once:
 *  after the last call, or before this returns an error.
 *  @return OK; E_INVALID (types 0 or unknown; callback NULL); E_LIMIT; E_NO_MEMORY. */
SYNCMGR_API int32_t syncmgr_conflict_on(syncmgr_store_t *store, uint32_t types,
                                        int32_t (*callback)(uint64_t id, const char *conflict,
                                                            void *user),
                                        void *user, void (*destroy)(void *user),
                                        syncmgr_subscription_t **out_subscription);

typedef struct syncmgr_merge_options {
  uint32_t size;     /**< sizeof(syncmgr_merge_options_t) */
  uint32_t flags;    /**< SYNCMGR_PUT_QUEUED */
  uint32_t strategy; /**< SYNCMGR_STRATEGY_... */
  uint32_t severity; /**< SYNCMGR_SEVERITY_... */
  const char *base;  /**< JSON that the new value was made from, of the version expected, for merge;
                          NULL: not known */
  const char *id;    /**< for union, see syncmgr_resolve; or NULL */
} syncmgr_merge_options_t;

#define SYNCMGR_MERGE_OPTIONS_INIT                                                            \
  {                                                                                           \
    sizeof(syncmgr_merge_options_t), 0u, SYNCMGR_STRATEGY_MERGE, SYNCMGR_SEVERITY_LOW, NULL,  \
        NULL                                                                                  \
  }

/** Puts a JSON value, or deletes one, as syncmgr_store_put; but when the key has another version
 *  than `change->expected` somebody changed it meanwhile: that is a data conflict between who wrote
 *  the entry and this workstream. It is decided by the strategy between what is there, with its
 *  version, time and writer, and what was to be put, with the version after the one expected, and
 *  now. The result is put in place of both, and the conflict is recorded, resolved, in the same
 *  commit. By custom, manual and abort nothing is put, and the conflict is recorded: by custom and
 *  manual open, and its result is put when it is resolved; by abort resolved.
 *  `change->version` gets the key's version. `buffer` gets a JSON object: `version`; when there was
 *  a conflict `conflict`, its id, and the members that syncmgr_resolve writes. `out_length` gets
 *  its length, also when `capacity` is too small: nothing is undone then, and the rest is in the
 *  conflict. Blocks, where the space has a file, until it is on disk, unless told not to.
 *  @return OK; PARTIAL (recorded, and left open); E_CHANGED (abort); E_OVERFLOW; E_TYPE (what is
 *          there is no JSON); E_INVALID (an argument); as syncmgr_store_put. */
SYNCMGR_API int32_t syncmgr_store_merge(syncmgr_store_t *store, syncmgr_change_t *change,
                                        const syncmgr_merge_options_t *options, char *buffer,
                                        size_t capacity, size_t *out_length);

/* ------------------------------------------------------------------------------------------------
 * Transactions: several changes of the store, and what else is to be done with them, as one
 *
 *   syncmgr_transaction_t *transfer;
 *   syncmgr_transaction_begin(store, NULL, &transfer);
 *   ... syncmgr_transaction_get, syncmgr_transaction_put ...
 *   syncmgr_transaction_commit(transfer, 0, SYNCMGR_FOREVER, NULL);
 *   syncmgr_transaction_close(transfer);
 *
 * What a transaction writes stays with it until its commit, which is one commit of the store: then
 * all see all of it. One that is rolled back, whose time passes, that throws or dies half-way was
 * seen by nobody. Committed means on disk where the space has a file.
 *
 * Isolation. Without OPTIMISTIC a transaction locks what it touches, in the name of the store
 * handle's workstream: a key SHARED that it reads, EXCLUSIVE that it writes, until it ends. Such
 * locks are objects of SYNCMGR_TYPE_TARGET, in a name space of their own; they are there while
 * somebody uses them, are searched for deadlocks with all others, and a workstream has one
 * transaction with locks at a time. With OPTIMISTIC nothing is locked and nobody waits. Either way
 * its commit checks that what it has read is still so, for plain puts take no locks: else
 * E_CHANGED.
 *
 *   SERIALIZABLE     keys and ranges that it has read are the same at its commit: it is as if all
 *                    transactions had run one after another
 *   REPEATABLE_READ  the keys are; ranges may have got others (phantoms)
 *   READ_COMMITTED   reads are neither locked nor checked, what is read is committed
 *
 * E_CHANGED, E_DEADLOCK, E_PREEMPTED and a time that passed end a transaction: it is rolled back
 * when the call returns. syncmgr_transaction_run begins anew for the first three.
 *
 * Operations. What is not a change of the store is done by callbacks, `execute` and `undo`: in the
 * order they were added, at the commit, before its changes are seen. When one fails, or the commit
 * does, those that were executed are undone, the newest first, each once. One that comes back
 * after its time is undone after it has come back. An undo that fails leaves the transaction
 * FAILED; the next syncmgr_transaction_rollback goes on with it.
 *
 * CUSTOM operations with a name survive their process: that they begin is in the store, on disk
 * where there is a file, before they do. What a dead process executed is undone by the handlers of
 * that name, in whichever process calls syncmgr_transaction_recover; also one that died in
 * `execute`, of which nobody knows how far it came, and again one that died in `undo`.
 *
 * Steps. A language that cannot wait inside of a callback does the work by itself: it chooses an
 * aim (syncmgr_transaction_aim), and then takes steps (syncmgr_transaction_step), each of which
 * says what to do next, and reports (syncmgr_transaction_report) what came of it.
 *
 * A transaction belongs to one thread at a time: a call while another one runs is E_BUSY, except
 * syncmgr_transaction_info. It lives on when the store handle is closed, and is rolled back when
 * its workstream closes.
 */

/** It only reads: a write is E_PERMISSION. */
#define SYNCMGR_TRANSACTION_READ_ONLY 1u
/** Commits only when every key that it has read still has the version that was read, at every level
 *  of isolation; refuses operations whose name has no handler in this process. */
#define SYNCMGR_TRANSACTION_STRICT 2u
/** Locks nothing; all is checked at the commit. */
#define SYNCMGR_TRANSACTION_OPTIMISTIC 4u

#define SYNCMGR_SERIALIZABLE 0u
#define SYNCMGR_REPEATABLE_READ 1u
#define SYNCMGR_READ_COMMITTED 2u

/** Begun, and nothing was done in it. */
#define SYNCMGR_TRANSACTION_PENDING 0u
/** It has read, written, or got an operation. */
#define SYNCMGR_TRANSACTION_ACTIVE 1u
#define SYNCMGR_TRANSACTION_COMMITTING 2u
#define SYNCMGR_TRANSACTION_COMMITTED 3u
#define SYNCMGR_TRANSACTION_ROLLING_BACK 4u
#define SYNCMGR_TRANSACTION_ROLLED_BACK 5u
/** An undo failed: what is left to do waits for another rollback. */
#define SYNCMGR_TRANSACTION_FAILED 6u
/** Rolled back because its time passed. */
#define SYNCMGR_TRANSACTION_TIMED_OUT 7u

typedef struct syncmgr_transaction_options {
  uint32_t size;       /**< sizeof(syncmgr_transaction_options_t) */
  uint32_t flags;      /**< SYNCMGR_TRANSACTION_READ_ONLY, ... */
  uint32_t isolation;  /**< SYNCMGR_SERIALIZABLE, ... */
  int32_t priority;    /**< of the workstream while it has locks, for the choice of victims */
  uint32_t retries;    /**< syncmgr_transaction_run: how often it begins anew */
  uint32_t reserved;   /**< 0 */
  int64_t timeout_ns;  /**< of the whole transaction; FOREVER */
  int64_t operation_timeout_ns; /**< of each lock, and of operations without their own; FOREVER */
  int64_t retry_delay_ns;       /**< before the first new beginning; doubles, up to 100 times */
  const char *workstreams; /**< names, with a '/' between, of all that take part, see
                                syncmgr_transaction_join; NULL: the handle's own alone */
  const char *metadata;    /**< JSON, kept in its record; NULL: none */
} syncmgr_transaction_options_t;

#define SYNCMGR_TRANSACTION_OPTIONS_INIT                                                     \
  {                                                                                          \
    sizeof(syncmgr_transaction_options_t), 0u, SYNCMGR_SERIALIZABLE, 0, 10u, 0u,             \
        SYNCMGR_FOREVER, SYNCMGR_FOREVER, 1000000, NULL, NULL                                \
  }

/** Begins a transaction in the name of the store handle's workstream. Its record is in the store
 *  from now on. `out_transaction` is the caller's, who closes it. Does not block.
 *  @return OK; E_BUSY (the workstream has a transaction with locks already); E_INVALID (options,
 *          metadata); E_NAME (workstreams; the own is not among them); E_NO_SPACE; E_LIMIT. */
SYNCMGR_API int32_t syncmgr_transaction_begin(syncmgr_store_t *store,
                                              const syncmgr_transaction_options_t *options,
                                              syncmgr_transaction_t **out_transaction);

/** Closes the handle. A transaction that has not ended is rolled back, also one that has operations
 *  to be undone by steps: these are left to syncmgr_transaction_recover when they have a name, and
 *  are otherwise not undone. One that has voted stays as it is.
 *  Blocks while callbacks run. @return OK. */
SYNCMGR_API int32_t syncmgr_transaction_close(syncmgr_transaction_t *transaction);

/** Reads as syncmgr_store_get, with what the transaction has written itself, of which version and
 *  revision are 0. Blocks for locks.
 *  @return as syncmgr_store_get; E_CHANGED (it had read another version; rolled back); E_TIMEOUT,
 *          E_DEADLOCK, E_PREEMPTED (rolled back); E_LIMIT (of locks); E_ALREADY (it is not pending
 *          or active); E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_get(syncmgr_transaction_t *transaction,
                                            syncmgr_entry_t *entries, uint32_t count,
                                            void *buffer, size_t capacity, size_t *out_length);

/** Writes or, without data, deletes a key, for the commit to do. `expected` is looked at now, and
 *  again at the commit; what the transaction has written itself has no version: of that only
 *  VERSION_ANY is right, or 0 when it has deleted it. Blocks for the lock.
 *  @return OK; E_CHANGED (it has another version; nothing was done, and the transaction goes on);
 *          E_PERMISSION (READ_ONLY); E_INVALID (the change); E_TOO_LARGE; E_TIMEOUT, E_DEADLOCK,
 *          E_PREEMPTED (rolled back); E_LIMIT (of locks); E_ALREADY (it is not pending or active);
 *          E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_put(syncmgr_transaction_t *transaction,
                                            const syncmgr_change_t *change);

/** Reads a range as syncmgr_store_range, with what the transaction has written itself. Locks
 *  nothing: that the range is the same is checked at the commit. Does not block.
 *  @return as syncmgr_store_range; E_TIMEOUT (rolled back); E_ALREADY (it is not pending or
 *          active); E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_range(syncmgr_transaction_t *transaction,
                                              syncmgr_range_t *range, syncmgr_entry_t *entries,
                                              uint32_t *count, void *buffer, size_t capacity);

/** Locks a target: a key, or any other name of 1 to 255 bytes, SHARED or EXCLUSIVE; a shared lock
 *  is upgraded. What is locked already is OK. Also with OPTIMISTIC, in a workstream without another
 *  transaction that has locks. Held until the transaction ends.
 *  Blocks up to `timeout_ns`.
 *  @return OK; E_TIMEOUT (rolled back, unless `timeout_ns` was 0); E_DEADLOCK, E_PREEMPTED (rolled
 *          back); E_INVALID (mode, target, timeout); E_ALREADY (it is not pending or active);
 *          E_BUSY; E_LIMIT. */
SYNCMGR_API int32_t syncmgr_transaction_lock(syncmgr_transaction_t *transaction,
                                             const char *target, uint32_t mode,
                                             int64_t timeout_ns);

/** What is to be locked, and how. */
typedef struct syncmgr_target {
  const char *name;
  uint32_t mode;     /**< SYNCMGR_SHARED, SYNCMGR_EXCLUSIVE */
  uint32_t reserved; /**< 0 */
} syncmgr_target_t;

/** Starts to lock. What is locked is no wait for the calls that need it then. When the ticket ends
 *  with an error nothing is rolled back: that is the caller's to do. Does not block.
 *  @return PENDING with a ticket; or at once what syncmgr_transaction_lock returns. */
SYNCMGR_API int32_t syncmgr_transaction_lock_start(syncmgr_transaction_t *transaction,
                                                   const syncmgr_target_t *target,
                                                   int64_t timeout_ns, syncmgr_queue_t *queue,
                                                   uint64_t user_data,
                                                   syncmgr_ticket_t **out_ticket);

/** Gives up a lock that syncmgr_transaction_lock took, before the end. One of a key that was read
 *  or written stays. Does not block.
 *  @return OK; E_NOT_OWNER (it is not locked); E_PERMISSION (its key was read or written);
 *          E_ALREADY (it is not pending or active); E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_unlock(syncmgr_transaction_t *transaction,
                                               const char *target);

/** Marks a place to roll back to. The same name again moves it. Does not block.
 *  @return OK; E_NAME; E_ALREADY (it is not pending or active); E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_savepoint(syncmgr_transaction_t *transaction,
                                                  const char *name);

/** Undoes what was done since the savepoint: what was written is dropped, operations that were
 *  executed are undone, the newest first, those that were not are left out. Locks, reads, and the
 *  savepoint stay, later savepoints go.
 *  Blocks while callbacks run.
 *  @return OK; E_NOT_FOUND (no such savepoint); E_FAILED (an undo failed: the transaction is
 *          FAILED); PENDING (an operation is to be undone by steps); E_ALREADY (it is not pending
 *          or active); E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_rollback_to(syncmgr_transaction_t *transaction,
                                                    const char *name);

/** Executes what was not executed yet, and makes all changes seen at once. `flags` and `timeout_ns`
 *  are those of syncmgr_store_commit; `out_revision`, which may be NULL, gets the revision. With
 *  several workstreams it votes, waits for the others' votes as long as the transaction's time
 *  allows, and then all their changes are seen at once; of a part that has joined it votes, and
 *  waits until that is decided.
 *  Blocks while callbacks run, for locks, for votes and for the disk. After every error but those
 *  said here it is rolled back.
 *  @return OK; E_CHANGED (something that was read has changed; the sentence says what); E_FAILED
 *          (an operation failed, an undo failed, or another part did not vote for it: the sentence
 *          says which); E_INVALID (a constraint or validator refuses a change; but flags or
 *          timeout: nothing was done); E_EXISTS, E_NOT_FOUND (of a CREATE, a DELETE); E_TIMEOUT
 *          (its time, or an operation's; when status is COMMITTED: it is not on disk yet);
 *          E_DEADLOCK, E_PREEMPTED; E_BUSY (a key is prepared by another transaction; but another
 *          call runs: nothing was done); PENDING (an operation is to be done by steps: go on by
 *          steps); E_ALREADY (it is not pending or active); E_NO_SPACE; E_TOO_LARGE; the status a
 *          validator returned. */
SYNCMGR_API int32_t syncmgr_transaction_commit(syncmgr_transaction_t *transaction,
                                               uint32_t flags, int64_t timeout_ns,
                                               uint64_t *out_revision);

/** Undoes what was executed, the newest first, drops what was written, and gives the locks back. Of
 *  a FAILED transaction it goes on with what is left. Of a part it is the vote against all.
 *  Blocks while callbacks run.
 *  @return OK; E_FAILED (an undo failed: the sentence says which; the transaction is FAILED);
 *          PENDING (an operation is to be undone, or has yet to come back, by steps); E_ALREADY (it
 *          is committed, rolled back, timed out, or has voted); E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_rollback(syncmgr_transaction_t *transaction);

/** How it is with a transaction. Filled by the library. */
typedef struct syncmgr_transaction_facts {
  uint64_t id;          /**< below 2^53; in its record it is 16 digits in base 16 */
  uint32_t status;      /**< SYNCMGR_TRANSACTION_PENDING, ... */
  uint32_t flags;
  uint32_t isolation;
  uint32_t operations;  /**< how many were added */
  uint32_t executed;    /**< how many are executed and not undone */
  uint32_t reads;       /**< keys and ranges that its commit checks */
  uint32_t writes;      /**< keys that its commit changes */
  uint32_t locks;       /**< targets that it has locked */
  uint32_t is_part;     /**< 1 of one that has joined */
  int32_t outcome;      /**< why it was rolled back: a status; OK */
  uint64_t revision;    /**< of its commit; 0 */
  int64_t began_ns;     /**< since 1970 */
  int64_t remaining_ns; /**< of its time; FOREVER */
} syncmgr_transaction_info_t;

/** Writes how it is with the transaction, from any thread at any time. @return OK. */
SYNCMGR_API int32_t syncmgr_transaction_info(syncmgr_transaction_t *transaction,
                                             syncmgr_transaction_info_t *out_info);

/** Calls `body(transaction, user)` in a transaction and commits it when that returns OK, or rolls
 *  it back and returns its error. After E_CHANGED, E_DEADLOCK, E_PREEMPTED, of the body or the
 *  commit, it waits and begins anew, up to `retries` times, in all within `timeout_ns` of the
 *  options. `body` does not end or close the transaction, which is good only during the call.
 *  Blocks.
 *  @return OK; what `body` returned; as syncmgr_transaction_begin and syncmgr_transaction_commit.
 *          */
SYNCMGR_API int32_t syncmgr_transaction_run(
    syncmgr_store_t *store, const syncmgr_transaction_options_t *options,
    int32_t (*body)(syncmgr_transaction_t *transaction, void *user), void *user,
    uint64_t *out_revision);

/* Operations. */

/** Reads the target, whose data is the operation's result. */
#define SYNCMGR_OPERATION_READ 0u
/** Writes `data` to the target. */
#define SYNCMGR_OPERATION_WRITE 1u
/** The same for a target that is not there, else E_EXISTS. */
#define SYNCMGR_OPERATION_CREATE 2u
/** Deletes the target, if it is there, else E_NOT_FOUND. */
#define SYNCMGR_OPERATION_DELETE 3u
/** Locks the target EXCLUSIVE, or with the parameters {"mode":"shared"} SHARED. */
#define SYNCMGR_OPERATION_LOCK 4u
/** Unlocks the target, see syncmgr_transaction_unlock. */
#define SYNCMGR_OPERATION_UNLOCK 5u
/** What the callbacks, or the handlers of `name`, do. */
#define SYNCMGR_OPERATION_CUSTOM 6u

/** It is executed and undone by who takes the steps, not by callbacks. */
#define SYNCMGR_OPERATION_BY_STEPS 1u

/** A timeout that is the transaction's `operation_timeout_ns`. */
#define SYNCMGR_OPERATION_TIMEOUT ((int64_t)-2)

typedef struct syncmgr_operation syncmgr_operation_t;

/* `execute` and `undo` run with no lock held; `operation` is good until they return. An `execute`
 * may call syncmgr_transaction_get, _put, _range, _lock, _info, _operation, _result, _set_result of
 * the operation's transaction; an `undo` the last four. A negative status is a failure: of an
 * `execute` it says that nothing is to be undone. */
struct syncmgr_operation {
  uint32_t size;          /**< sizeof(syncmgr_operation_t) */
  uint32_t type;          /**< SYNCMGR_OPERATION_READ, ... */
  uint32_t flags;         /**< SYNCMGR_OPERATION_BY_STEPS */
  uint32_t data_type;     /**< SYNCMGR_CELL_..., of `data` */
  const char *name;       /**< of the handlers of a CUSTOM operation; NULL: it has callbacks */
  const char *id;         /**< the caller's own name for it; NULL: none */
  const char *target;     /**< a key of the store; of CUSTOM, LOCK, UNLOCK any name; NULL for CUSTOM
                               */
  const char *parameters; /**< JSON; NULL: none */
  const void *data;       /**< for WRITE and CREATE; of the others it is for the callbacks */
  size_t length;
  int64_t timeout_ns;     /**< how long its callback, or its driver, may take; FOREVER;
                               SYNCMGR_OPERATION_TIMEOUT: as the transaction's options say */
  int32_t (*execute)(const syncmgr_operation_t *operation, void *user); /**< NULL: nothing more
                                                                             than the type says */
  int32_t (*undo)(const syncmgr_operation_t *operation, void *user); /**< NULL: nothing is to be
                                                                          undone */
  void *user;                       /**< passed to both */
  syncmgr_transaction_t *transaction; /**< for callbacks; NULL in syncmgr_transaction_add */
  uint32_t index;                     /**< for callbacks; 0 in syncmgr_transaction_add */
  uint32_t reserved;                  /**< 0 */
};

#define SYNCMGR_OPERATION_INIT(type_)                                                     \
  {                                                                                       \
    sizeof(syncmgr_operation_t), (type_), 0u, 0u, NULL, NULL, NULL, NULL, NULL, 0u,       \
        SYNCMGR_OPERATION_TIMEOUT, NULL, NULL, NULL, NULL, 0u, 0u                         \
  }

/** Adds an operation, which is copied. `out_index`, which may be NULL, gets its number, from 0.
 *  Does not block.
 *  @return OK; E_INVALID (type, flags, parameters, key, data, timeout; a CUSTOM one without
 *          callback, name, or BY_STEPS; a name and callbacks); E_NAME (the name); E_NOT_FOUND
 *          (STRICT: no handler has the name); E_PERMISSION (READ_ONLY, and it writes); E_LIMIT
 *          (4,096 operations); E_TIMEOUT (rolled back); E_ALREADY (it is not pending or active);
 *          E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_add(syncmgr_transaction_t *transaction,
                                            const syncmgr_operation_t *operation,
                                            uint32_t *out_index);

/** Executes now, in order, the operations that were not executed yet.
 *  Blocks while callbacks run, and for locks. After an error the transaction is rolled back.
 *  @return OK; PENDING (an operation is to be done by steps); an error as of
 *          syncmgr_transaction_commit; E_ALREADY (it is not pending or active); E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_execute(syncmgr_transaction_t *transaction);

/** Not executed yet. */
#define SYNCMGR_OPERATION_WAITING 0u
#define SYNCMGR_OPERATION_EXECUTING 1u
#define SYNCMGR_OPERATION_EXECUTED 2u
/** Its execution failed; there is nothing to undo. */
#define SYNCMGR_OPERATION_FAILED 3u
/** Its time passed, or all is rolled back, and it has yet to come back. */
#define SYNCMGR_OPERATION_LATE 4u
#define SYNCMGR_OPERATION_UNDOING 5u
#define SYNCMGR_OPERATION_UNDONE 6u
#define SYNCMGR_OPERATION_UNDO_FAILED 7u
/** Left out: rolled back before it was executed. */
#define SYNCMGR_OPERATION_LEFT_OUT 8u

/** Reads an operation back. Texts and data are copied into `buffer`; `out_length`, which may be
 *  NULL, gets the room that they take. `execute`, `undo` and `user` are NULL.
 *  @return OK; E_NOT_FOUND (no such operation); E_TOO_LARGE (`out_length` gets what is needed);
 *          E_INVALID; E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_operation(syncmgr_transaction_t *transaction,
                                                  uint32_t index,
                                                  syncmgr_operation_t *out_operation,
                                                  void *buffer, size_t capacity,
                                                  size_t *out_length);

/** Writes how far an operation is, and its result: of a READ the data, else what
 *  syncmgr_transaction_set_result or syncmgr_transaction_report gave. All three outputs are
 *  written, also with E_TOO_LARGE. `out_state` may be NULL.
 *  @return OK; E_NOT_FOUND (no such operation); E_TOO_LARGE (the buffer); E_INVALID; E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_result(syncmgr_transaction_t *transaction, uint32_t index,
                                               uint32_t *out_state, void *buffer, size_t capacity,
                                               size_t *out_length);

/** Gives an operation its result, from its callback: the `undo` has it, and so have other processes
 *  when its CUSTOM operation has a name.
 *  @return OK; E_NOT_FOUND (no such operation); E_TOO_LARGE (65,536 bytes); E_INVALID; E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_set_result(syncmgr_transaction_t *transaction,
                                                   uint32_t index, const void *data,
                                                   size_t length);

/* Steps. */

#define SYNCMGR_AIM_EXECUTE 1u
/** Also of a part, which is then prepared and waits for the decision. */
#define SYNCMGR_AIM_COMMIT 2u
#define SYNCMGR_AIM_PREPARE 3u
#define SYNCMGR_AIM_ROLLBACK 4u
/** To the savepoint of that name. */
#define SYNCMGR_AIM_ROLLBACK_TO 5u

/** Chooses what the next steps are for. A ROLLBACK may be chosen in the midst of another aim. Does
 *  not block. `savepoint` is NULL but for ROLLBACK_TO.
 *  @return OK; E_NOT_FOUND (no such savepoint); E_INVALID (aim, savepoint); E_ALREADY (as of
 *          the call that it stands for); E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_aim(syncmgr_transaction_t *transaction, uint32_t aim,
                                            const char *savepoint);

/** The aim is reached, or was missed and all that can be undone is: `status` is what the call would
 *  have returned, its sentence that of syncmgr_last_error. */
#define SYNCMGR_STEP_DONE 0u
/** Execute the operation `index`, and report. It is given once. */
#define SYNCMGR_STEP_EXECUTE 1u
/** Undo the operation `index`, and report. It is given once. */
#define SYNCMGR_STEP_UNDO 2u
/** Wait until the operation `index` comes back, at most `timeout_ns`, then take another step. When
 *  `status` is negative the aim was missed for that reason, and it is waited for to undo it. */
#define SYNCMGR_STEP_WAIT 3u
/** Lock the target of the operation `index` in `mode` (syncmgr_transaction_lock_start), at most
 *  `timeout_ns`, then take another step; when that fails, roll back. */
#define SYNCMGR_STEP_LOCK 4u
/** Wait until the revision of the store is above `revision` (syncmgr_store_wait_start without a
 *  key), at most `timeout_ns`, then take another step: others have yet to vote or to decide. */
#define SYNCMGR_STEP_VOTES 5u

/** Wait until the revision `revision` of the store is on disk (syncmgr_store_sync_start), then take
 *  another step: what the next operation does may not be forgotten. Only where there is a file. */
#define SYNCMGR_STEP_SYNC 6u

typedef struct syncmgr_step {
  uint32_t kind;      /**< SYNCMGR_STEP_... */
  uint32_t index;
  uint32_t mode;      /**< SYNCMGR_SHARED, SYNCMGR_EXCLUSIVE */
  int32_t status;     /**< why the aim was missed; of DONE the outcome; else OK */
  uint64_t revision;  /**< of DONE: of the commit, or the vote; see VOTES and SYNC */
  int64_t timeout_ns; /**< how long to wait; FOREVER */
} syncmgr_step_t;

/** Does what can be done without waiting, and says what is to be done next. Callbacks, and handlers
 *  of this process, run within it, on the calling thread; an operation of a name that has no
 *  handler here is for the driver, as one that is done BY_STEPS. Of a commit or vote that is DONE
 *  the driver waits by itself for the disk (syncmgr_store_sync_start). Blocks for callbacks only.
 *  @return OK; E_INVALID (no aim was chosen); E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_step(syncmgr_transaction_t *transaction,
                                             syncmgr_step_t *out_step);

/** Reports what came of the operation that a step said to execute or undo. `result`, which may be
 *  NULL with a length of 0, is its result, of an undo nothing. Then take another step.
 *  @return OK; E_LATE (its time had passed: it will be undone); E_INVALID (it is neither being
 *          executed nor undone); E_NOT_FOUND (no such operation); E_TOO_LARGE (65,536 bytes);
 *          E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_report(syncmgr_transaction_t *transaction, uint32_t index,
                                               int32_t status, const void *result, size_t length);

/* Several workstreams. */

/** Joins the transaction `id`, of another workstream, as the part of this handle's, which is one of
 *  its `workstreams`. A part has reads, writes, locks and operations of its own, and the options of
 *  the transaction. A part that closes, or whose process dies, before it has voted is a vote
 *  against; after that the vote counts.
 *  @return OK; E_NOT_FOUND (no such transaction); E_NOT_EXPECTED (it does not name this
 *          workstream); E_ALREADY (it has joined, or the transaction is not pending or active);
 *          E_BUSY (the workstream has a transaction with locks); E_NO_SPACE; E_LIMIT. */
SYNCMGR_API int32_t syncmgr_transaction_join(syncmgr_store_t *store, uint64_t id,
                                             syncmgr_transaction_t **out_transaction);

/** Votes for the commit: executes what was not executed, checks what was read, and keeps the
 *  changes in the store, unseen. From then on its keys are prepared: until the decision nobody else
 *  changes them (E_BUSY), whoever dies. The part waits for the decision by
 *  syncmgr_transaction_wait. Blocks as syncmgr_transaction_commit, but not for votes.
 *  @return as syncmgr_transaction_commit; E_INVALID (one workstream has nobody to vote with). */
SYNCMGR_API int32_t syncmgr_transaction_prepare(syncmgr_transaction_t *transaction);

/** Waits until a transaction that has voted is decided.
 *  Blocks up to `timeout_ns`.
 *  @return OK (committed); E_FAILED (rolled back: its operations are undone, as by
 *          syncmgr_transaction_rollback); E_TIMEOUT (not decided); E_INVALID (timeout; it has not
 *          voted); E_BUSY. */
SYNCMGR_API int32_t syncmgr_transaction_wait(syncmgr_transaction_t *transaction,
                                             int64_t timeout_ns);

/* Records. */

typedef struct syncmgr_transaction_filter {
  uint32_t size;          /**< sizeof(syncmgr_transaction_filter_t) */
  uint32_t statuses;      /**< a bit, 1 << SYNCMGR_TRANSACTION_..., for each that is wanted */
  const char *workstream; /**< only those in which this one takes part; NULL: all */
} syncmgr_transaction_filter_t;

#define SYNCMGR_TRANSACTION_FILTER_INIT \
  { sizeof(syncmgr_transaction_filter_t), 0xffu, NULL }

/** Writes the records of the transactions that `filter` chooses, NULL all, as a JSON array, oldest
 *  first, terminated; `out_length` gets its length, also with E_OVERFLOW. Records of ended
 *  transactions are kept, the last 1,024 at least. One whose process died before it had executed
 *  anything becomes ROLLED_BACK by that. Does not block.
 *  @return OK; E_OVERFLOW (the buffer is too small); E_INVALID. */
SYNCMGR_API int32_t syncmgr_transaction_list(syncmgr_store_t *store,
                                             const syncmgr_transaction_filter_t *filter,
                                             char *buffer, size_t capacity, size_t *out_length);

/** Writes the record of one transaction as a JSON object: id, status, workstream and pid of its
 *  owner, workstreams, isolation, flags, priority, metadata, times, operations with states and
 *  results, votes.
 *  @return OK; E_NOT_FOUND; E_OVERFLOW (the buffer is too small); E_INVALID. */
SYNCMGR_API int32_t syncmgr_transaction_show(syncmgr_store_t *store, uint64_t id, char *buffer,
                                             size_t capacity, size_t *out_length);

/** Forgets the records of transactions that ended more than `age_ns` ago. `out_count`, which may be
 *  NULL, gets how many.
 *  @return OK; E_INVALID (age below 0). */
SYNCMGR_API int32_t syncmgr_transaction_clear(syncmgr_store_t *store, int64_t age_ns,
                                              uint32_t *out_count);

/* Recovery. */

typedef struct syncmgr_handler {
  uint32_t size;                    /**< sizeof(syncmgr_handler_t) */
  uint32_t flags;                   /**< 0 */
  const char *name;                 /**< of 1 to 255 bytes */
  int32_t (*execute)(const syncmgr_operation_t *operation, void *user); /**< NULL: this process
                                                                             only undoes */
  int32_t (*undo)(const syncmgr_operation_t *operation, void *user); /**< NULL: there is nothing
                                                                          to undo */
  void *user;                       /**< passed to both */
  void (*destroy)(void *user);      /**< runs once, after the last call; may be NULL */
} syncmgr_handler_t;

#define SYNCMGR_HANDLER_INIT \
  { sizeof(syncmgr_handler_t), 0u, NULL, NULL, NULL, NULL, NULL }

/** Registers what executes and undoes CUSTOM operations of a name in this process, for all
 *  transactions of the space. Ended by syncmgr_off, which waits for a call that runs, unless called
 *  from within it. `destroy` also runs before this returns an error.
 *  @return OK; E_EXISTS (the name has a handler here); E_NAME; E_INVALID; E_LIMIT; E_NO_MEMORY. */
SYNCMGR_API int32_t syncmgr_transaction_handler(syncmgr_store_t *store,
                                                const syncmgr_handler_t *handler,
                                                syncmgr_subscription_t **out_subscription);

/** Ends what dead processes have left: transactions of which all parts had voted are committed,
 *  others rolled back, their operations undone by the handlers of this process. Each is done by one
 *  process; when that dies, by another. Writes what was done as a JSON object, terminated:
 *  {"recovered":[{"id","status"}], "left":[{"id","operation","name","reason"}]}: what is left has a
 *  name that has no handler here, no name, or its undo failed. `out_length` gets its length, also
 *  with E_OVERFLOW: then it was done as well, and a second call finds nothing more of it.
 *  Blocks while handlers run.
 *  @return OK; PARTIAL (something is left); E_OVERFLOW (the buffer is too small); E_INVALID. */
SYNCMGR_API int32_t syncmgr_transaction_recover(syncmgr_store_t *store, char *buffer,
                                                size_t capacity, size_t *out_length);

/** Takes over one transaction of a dead process that has operations to undo, to do that by steps:
 *  it is ROLLING_BACK, with that aim. Each is given to one process, and to each process once until
 *  it calls syncmgr_transaction_recover; when that one dies, or closes it with something left, to
 *  another.
 *  @return OK; E_NOT_FOUND (there is none); E_LIMIT. */
SYNCMGR_API int32_t syncmgr_transaction_adopt(syncmgr_store_t *store,
                                              syncmgr_transaction_t **out_transaction);

/* What may be written. */

/** Calls `callback(entry, user)` before a change of a key that matches `pattern` (as
 *  syncmgr_range_t's glob) is committed by this process, by a transaction or by a plain put, on the
 *  calling thread with no lock held. `entry` has key, data and type as they will be; data is NULL
 *  for a deletion. A negative status refuses the commit, and is what it returns. For rules that
 *  hold for every process and language see syncmgr_store_constraint.
 *  Ended by syncmgr_off, which waits for a call that runs, unless called from within it. `destroy`
 *  also runs before this returns an error.
 *  @return OK; E_INVALID (pattern, callback); E_LIMIT; E_NO_MEMORY. */
SYNCMGR_API int32_t syncmgr_store_validator(
    syncmgr_store_t *store, const char *pattern,
    int32_t (*callback)(const syncmgr_entry_t *entry, void *user), void *user,
    void (*destroy)(void *user), syncmgr_subscription_t **out_subscription);

/** Declares what the keys that match `pattern` may be changed to, for every process from now on,
 *  also after a restart where the space has a file; `rule` NULL takes that back. The rule is a JSON
 *  object with any of
 *    "type"        "bytes", "int64", "float64", "text" or "json"; or of a JSON value "object",
 *                  "array", "string", "number", "boolean", "null"
 *    "minimum", "maximum"        of a number
 *    "min_length", "max_length"  in bytes
 *    "required"    keys that a JSON object must have
 *    "values"      the JSON values that are possible
 *    "immutable"   true: what is there can be neither changed nor deleted
 *  What is there already is not looked at. A change that a rule refuses is E_INVALID, with key,
 *  rule and value in the sentence. All rules that match hold. Blocks until it is on disk, unless
 *  `flags` has SYNCMGR_PUT_QUEUED.
 *  @return OK; E_NOT_FOUND (NULL, and there is no rule); E_INVALID (pattern, of 1 to 240 bytes;
 *          rule, of up to 4,096; flags); E_LIMIT (256 rules); E_NO_SPACE. */
SYNCMGR_API int32_t syncmgr_store_constraint(syncmgr_store_t *store, const char *pattern,
                                             const char *rule, uint32_t flags);

/** Reads the changes behind `range->revision` from the log, in the order in which they were made:
 *  of each commit those that the patterns ask for, all of them or none, and the revision of the
 *  last commit that it has looked at is written to `range`, for the next call. No change comes
 *  twice, and none is left out. `count` and `buffer` are as for syncmgr_store_range, of which
 *  `after` is NULL. An entry says what its key was changed to: status OK; E_NOT_FOUND, it was
 *  deleted, and `version` is that of the deletion; E_CHANGED, it did not lie in its place and was
 *  changed again before it was read: `data` is NULL, and the newer change follows. Does not block.
 *  @return OK, with `count` 0 when there are none; E_GAP (they are not in the log any more, or the
 *          store has not come so far: begin anew with syncmgr_store_range); E_TOO_LARGE (the next
 *          commit has no room: `length` and `count` say what it needs); E_INVALID (an argument). */
SYNCMGR_API int32_t syncmgr_store_changes(syncmgr_store_t *store, syncmgr_range_t *range,
                                          syncmgr_entry_t *entries, uint32_t *count, void *buffer,
                                          size_t capacity);

/** Waits until the version of a key is not `seen`; 0: until it is there. With `key` NULL: until the
 *  revision of the store is not `seen`. `out_now`, which may be NULL, gets what it is then: 0 for a
 *  key that was deleted. Blocks up to `timeout_ns`.
 *  @return OK; E_TIMEOUT; E_INVALID (key, timeout); E_NO_SPACE (a wait for a key that was never
 *          there). */
SYNCMGR_API int32_t syncmgr_store_wait(syncmgr_store_t *store, const char *key, uint64_t seen,
                                       int64_t timeout_ns, uint64_t *out_now);

/** Starts such a wait for the key of `seen`, which may be NULL, with its `version` as seen, see
 *  syncmgr_ticket_wait; the record's value is the version, or the revision.
 *  @return OK (now); PENDING; as syncmgr_store_wait. */
SYNCMGR_API int32_t syncmgr_store_wait_start(syncmgr_store_t *store, const syncmgr_entry_t *seen,
                                             int64_t timeout_ns, syncmgr_queue_t *queue,
                                             uint64_t user_data, syncmgr_ticket_t **out_ticket);

typedef struct syncmgr_store_info {
  uint32_t size;     /**< sizeof(syncmgr_store_info_t); set by the caller */
  uint32_t entries;  /**< keys that are there */
  uint64_t revision; /**< of the last commit */
  uint64_t durable;  /**< up to which all is on disk; without a file that of the last commit */
  uint64_t oldest;   /**< syncmgr_store_changes can go on behind this one, and those after it */
  uint64_t log_used; /**< bytes of the log that have commits */
  uint64_t log_size; /**< bytes of the log */
  uint32_t has_file; /**< 1: it is kept in a file */
  uint32_t reserved; /**< 0 */
} syncmgr_store_info_t;

#define SYNCMGR_STORE_INFO_INIT \
  { sizeof(syncmgr_store_info_t), 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u }

/** Writes how the store is, as far as `out_info` has room by its `size`. What it has may be of
 *  different moments. Does not block.
 *  @return OK; E_INVALID (`out_info`). */
SYNCMGR_API int32_t syncmgr_store_state(syncmgr_store_t *store, syncmgr_store_info_t *out_info);

#ifdef __cplusplus
}
#endif

#endif /* SYNCMGR_H */
