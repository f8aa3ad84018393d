#include "channels.h"

#include <string.h>

#include "support.h"

enum { LOANS = 64 };

static uint8_t data[LARGE_MESSAGE];
static _Alignas(8) char buffer[LARGE_MESSAGE + 4096];
static void *noted[LOANS];

void open_channel(struct role *role, uint32_t kind, uint32_t flags) {
  syncmgr_channel_options_t options = SYNCMGR_CHANNEL_OPTIONS_INIT;
  options.capacity = 8;
  options.overflow = SYNCMGR_OVERFLOW_BLOCK;
  options.flags = flags;
  if (kind == SYNCMGR_CHANNEL_QUEUE) {
    CALL(role, syncmgr_channel_open(role->workstream, "letters", kind, NULL, &role->letters),
         SYNCMGR_OK);
  }
  if (flags & SYNCMGR_CHANNEL_ACKNOWLEDGE) {
    options.dead_letters = "letters";
  }
  if (kind == SYNCMGR_CHANNEL_BROADCAST) {
    options.history = 4;
  }
  CALL(role, syncmgr_channel_open(role->workstream, "channel", kind, &options, &role->channel),
       SYNCMGR_OK);
}

syncmgr_send_options_t send_options(uint32_t kind, const char *target) {
  syncmgr_send_options_t options = SYNCMGR_SEND_OPTIONS_INIT;
  options.target = target;
  options.topic = kind == SYNCMGR_CHANNEL_PUBSUB ? "a/b" : NULL;
  return options;
}

int32_t send_number(struct role *role, uint8_t number, size_t length,
                    const syncmgr_send_options_t *options) {
  memset(data, number, sizeof data);
  return syncmgr_channel_send(role->channel, data, length, options, 0, NULL);
}

int32_t take(struct role *role, syncmgr_channel_t *channel, int64_t timeout_ns,
             syncmgr_message_t *out_message) {
  (void)role;
  return syncmgr_channel_recv(channel, buffer, sizeof buffer, timeout_ns, out_message);
}

uint8_t number_of(struct role *role, const syncmgr_message_t *message) {
  const uint8_t *bytes = message->data;
  INSIST(role, message->length == SMALL_MESSAGE || message->length == LARGE_MESSAGE,
         "a message has %u bytes", (unsigned)message->length);
  for (size_t index = 1; index < message->length; index++) {
    INSIST(role, bytes[index] == bytes[0], "byte %u is another's", (unsigned)index);
  }
  return bytes[0];
}

uint32_t take_all(struct role *role, syncmgr_channel_t *channel) {
  syncmgr_message_t message;
  uint32_t numbers = 0, last = 0;
  while (true) {
    CALL(role, take(role, channel, 0, &message), SYNCMGR_OK, SYNCMGR_E_TIMEOUT);
    if (role->status == SYNCMGR_E_TIMEOUT) {
      return numbers;
    }
    uint32_t number = number_of(role, &message);
    INSIST(role, number > last && number < 32, "message %u came after %u", number, last);
    numbers |= 1u << number;
    last = number;
    if (message.receipt != 0) {
      CALL(role, syncmgr_message_acknowledge(channel, message.receipt), SYNCMGR_OK);
    }
  }
}

static void lend_all(struct role *role, void **loans) {
  for (uint32_t index = 0; index < LOANS; index++) {
    CALL(role, syncmgr_channel_loan(role->channel, 1, &loans[index]), SYNCMGR_OK);
  }
  for (uint32_t index = 0; index < LOANS; index++) {
    CALL(role, syncmgr_channel_loan_return(role->channel, loans[index]), SYNCMGR_OK);
  }
}

void heap_note(struct role *role) { lend_all(role, noted); }

void heap_insist(struct role *role) {
  void *loans[LOANS];
  lend_all(role, loans);
  for (uint32_t index = 0; index < LOANS; index++) {
    INSIST(role, loans[index] == noted[index], "page %d is left to nobody",
           (int)(((char *)noted[index] - (char *)noted[0]) / 4096));
  }
}

bool after_the_victim(struct role *role) {
  bool finished = role_await_outcome(role) == VICTIM_FINISHED;
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  return finished;
}

void insist_usable(struct role *role, const syncmgr_send_options_t *options) {
  for (uint8_t number = 20; number < 28; number++) {
    size_t length = number % 4 ? SMALL_MESSAGE : LARGE_MESSAGE;
    CALL(role, send_number(role, number, length, options), SYNCMGR_OK);
  }
  INSIST(role, take_all(role, role->channel) == 0xffu << 20, "what is sent does not arrive");
}
