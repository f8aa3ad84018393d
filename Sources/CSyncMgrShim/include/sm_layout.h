/* The layout of a segment. One place for all of it: fixed-width fields, padded by hand, no
 * pointers, no objects of the C library. Every word that more than one process touches is reached
 * through Word32 and Word64 in Swift, by the accessors of sm_fields.h.
 *
 *   offset      table             entries   who may write
 *   0           header                  1   under the directory guard, unless said otherwise
 *   4 KiB       participants          256   the process itself; its recoverer when it is dead
 *               batches              1024   the owner claims by compare-and-swap
 *               object names        32768   under the directory guard
 *               workstream names   131072   under the directory guard
 *               workstreams         65536   the owner
 *               objects             16384   under the object's guard
 *               holdings           131072   under the object's guard; claimed under the directory's
 *               cells               65536   under the guard of the object that is waited for
 *               deadlocks              64   under the header's `deadlock_guard`
 *               events               1024   under the event guard, see sm_events.h
 *               messages             1024   filled under the directory guard; then each recipient
 *               members             65536   under the sync point's guard; claimed under the
 *                                           directory's
 *               mailboxes             16384   of channels, see sm_channel.h
 *               chunks             262144   under the heap guard
 *               map of the heap             a bit per unit in use; likewise
 *               heap            1 GiB   in units of 4 KiB
 *
 * A slot is free when its `owner` is 0. The owner of a slot is the participant id of the process
 * that claimed it, so that everything a dead process left can be found by scanning. */
#ifndef SM_LAYOUT_H
#define SM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "sm_atomic.h"

#define SM_MAGIC 0x726d676e7973ull /* "syncmgr" cut to 6 bytes, little-endian */
#define SM_LAYOUT_VERSION 1u

#define SM_PARTICIPANTS 256u
#define SM_BATCHES 1024u
#define SM_BATCH_CELLS 64u
#define SM_BUCKETS 16u
#define SM_OBJECTS 16384u
#define SM_WORKSTREAMS 65535u
#define SM_HOLDINGS 131072u
#define SM_CELLS (SM_BATCHES * SM_BATCH_CELLS)
#define SM_MEMBERS 65536u
/* Places in the name tables, which are never more than half full. */
#define SM_OBJECT_NAMES 32768u
#define SM_WORKSTREAM_NAMES 131072u
/* The last participant slot is for a joiner who finds all others taken: it recovers the dead. */
#define SM_SEATS (SM_PARTICIPANTS - 1u)
#define SM_STORE_PATH 1024u

struct sm_header { /* 4096 bytes */
  uint64_t magic;
  uint32_t version;
  uint32_t flags;
  uint64_t format;  /* hash of every size and offset below */
  uint64_t size;
  uint64_t boot_low, boot_high;
  uint64_t identity; /* random, for messages and tests */
  uint64_t reserved0;

  uint32_t guard;      /* the directory guard: a participant id */
  uint32_t membership; /* futex: changes when a process joins, leaves or was recovered */
  uint32_t wanted;     /* kinds of notices that anybody subscribed to */
  uint32_t participants_high;
  uint32_t workstreams_high; /* slots at and above were never used */
  uint32_t objects_high;
  uint32_t holdings_high;
  uint32_t batches_high;
  uint32_t workstreams_committed; /* slots at and above have no memory behind them */
  uint32_t objects_committed;
  uint32_t holdings_committed;
  uint32_t batches_committed;
  uint32_t workstreams_hint; /* every slot below is in use */
  uint32_t objects_hint;
  uint32_t holdings_hint;
  uint32_t news;        /* futex: changes with every event */
  uint64_t serial;      /* workstream ids given out */
  uint64_t events_next; /* events written */
  uint64_t lease_next;  /* when somebody is to look at the leases next (monotonic ns); 0: never */
  uint64_t message_serial;
  uint32_t events_guard; /* a participant id; the innermost guard: nothing is locked under it */
  uint32_t events_committed;
  uint32_t messages_high;
  uint32_t messages_committed;

  /* Deadlocks: the settings, who has looked, and what was found. */
  uint32_t deadlock_guard; /* a participant id */
  uint32_t deadlock_flags;
  uint32_t deadlock_victim;
  uint32_t deadlocks_high;
  uint32_t deadlocks_committed;
  uint32_t reserved2;
  uint64_t deadlock_delay;    /* ns; all ones: waiters do not look */
  uint64_t deadlock_interval; /* ns; all ones: nobody looks from time to time */
  uint64_t deadlock_limit;    /* ns, for the search by age */
  uint64_t deadlock_covered;  /* when the latest complete search began (monotonic ns) */
  uint64_t deadlock_next;     /* no waiter searches before this time, to bound the cost */
  uint64_t deadlock_serial;   /* ids given out */
  uint64_t deadlock_searches;
  uint64_t deadlocks_found;
  uint64_t deadlocks_resolved;

  uint32_t members_high;
  uint32_t members_committed;
  uint32_t members_hint;
  uint32_t sync_points; /* objects of this type: when there are none, nobody looks for them */

  uint32_t heap_guard; /* a participant id; innermost, but for that of the events */
  uint32_t heap_high;  /* units at and above were never used */
  uint32_t heap_committed;
  uint32_t heap_hint; /* every unit below is in use */
  uint32_t mailboxes_committed;
  uint32_t channels; /* mailboxes that were ever made: when there are none, nobody looks for them */
  uint32_t reserved3;
  /* The file of the store, absolute. Fixed while the segment lives; length 0: none. */
  uint32_t store_length;
  uint8_t store_path[SM_STORE_PATH];
  uint8_t pad[4096 - 64 - 64 - 48 - 96 - 16 - 32 - SM_STORE_PATH];
};

struct sm_participant { /* 256 bytes */
  uint32_t id;         /* slot | generation << 8 | 1 << 31; 0 when free */
  uint32_t generation; /* of the slot; only grows */
  uint32_t recoverer;  /* participant id of who recovers this dead one, or 0 */
  uint32_t reserved;
  int32_t pid;
  uint32_t has_life; /* 1 when `life` is the proof, 0 when only the file lock is */
  uint64_t start_time;
  uint64_t pid_namespace;
  uint32_t wanted; /* kinds of notices that this process subscribed to */
  uint8_t pad0[20];
  uint32_t life; /* robust futex of the service thread: the kernel marks it at death */
  uint8_t pad1[60];
  uint32_t doorbell; /* futex: changes when a ticket of this process was finished elsewhere */
  uint8_t pad2[124];
};

struct sm_batch { /* 64 bytes: 64 cells, all of one process */
  uint32_t owner;
  uint32_t reserved;
  uint64_t finished; /* a bit per ticket cell that was finished by another process */
  uint8_t pad[48];
};

struct sm_workstream { /* 320 bytes */
  uint32_t owner;
  uint32_t state;
  uint32_t generation;
  int32_t pid;
  uint64_t id;
  uint32_t name_length;
  uint32_t hash; /* of the name */
  int32_t priority;
  uint32_t wounded; /* owner id of an older workstream that needs what this one holds, or 0 */
  uint32_t inbox;   /* futex: changes with every message for it */
  uint32_t outcome; /* notice kind: it said that it has completed, or failed */
  uint8_t pad[16];
  uint8_t name[256];
};

struct sm_counters { /* 128 bytes: written where a call has to wait, never on the way past it */
  uint64_t waits;   /* that stood in line, or slept */
  uint64_t waited;  /* ns, of the waits that are over */
  uint64_t longest; /* ns */
  uint64_t deaths;  /* of those who held the object */
  uint32_t histogram[SM_BUCKETS]; /* of waits that took less than 2^index us; the last: the rest */
  uint8_t pad[32];
};

struct sm_object { /* 1152 bytes */
  uint32_t word;   /* mutex: owner and flags. counted: available. latch: remaining. event: set */
  uint32_t guard;  /* participant id of who changes this object */
  uint64_t grants; /* mutex: fencing token. barrier: generation */
  uint32_t cpu;    /* where the last owner, setter or arriver ran */
  uint32_t tail;   /* of the wait line: cell index + 1 */
  /* These two are looked at in one: who finds both zero has nobody to serve and nobody to tell. */
  uint32_t head;    /* of the wait line */
  uint32_t watched; /* what `wanted` of the header says */
  uint32_t woken;  /* semaphore: cell + 1 that was told to try */
  uint64_t order;  /* arrivals in line */
  uint32_t broken; /* barrier. rwlock: 1 since an exclusive owner died */
  uint32_t arrived;
  uint32_t leader; /* barrier: owner id of who runs the action */
  uint32_t epoch;  /* futex of those who wait for everybody's sake: changes at each broadcast */

  uint64_t detached; /* barrier: generation << 16 | arrivals of closed handles in it.
                        mutex: fencing token, once it was taken away by force.
                        election: 1 once there is a result */
  uint32_t intent;        /* cell + 1 of the grant under way, written first and cleared last */
  uint32_t intent_amount; /* what the holding's amount will be */
  uint32_t intent_word;   /* what `word` will be */
  uint32_t intent_result;
  uint32_t owner;         /* participant id of the creator while it creates, see state */
  uint32_t state;
  uint32_t type;
  uint32_t flags; /* parameters */
  uint32_t count;
  uint32_t name_length;
  uint64_t previous_workstream; /* who died, or was forced out, as the owner */
  uint64_t previous_token;
  int32_t previous_pid;
  uint32_t previous_set;

  uint8_t name[256];
  uint8_t previous_name[256];
  uint32_t hash; /* of the name */
  uint32_t value_length;
  uint32_t joined; /* barrier: holdings that are parties of a phaser */
  uint32_t rank; /* a lock is taken after those of lower rank; 0: none */
  uint8_t value[256]; /* election: the result. sync point: why it ended so */

  uint32_t members; /* sync point: first of those expected, member + 1 */
  uint32_t member_count;
  uint32_t least;     /* sync point: how many suffice when its time is over. barrier: parties
                         that arrived in this generation and left */
  uint32_t reserved2;
  uint64_t timeout;   /* sync point: the parameter; all ones: none */
  uint64_t deadline;  /* sync point: when its time is over (monotonic ns), or 0 */
  uint64_t ended_at;  /* sync point: ns since 1970 */
  uint8_t pad[64];
  struct sm_counters counters;
};

/* What the fast paths store is in the first bytes of objects, holdings and threads, and what they
 * load on the way in lies behind that in slots and threads. A load soon after a store to the same
 * offset of another page waits for it, as if it were the same place: twice the cost of a lock. */
#define SM_HOT_STORES 0x14u

struct sm_holding { /* 64 bytes: one workstream's relation to one object */
  uint64_t token;  /* of the latest grant. resource: deadlock that ended the request.
                      mutex: of the grant that the lease belongs to.
                      latch, event, barrier: since when a thread sleeps (monotonic ns), or 0 */
  uint32_t amount; /* counted: permits. mutex: recursions. barrier: 1 waits, 2 arrived */
  uint32_t index;  /* barrier: order of arrival. resource: how many are asked for. rwlock: lower
                      half of the token that the hold began with */
  uint32_t owner;
  uint32_t state;
  uint32_t workstream; /* owner id, as in a mutex word */
  uint32_t object;
  uint64_t mark;   /* barrier: generation + 1 arrived in; all ones: it broke. locks: lost.
                      resource: number of the request */
  uint32_t waits;  /* cells of its process that wait, or have ended and were not collected */
  uint32_t joined; /* 1: a party of a phaser. resource: the declared most */
  uint64_t lease;  /* when it ends (monotonic ns), or 0 */
  uint64_t lease_length; /* ns. resource: when it was asked for */
};

struct sm_cell { /* 128 bytes: one wait */
  uint32_t state; /* futex, see Cell.swift */
  uint32_t object;
  uint32_t holding;
  uint32_t workstream; /* owner id */
  uint32_t amount;
  uint32_t flags;
  uint32_t next, previous; /* in line: cell index + 1 */
  uint64_t order;
  uint64_t since; /* monotonic ns */
  uint64_t ticket; /* handle in its process, or 0 for a blocked thread */
  uint64_t value;  /* outcome: token or generation */
  uint32_t index;
  uint32_t result;
  uint32_t partner;      /* waits for a condition: holding + 1 of that; `holding` is the mutex's */
  uint32_t partner_slot; /* of the mutex's handle in its process */
  uint32_t signalled;    /* not 0 from the signal until it has its mutex: it must not be lost */
  uint32_t override;     /* the outcome of the wait, once it has its mutex */
  uint64_t seen;         /* waits for a change: of this version */
  uint8_t pad[32];
};

struct sm_member { /* 320 bytes: a workstream that a sync point expects, by its name */
  uint32_t owner;
  uint32_t object; /* index + 1 */
  uint32_t next;   /* of the same sync point: member + 1 */
  uint32_t flags;  /* SYNCMGR_SYNC_REQUIRED, ... */
  uint32_t order;  /* of arrival, from 1 */
  uint32_t name_length;
  uint32_t hash;
  uint32_t reserved;
  uint64_t at; /* when it arrived: ns since 1970 */
  uint8_t pad[24];
  uint8_t name[256];
};

/* Process-private: one open handle. */
struct sm_slot { /* 64 bytes */
  uint32_t generation; /* of the last handle that used the slot */
  uint32_t index;      /* object index; or ticket's cell */
  void *context;       /* retained instance of a class */
  uint32_t next;       /* free list; an object's: the slot of its workstream */
  uint32_t count;      /* the object's parameter; fixed for its life */
  uint64_t tag;        /* the handle while open, else 0 */
  struct sm_object *object;
  struct sm_holding *holding;
  uint32_t mine;        /* owner id of the workstream */
  uint32_t participant; /* of this process in the attachment */
  uint32_t flags;       /* of the object or handle */
  uint32_t presence;    /* attachment << SM_SLOT_BITS | slot: what who is inside of it says */
};

/* Process-private: one thread that has called the library. */
struct sm_thread { /* 64 bytes */
  uint32_t used;
  uint32_t registered;
  uint64_t inside; /* presence of the slot while in a call, else 0 */
  uint64_t reserved;
  const volatile uint32_t *cpu; /* where the kernel keeps this thread's CPU number */
  uint32_t ready; /* 1: calls may take the fast way in */
  uint32_t spins; /* how often it looks before it sleeps, as it has learned */
  uint8_t pad[24];
};

#define SM_CHECK(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type)
SM_CHECK(sm_header, 4096);
SM_CHECK(sm_participant, 256);
SM_CHECK(sm_batch, 64);
SM_CHECK(sm_workstream, 320);
SM_CHECK(sm_counters, 128);
SM_CHECK(sm_object, 1152);
SM_CHECK(sm_holding, 64);
SM_CHECK(sm_cell, 128);
SM_CHECK(sm_member, 320);
SM_CHECK(sm_slot, 64);
SM_CHECK(sm_thread, 64);
_Static_assert(offsetof(struct sm_participant, life) == 64, "life has its own line");
_Static_assert(offsetof(struct sm_participant, doorbell) == 128, "doorbell has its own line");
_Static_assert(offsetof(struct sm_object, detached) == 64, "hot fields first");
_Static_assert(offsetof(struct sm_object, head) % 8 == 0, "");
_Static_assert(offsetof(struct sm_object, watched) == offsetof(struct sm_object, head) + 4, "");
_Static_assert(offsetof(struct sm_object, cpu) + sizeof(uint32_t) <= SM_HOT_STORES, "");
_Static_assert(offsetof(struct sm_holding, amount) + sizeof(uint32_t) <= SM_HOT_STORES, "");
_Static_assert(offsetof(struct sm_thread, inside) + sizeof(uint64_t) <= SM_HOT_STORES, "");
_Static_assert(offsetof(struct sm_thread, cpu) >= SM_HOT_STORES, "");
_Static_assert(offsetof(struct sm_slot, tag) >= SM_HOT_STORES, "");

#include "sm_events.h"
#include "sm_channel.h"
#include "sm_store.h"
#include "sm_deadlock.h"

/* Where the tables are. Each begins on a page, so that it can be committed by itself. */
#define SM_PAGES(bytes) (((uint64_t)(bytes) + 4095u) & ~(uint64_t)4095u)
SM_INLINE uint64_t sm_at_participants(void) { return 4096; }
SM_INLINE uint64_t sm_at_batches(void) {
  return sm_at_participants() + SM_PAGES(SM_PARTICIPANTS * sizeof(struct sm_participant));
}
SM_INLINE uint64_t sm_at_object_names(void) {
  return sm_at_batches() + SM_PAGES(SM_BATCHES * sizeof(struct sm_batch));
}
SM_INLINE uint64_t sm_at_workstream_names(void) {
  return sm_at_object_names() + SM_PAGES(SM_OBJECT_NAMES * sizeof(uint32_t));
}
SM_INLINE uint64_t sm_at_workstreams(void) {
  return sm_at_workstream_names() + SM_PAGES(SM_WORKSTREAM_NAMES * sizeof(uint32_t));
}
SM_INLINE uint64_t sm_at_objects(void) {
  return sm_at_workstreams() + SM_PAGES(SM_WORKSTREAMS * sizeof(struct sm_workstream));
}
SM_INLINE uint64_t sm_at_holdings(void) {
  return sm_at_objects() + SM_PAGES(SM_OBJECTS * sizeof(struct sm_object));
}
SM_INLINE uint64_t sm_at_cells(void) {
  return sm_at_holdings() + SM_PAGES(SM_HOLDINGS * sizeof(struct sm_holding));
}
SM_INLINE uint64_t sm_at_deadlocks(void) {
  return sm_at_cells() + SM_PAGES(SM_CELLS * sizeof(struct sm_cell));
}
SM_INLINE uint64_t sm_at_events(void) {
  return sm_at_deadlocks() + SM_PAGES(SM_DEADLOCKS * sizeof(struct sm_deadlock));
}
SM_INLINE uint64_t sm_at_messages(void) {
  return sm_at_events() + SM_PAGES(SM_EVENTS * sizeof(struct sm_event));
}
SM_INLINE uint64_t sm_at_members(void) {
  return sm_at_messages() + SM_PAGES(SM_MESSAGES * sizeof(struct sm_message));
}
SM_INLINE uint64_t sm_at_mailboxes(void) {
  return sm_at_members() + SM_PAGES(SM_MEMBERS * sizeof(struct sm_member));
}
SM_INLINE uint64_t sm_at_chunks(void) {
  return sm_at_mailboxes() + SM_PAGES(SM_OBJECTS * sizeof(struct sm_mailbox));
}
SM_INLINE uint64_t sm_at_heap_map(void) {
  return sm_at_chunks() + SM_PAGES(SM_UNITS * sizeof(struct sm_chunk));
}
SM_INLINE uint64_t sm_at_heap(void) { return sm_at_heap_map() + SM_PAGES(SM_UNITS / 8); }
SM_INLINE uint64_t sm_segment_size(void) {
  return sm_at_heap() + (uint64_t)SM_UNITS * SM_UNIT;
}

/* The hash of every size and offset: two builds share a segment only when it is the same. */
uint64_t sm_format(void);

#endif
