/* Records of deadlocks. A table of the segment, see sm_layout.h. */
#ifndef SM_DEADLOCK_H
#define SM_DEADLOCK_H

#define SM_DEADLOCKS 64u
#define SM_DEADLOCK_MEMBERS 64u

struct sm_deadlock_member { /* 816 bytes: one who waits, or took, and what */
  uint64_t workstream; /* id */
  uint64_t holder;     /* id of who has what it waits for */
  uint64_t order;      /* of the wait, in the line of its object */
  int32_t pid;
  int32_t holder_pid;
  uint32_t type;     /* of the object */
  uint32_t relation; /* SYNCMGR_RELATION_... */
  uint32_t place;    /* cell + 1 of the wait; for a request holding + 1; 0 when it is none */
  uint32_t owner;    /* owner id of who waits */
  uint8_t name[256];
  uint8_t object_name[256];
  uint8_t other_name[256]; /* of the holder; or of the object that was held already */
};

struct sm_deadlock { /* 52352 bytes */
  uint32_t state;
  uint32_t kind;      /* SYNCMGR_DEADLOCK_... */
  uint32_t algorithm; /* SYNCMGR_DETECT_... */
  uint32_t policy;    /* SYNCMGR_VICTIM_... */
  uint32_t resolution;
  uint32_t count; /* members that are kept here */
  uint32_t total; /* workstreams that are in it */
  int32_t victim_pid;
  uint64_t id;
  uint64_t identity; /* hash of the waits that it is made of */
  uint64_t found;    /* ns since 1970 */
  uint64_t ended;
  uint64_t victim; /* id of the workstream */
  uint8_t pad[56];
  struct sm_deadlock_member members[SM_DEADLOCK_MEMBERS];
};

SM_CHECK(sm_deadlock_member, 816);
SM_CHECK(sm_deadlock, 52352);

#endif
