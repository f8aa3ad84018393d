/* Channels: the heap, the mailboxes and what lies in them. Tables of the segment, see sm_layout.h.
 *
 * A mailbox belongs to the object of its index: a queue's to the channel itself, any other to an
 * object without a name. Its record never moves and is never anything else, so that its guards can
 * be locked by somebody who has an old number of it. What is in it lies in a chunk of the heap:
 * for each level the ring of slot numbers in the order of sending, then the slots.
 *
 * Which line is written by whom decides what a message costs between two CPUs: each side writes
 * lines of its own, and learns from the other's as seldom as it can. */
#ifndef SM_CHANNEL_H
#define SM_CHANNEL_H

#define SM_UNIT 4096u     /* bytes */
#define SM_UNITS 262144u  /* of the heap: 1 GiB */
#define SM_LEVELS 4u      /* priorities */

#define SM_CHUNK_FREE 0u
#define SM_CHUNK_MEMORY 1u  /* of `object` */
#define SM_CHUNK_MESSAGE 2u /* one message, or a loan */

struct sm_chunk { /* 32 bytes: a run of units, described at its first one. Under the heap guard */
  uint32_t state;
  uint32_t units;
  uint32_t hands;      /* participant id of the process that makes or fills it, or 0 */
  uint32_t owner;      /* a loan: holding + 1 */
  uint32_t references; /* a message: posts that have it, and one for `hands` */
  uint32_t object;     /* index + 1 */
  uint64_t size;       /* bytes that were asked for */
};

#define SM_MAILBOX_NONE 0u
#define SM_MAILBOX_QUEUE 1u   /* of the channel object itself */
#define SM_MAILBOX_OWN 2u     /* of one workstream */
#define SM_MAILBOX_HISTORY 3u /* kept for those who come late */
#define SM_MAILBOX_REPLY 4u   /* for the response to one request */

#define SM_WAIT_RECEIVERS 1u
#define SM_WAIT_SENDERS 2u

struct sm_mailbox { /* 384 bytes */
  /* Fixed while it lives. */
  uint32_t memory;   /* unit + 1; 0: none */
  uint32_t capacity; /* slots */
  uint32_t stride;   /* bytes of a slot */
  uint32_t mask;     /* entries of a ring - 1 */
  uint32_t levels;
  uint32_t role;
  uint32_t channel; /* object + 1 */
  uint32_t owner;   /* owner id of the workstream it belongs to, or 0 */
  uint64_t serial;  /* never the same again */
  uint32_t asked;   /* a reply's: owner id of who was asked, or 0 */
  uint32_t holding; /* of the owner in the channel, + 1 */
  uint32_t shut;    /* 1: nothing is sent any more. 2: nor received */
  uint32_t next;    /* of the same channel: object + 1. Under its send guard */
  uint32_t failed;  /* a reply's: 1, none will come */
  uint32_t dead;    /* slots whose message cannot be delivered */

  /* Written by senders, under the channel's send guard. */
  uint32_t send_guard; /* a channel's */
  uint32_t hint;       /* the slot to look at first */
  uint32_t claimed;    /* slots claimed so far */
  uint32_t seen;       /* what `released` was */
  uint64_t sequence;   /* a channel's: messages sent */
  uint64_t tails[SM_LEVELS];
  uint64_t head_seen; /* what the head of the only level was */

  /* Written by receivers, under the mailbox's guard. */
  uint32_t guard;
  uint32_t released; /* slots released so far */
  uint32_t returned; /* slots whose message came back */
  uint32_t taken;    /* slots whose message is given out */
  uint64_t heads[SM_LEVELS];
  uint64_t received;
  uint32_t expected; /* the slot to look at first */
  uint32_t reserved0;

  uint64_t tails_seen[SM_LEVELS];
  uint64_t expired;
  uint64_t told; /* of those dropped and expired, the ones that the receiver knows of */
  uint64_t due;  /* when the first of those given out is to come back (monotonic ns); 0: never */
  uint64_t reserved1;

  /* A channel's parameters and parts. */
  uint32_t kind;
  uint32_t overflow;
  uint32_t inline_size;
  uint32_t history; /* messages kept for late ones */
  uint32_t max_deliveries;
  uint32_t dead_letters; /* object + 1 */
  uint64_t visibility;   /* ns; all ones: for ever */
  uint32_t first;        /* of its mailboxes: object + 1 */
  uint32_t past;         /* the mailbox of its history: object + 1 */
  uint32_t retained;     /* the mailbox of the last message of each topic: object + 1 */
  uint32_t patterns;     /* unit + 1 of the table of patterns, or of variables */
  uint64_t version;      /* of the patterns: grows with each change. Variables: how often moved */
  uint32_t perishable;  /* 1 once a message that is not for ever lay in this mailbox */
  uint32_t served;      /* 1: callbacks take from this mailbox, on a thread of their own */

  /* Looked at by everybody, and written seldom. */
  uint32_t waiting; /* SM_WAIT_...: there may be such in line */
  uint32_t cpu;     /* where the last receiver ran; a sender's is in the object */
  uint32_t mover;   /* participant id of who takes the undeliverable to the dead letters */
  uint32_t log;     /* a store's: unit + 1 of its log, see sm_store.h */
  uint64_t dropped;
  uint64_t undelivered; /* messages that were tried too often, or rejected for good */
  uint64_t committing;  /* a store's. Odd: of several entries some are changed, others not yet */
  uint8_t pad[24];
};

#define SM_POST_FREE 0u
#define SM_POST_CLAIMED 1u  /* being written, under the send guard */
#define SM_POST_READY 2u    /* to be taken; over when the head of its level is past its place */
#define SM_POST_TAKEN 3u
#define SM_POST_RETURNED 4u /* to be taken before any that is ready */
#define SM_POST_DEAD 5u     /* tried too often, or rejected for good */
#define SM_POST_OVER 6u     /* its memory is being freed */

#define SM_POST_NAME 64u /* bytes: longer names lie with the texts */

/* A slot of a mailbox: 192 bytes, then room for a small message, and behind it its texts, each
 * terminated: topic and metadata. What a message of usual kind needs is the last of these lines,
 * and what follows it: the first is not touched, and not true, when `flags` has POST_PLAIN; the
 * second is written only when somebody else has sent than the last time. */
struct sm_post {
  uint64_t correlation;
  uint64_t reply_to;
  uint64_t expires; /* monotonic ns; 0: never */
  uint64_t due;     /* taken: when it comes back (monotonic ns); 0: never */
  uint32_t taker;   /* holding + 1 */
  uint32_t reserved[7];

  uint8_t name[SM_POST_NAME]; /* of `sender`, terminated, when `name_length` is below its size */

  uint32_t state;
  uint32_t flags; /* SYNCMGR_MESSAGE_..., and below */
  uint64_t place; /* in the ring of its level */
  uint64_t sequence;
  uint64_t wall;   /* ns since 1970 */
  uint64_t sender; /* 0: nobody's, and `name` is not true */
  uint32_t length;
  uint32_t chunk; /* unit + 1 of what is too large for the slot: message and texts */
  uint32_t sender_owner;
  uint32_t deliveries;
  uint16_t name_length;
  uint16_t topic_length;
  uint16_t metadata_length;
  uint16_t priority;
};

/* No correlation, no request, for ever. */
#define SM_POST_PLAIN 0x20000u

#define SM_PATTERN_LOG 256u

struct sm_patterns { /* 1088 bytes, then the entries: who gets which topics */
  uint32_t capacity; /* entries */
  uint32_t used;     /* entries at and above were never used */
  uint8_t pad[56];
  uint32_t log[SM_PATTERN_LOG]; /* by version: the entry that changed */
};

struct sm_pattern { /* 272 bytes */
  uint32_t mailbox; /* object + 1; 0: free */
  uint32_t length;
  uint64_t serial; /* of the mailbox */
  uint8_t text[256];
};

/* What a MEMORY channel keeps: the header's cells, and regions (an sm_cell is one wait). The table
 * lies in the chunk that `patterns` of the channel names: this head, buckets of place + 1 by the
 * hash of the key, then the variables. Changed under the send guard, read without it. */
struct sm_variables { /* 64 bytes */
  uint32_t capacity; /* variables */
  uint32_t used;     /* those at and above were never used */
  uint32_t mask;     /* buckets - 1 */
  uint32_t room;     /* bytes of a small value: a variable has room for two */
  uint32_t free;     /* of the used ones: those whose key was dropped */
  uint32_t cursor;   /* where the next free one is looked for */
  uint8_t pad[40];
};

#define SM_VARIABLE_FREE 0u
#define SM_VARIABLE_CELL 1u
#define SM_VARIABLE_REGION 2u
#define SM_VALUE_NONE 0xffffffffu /* type of what was removed, or never set */

struct sm_value { /* 16 bytes */
  uint32_t memory; /* unit + 1 of what is too large for the variable; a region's first */
  uint32_t type;
  uint64_t length;
};

struct sm_variable { /* 320 bytes, then room for two small values */
  uint64_t version; /* its lowest bit says which of the values counts */
  uint64_t begun;   /* the version for which values may have been written, or freed */
  uint32_t hash;
  uint32_t length; /* of the key */
  uint32_t role;
  uint32_t waiting; /* 1: somebody may wait for a change */
  struct sm_value values[2];
  uint8_t key[256];
};

/* The message goes back to its sender when nobody can take it any more. */
#define SM_POST_RETURNS 0x10000u
/* All texts of a message together, at most. */
#define SM_TEXTS 2048u

SM_CHECK(sm_chunk, 32);
SM_CHECK(sm_mailbox, 384);
SM_CHECK(sm_post, 192);
SM_CHECK(sm_patterns, 1088);
SM_CHECK(sm_pattern, 272);
SM_CHECK(sm_variables, 64);
SM_CHECK(sm_value, 16);
SM_CHECK(sm_variable, 320);
_Static_assert(offsetof(struct sm_mailbox, send_guard) == 64, "senders have their own line");
_Static_assert(offsetof(struct sm_mailbox, guard) == 128, "receivers have their own line");
_Static_assert(offsetof(struct sm_mailbox, tails_seen) == 192, "receivers again");
_Static_assert(offsetof(struct sm_mailbox, kind) == 256, "parameters");
_Static_assert(offsetof(struct sm_variable, key) == 64, "what a reader looks at is one line");
_Static_assert(offsetof(struct sm_mailbox, waiting) == 320, "everybody reads it");
_Static_assert(offsetof(struct sm_post, name) == 64, "a name that stays has its own line");
_Static_assert(offsetof(struct sm_post, state) == 128, "plain messages have one line");

#endif
