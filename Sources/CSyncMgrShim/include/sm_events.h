/* The part of the layout that notices and messages need. Included by sm_layout.h.
 *
 * An event is one notice for everybody; the events are a ring. A message is kept for each of its
 * recipients until they have read it, it expired, or they are gone. */
#ifndef SM_EVENTS_H
#define SM_EVENTS_H

#define SM_EVENTS 1024u
#define SM_MESSAGES 1024u
#define SM_RECIPIENTS 16u
#define SM_TEXT_BYTES 384u
#define SM_DETAIL_BYTES 400u

struct sm_event { /* 1536 bytes */
  uint64_t sequence; /* position + 1, written last; 0 while it is being written */
  uint64_t time;     /* monotonic ns */
  uint64_t wall;     /* ns since 1970 */
  uint64_t workstream;
  uint64_t value;
  uint64_t message;   /* id of the message that it tells of, or 0 */
  uint64_t recipient; /* workstream id: only for its process; 0 for everybody */
  uint64_t expires;   /* monotonic ns; 0 never */
  uint32_t kind;
  uint32_t priority;
  uint32_t type;
  uint32_t object;          /* index + 1 */
  uint32_t recipient_owner; /* owner id of the recipient */
  int32_t pid;
  uint32_t reserved[2];
  /* How many events of each kind, by its bit, there were up to and with this one; at 0 those for
   * one recipient. Readers that were overtaken know from it what they have lost. */
  uint32_t counts[32];
  uint8_t name[256];
  uint8_t object_name[256];
  uint8_t text[SM_TEXT_BYTES];
  uint8_t detail[SM_DETAIL_BYTES];
  uint8_t pad[16];
};

struct sm_recipient { /* 288 bytes */
  uint64_t workstream; /* id; 0 when there was none of this name */
  uint32_t owner;      /* owner id */
  uint32_t status;     /* SYNCMGR_NOTIFICATION_..., and a bit when the inbox has given it out */
  int32_t pid;
  uint8_t pad[12];
  uint8_t name[256];
};

struct sm_message { /* 5824 bytes */
  uint64_t id;
  uint64_t time;
  uint64_t wall;
  uint64_t expires; /* monotonic ns; 0 never */
  uint64_t sender;
  uint32_t owner; /* participant id of the sender while it fills the slot, see state */
  uint32_t state;
  uint32_t kind;
  uint32_t priority;
  uint32_t flags;
  uint32_t count; /* of recipients */
  int32_t pid;
  uint8_t pad0[60];
  uint8_t name[256]; /* of the sender */
  uint8_t text[SM_TEXT_BYTES];
  uint8_t detail[SM_DETAIL_BYTES];
  struct sm_recipient recipients[SM_RECIPIENTS];
  uint8_t pad1[48];
};

SM_CHECK(sm_event, 1536);
SM_CHECK(sm_recipient, 288);
SM_CHECK(sm_message, 5824);

#endif
