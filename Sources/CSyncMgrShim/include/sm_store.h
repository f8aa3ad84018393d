/* The store: a table of variables as a MEMORY channel has (sm_channel.h), each of whose values is a
 * record of the store, and a log of the latest commits.
 *
 * The log lies in the chunk that `log` of the mailbox names: this head, the index, the ring. A
 * position counts bytes since ever; a record lies at its position modulo the size, in one piece:
 * where it does not fit before the end of the ring, a record of no changes fills that up. Written
 * under the send guard, read without it: what was copied counts when `oldest` is not beyond it. */
#ifndef SM_STORE_H
#define SM_STORE_H

struct sm_log { /* 256 bytes */
  /* Fixed. */
  uint64_t size;        /* bytes of the ring */
  uint32_t mask;        /* of the index: its entries - 1 */
  uint32_t inline_size; /* parameters, as they were asked for */
  uint32_t capacity;
  uint8_t pad0[44];

  /* Who commits. */
  uint64_t oldest;   /* position of the first record that is there */
  uint64_t tail;     /* position behind the last commit */
  uint64_t pending;  /* position of the record that is being committed */
  uint64_t revision; /* committed: its record is at `pending` until it is applied */
  uint64_t applied;  /* seen by readers */
  uint64_t floor;    /* no key that was deleted had a higher version */
  uint8_t pad1[16];

  /* Who commits looks. */
  uint32_t waiting; /* 1: somebody may wait for any change */
  uint32_t backed;  /* 1: what is not on disk is not to be overwritten */
  uint32_t rules;   /* a bit for each kind of rule there may be about what is written */
  uint8_t pad2[52];

  /* Whoever writes to the disk, see StoreDisk. */
  uint64_t durable;          /* revision up to which all is on disk */
  uint64_t durable_position; /* behind its record */
  uint32_t flusher;          /* participant id of who uses the file, or 0 */
  uint32_t epoch;            /* futex: changes when more is on disk, or `flusher` is 0 again */
  uint32_t sleepers;         /* 1: somebody may sleep on `epoch` */
  uint32_t loaded;           /* 1: the table has what was in the file */
  uint32_t promised;         /* participant id of who will write what nobody waits for, or 0 */
  uint32_t tickets;          /* 1: there may be tickets that wait for the disk */
  uint8_t pad3[24];
};

/* One revision in so many is in the index. */
#define SM_LOG_STEP 16u
#define SM_LOG_FILL 0xffffffffu /* `count` of what fills up the end of the ring */

struct sm_record { /* 48 bytes, then the writer's name and the changes, each at a multiple of 8 */
  uint32_t length; /* of all of it */
  uint32_t count;  /* changes */
  uint64_t revision;
  uint64_t wall; /* ns since 1970 */
  uint64_t writer;
  uint32_t name_length;
  uint32_t reserved[3];
};

struct sm_change { /* 40 bytes, then the key, and the data behind it at a multiple of 8 */
  uint32_t length; /* of all of it */
  uint32_t type;   /* SM_VALUE_NONE: deleted */
  uint64_t version;
  uint64_t size;   /* of the data */
  uint32_t memory; /* unit + 1 of the value, when it is not here */
  uint32_t hash;   /* of the key */
  uint32_t place;  /* of the variable at that time */
  uint32_t key_length;
};

/* A value of the table: the data follows, then the writer's name. As short as can be: with the data
 * of most entries it lies in one line. */
struct sm_entry { /* 24 bytes */
  uint64_t revision;
  uint64_t wall;
  uint64_t writer; /* the upper 8 bits: bytes of the name */
};

SM_CHECK(sm_log, 256);
SM_CHECK(sm_record, 48);
SM_CHECK(sm_change, 40);
SM_CHECK(sm_entry, 24);
_Static_assert(offsetof(struct sm_log, oldest) == 64, "who commits has a line");
_Static_assert(offsetof(struct sm_log, waiting) == 128, "what seldom changes has another");
_Static_assert(offsetof(struct sm_log, durable) == 192, "and the disk has its own");

#endif
