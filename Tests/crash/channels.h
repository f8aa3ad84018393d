/* What the scenarios of channels share: messages with numbers, and a look at the heap. */
#ifndef CRASH_CHANNELS_H
#define CRASH_CHANNELS_H

#include "scenario.h"

/** Messages of these lengths lie in a mailbox, or beside it. */
enum { SMALL_MESSAGE = 40, LARGE_MESSAGE = 9000 };

/** Opens the channel of the scenario: the kind, and whether it acknowledges; BLOCK, 8 messages. */
void open_channel(struct role *role, uint32_t kind, uint32_t flags);

/** The options of a send to the workstream `target`; topic "a/b" for topics. */
syncmgr_send_options_t send_options(uint32_t kind, const char *target);

/** Sends a message of `length` bytes with the number in each of them, without waiting. */
int32_t send_number(struct role *role, uint8_t number, size_t length,
                    const syncmgr_send_options_t *options);

/** Takes the next message of a channel into `out_message`, which is valid until the next call. */
int32_t take(struct role *role, syncmgr_channel_t *channel, int64_t timeout_ns,
             syncmgr_message_t *out_message);

/** The number of a message; insists that it is whole. */
uint8_t number_of(struct role *role, const syncmgr_message_t *message);

/** Takes all that is in a channel, acknowledging it; insists that the numbers grow, and returns
 *  them as bits. */
uint32_t take_all(struct role *role, syncmgr_channel_t *channel);

/** Notes where loans would lie, so that memory which is left to nobody is seen. */
void heap_note(struct role *role);

/** After a cleanup: insists that all memory is free that was. */
void heap_insist(struct role *role);

/** Waits for the end of the victim, and clears up after it; returns whether it finished. */
bool after_the_victim(struct role *role);

/** Insists that somebody else can send and receive there. */
void insist_usable(struct role *role, const syncmgr_send_options_t *options);

#endif
