/* What the tests of channels share: opening, sending texts and numbers, and expecting them. */
#ifndef CHANNELS_H
#define CHANNELS_H

#include <string.h>

#include "bodies.h"

/** A message with the buffer that it lies in. */
typedef struct received {
  syncmgr_message_t message;
  _Alignas(8) char buffer[4096];
} received_t;

/** The defaults, to be changed. */
syncmgr_channel_options_t channel_defaults(void);
syncmgr_send_options_t send_defaults(void);

/** Opens and checks that it worked. NULL options: whatever it has. */
syncmgr_channel_t *open_channel(syncmgr_workstream_t *me, const char *name, uint32_t kind,
                                const syncmgr_channel_options_t *options);

/** Opens a queue that acknowledges, with these limits; `dead_letters` may be NULL. */
syncmgr_channel_t *open_acknowledged(syncmgr_workstream_t *me, uint32_t max_deliveries,
                                     int64_t visibility_ns, const char *dead_letters);

/* Each sends without waiting, and returns the status. */
int32_t send_text(syncmgr_channel_t *channel, const char *text);
int32_t send_to(syncmgr_channel_t *channel, const char *target, const char *text);
int32_t send_topic(syncmgr_channel_t *channel, const char *topic, const char *text);
int32_t send_number(syncmgr_channel_t *channel, uint64_t number);

/** Takes the next message. */
int32_t take(syncmgr_channel_t *channel, int64_t timeout_ns, received_t *out);

/** What the message is, as a number. */
uint64_t number_of(const syncmgr_message_t *message);

bool message_is(const syncmgr_message_t *message, const char *text);

/** Checks that the next message, which comes soon, is this; returns its receipt. */
#define EXPECT_TEXT(channel, text) expect_text(__FILE__, __LINE__, channel, text)
uint64_t expect_text(const char *file, int line, syncmgr_channel_t *channel, const char *text);

/** Checks that there is no message. */
#define EXPECT_NOTHING(channel)                                                     \
  do {                                                                              \
    received_t nothing_;                                                            \
    CHECK_STATUS(take(channel, 0, &nothing_), SYNCMGR_E_TIMEOUT);                   \
  } while (0)

/** Checks that the sentence of the last error contains this. */
#define CHECK_SENTENCE(text) check_sentence(__FILE__, __LINE__, text)
void check_sentence(const char *file, int line, const char *text);

/** The mailbox of this place in the channel's list. */
syncmgr_mailbox_t mailbox_at(syncmgr_channel_t *channel, unsigned place);

/** How many mailboxes the channel has. */
uint32_t mailbox_count(syncmgr_channel_t *channel);

/** Opens the peer's space and its workstream, which has the name of peer_workstream_name. */
syncmgr_workstream_t *peer_enter(peer_t *self, syncmgr_t **out_space);

/** Runs `body` once in a private and once in a shared space, which it checks and closes after. */
void in_both_spaces(void (*body)(syncmgr_t *space));

#endif
