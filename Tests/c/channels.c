#include "channels.h"

syncmgr_channel_options_t channel_defaults(void) {
  return (syncmgr_channel_options_t)SYNCMGR_CHANNEL_OPTIONS_INIT;
}

syncmgr_send_options_t send_defaults(void) {
  return (syncmgr_send_options_t)SYNCMGR_SEND_OPTIONS_INIT;
}

syncmgr_channel_t *open_channel(syncmgr_workstream_t *me, const char *name, uint32_t kind,
                                const syncmgr_channel_options_t *options) {
  syncmgr_channel_t *channel = NULL;
  CHECK_OK(syncmgr_channel_open(me, name, kind, options, &channel));
  CHECK(channel != NULL);
  return channel;
}

syncmgr_channel_t *open_acknowledged(syncmgr_workstream_t *me, uint32_t max_deliveries,
                                     int64_t visibility_ns, const char *dead_letters) {
  syncmgr_channel_options_t options = channel_defaults();
  options.flags = SYNCMGR_CHANNEL_ACKNOWLEDGE;
  options.max_deliveries = max_deliveries;
  options.visibility_ns = visibility_ns;
  options.dead_letters = dead_letters;
  return open_channel(me, "c", SYNCMGR_CHANNEL_QUEUE, &options);
}

int32_t send_text(syncmgr_channel_t *channel, const char *text) {
  return syncmgr_channel_send(channel, text, strlen(text), NULL, 0, NULL);
}

int32_t send_to(syncmgr_channel_t *channel, const char *target, const char *text) {
  syncmgr_send_options_t options = send_defaults();
  options.target = target;
  return syncmgr_channel_send(channel, text, strlen(text), &options, 0, NULL);
}

int32_t send_topic(syncmgr_channel_t *channel, const char *topic, const char *text) {
  syncmgr_send_options_t options = send_defaults();
  options.topic = topic;
  return syncmgr_channel_send(channel, text, strlen(text), &options, 0, NULL);
}

int32_t send_number(syncmgr_channel_t *channel, uint64_t number) {
  return syncmgr_channel_send(channel, &number, sizeof number, NULL, 0, NULL);
}

int32_t take(syncmgr_channel_t *channel, int64_t timeout_ns, received_t *out) {
  memset(&out->message, 0xa5, sizeof out->message);
  return syncmgr_channel_recv(channel, out->buffer, sizeof out->buffer, timeout_ns, &out->message);
}

uint64_t number_of(const syncmgr_message_t *message) {
  uint64_t number = 0;
  CHECK_EQUAL(message->length, sizeof number);
  memcpy(&number, message->data, sizeof number);
  return number;
}

bool message_is(const syncmgr_message_t *message, const char *text) {
  return message->length == strlen(text) && memcmp(message->data, text, strlen(text)) == 0;
}

uint64_t expect_text(const char *file, int line, syncmgr_channel_t *channel, const char *text) {
  received_t received;
  check_status(file, line, "take", take(channel, 5 * SECOND, &received), SYNCMGR_OK);
  if (!message_is(&received.message, text)) {
    harness_fail(file, line, "expected '%s', and '%.*s' came", text,
                 (int)received.message.length, (const char *)received.message.data);
  }
  return received.message.receipt;
}

void check_sentence(const char *file, int line, const char *text) {
  const char *sentence = syncmgr_last_error();
  if (!strstr(sentence, text)) harness_fail(file, line, "'%s' is not in '%s'", text, sentence);
}

syncmgr_mailbox_t mailbox_at(syncmgr_channel_t *channel, unsigned place) {
  static syncmgr_mailbox_t mailboxes[64];
  uint32_t count = 0;
  CHECK(place < 64);
  CHECK_OK(syncmgr_channel_mailboxes(channel, mailboxes, 64, &count));
  CHECK(place < count);
  return mailboxes[place];
}

uint32_t mailbox_count(syncmgr_channel_t *channel) {
  uint32_t count = 99;
  CHECK_OK(syncmgr_channel_mailboxes(channel, NULL, 0, &count));
  return count;
}

syncmgr_workstream_t *peer_enter(peer_t *self, syncmgr_t **out_space) {
  *out_space = peer_space(self);
  return open_workstream(*out_space, peer_workstream_name(self));
}

void in_both_spaces(void (*body)(syncmgr_t *space)) {
  for (unsigned round = 0; round < 2; round++) {
    syncmgr_t *space = open_space(round ? unique_url() : "local:", 0);
    body(space);
    check_and_close(space);
  }
}
