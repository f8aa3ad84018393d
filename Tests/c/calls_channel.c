/* The rows of the table of calls that are about channels. */
#include "calls.h"

static char data[8];
static const uint32_t lengths[1] = {1};

static void ignore_message(const syncmgr_message_t *message, void *user) {
  (void)message;
  (void)user;
}

CALL(channel_open, handle, "channel", SYNCMGR_CHANNEL_QUEUE, NULL, OUTPUT)
CALL(channel_close, handle)
CALL(channel_shut, handle, SYNCMGR_CHANNEL_DRAIN)
CALL(channel_subscribe, handle, NULL, 0)
CALL(channel_unsubscribe, handle, NULL)
CALL(channel_send, handle, data, 1, NULL, context->timeout_ns, OUTPUT)
CALL(channel_room, handle, NULL, OUTPUT)
CALL(channel_on, handle, ignore_message, NULL, NULL, OUTPUT)
CALL(channel_view, handle, context->timeout_ns, OUTPUT)
CALL(message_acknowledge, handle, 1)
CALL(message_reject, handle, 1, 0, NULL)
CALL(channel_wait, handle, SYNCMGR_READABLE, context->timeout_ns)
CALL(channel_wait_start, handle, SYNCMGR_READABLE, context->timeout_ns, context->queue, 7, OUTPUT)
CALL(channel_request, handle, data, 1, NULL, context->timeout_ns, OUTPUT)
CALL(channel_forget, handle, 1)
CALL(channel_reply, handle, 1, data, 1, NULL)
CALL(channel_loan, handle, 1, OUTPUT)
CALL(channel_publish, handle, data, 1, NULL, context->timeout_ns, OUTPUT)
CALL(channel_loan_return, handle, data)
CALL(channel_mailboxes, handle, OUTPUT, 1, SECOND_OUTPUT)

static const syncmgr_cell_t cell = {.key = "key", .data = data, .length = 1};

CALL(channel_set, handle, &cell, SYNCMGR_VERSION_ANY, OUTPUT)
CALL(channel_changed, handle, "key", 0, context->timeout_ns, OUTPUT)
CALL(channel_changed_start, handle, &cell, context->timeout_ns, context->queue, 7, OUTPUT)
CALL(channel_region, handle, "key", 1, OUTPUT)

/* Those for which a part of what they write is written on failure too: it is kept elsewhere. */
static int32_t run_channel_send_many(void *handle, call_context_t *context) {
  uint32_t count = 1;
  return syncmgr_channel_send_many(handle, data, lengths, &count, NULL, context->timeout_ns);
}

static int32_t run_channel_recv(void *handle, call_context_t *context) {
  syncmgr_message_t message;
  return syncmgr_channel_recv(handle, data, sizeof data, context->timeout_ns, &message);
}

static int32_t run_channel_recv_many(void *handle, call_context_t *context) {
  syncmgr_message_t message;
  return syncmgr_channel_recv_many(handle, data, sizeof data, &message, 1, OUTPUT);
}

static int32_t run_channel_response(void *handle, call_context_t *context) {
  syncmgr_message_t message;
  return syncmgr_channel_response(handle, 1, data, sizeof data, context->timeout_ns, &message);
}

static int32_t run_channel_get(void *handle, call_context_t *context) {
  syncmgr_cell_t wanted = {.key = "key"};
  (void)context;
  return syncmgr_channel_get(handle, &wanted, 1, data, sizeof data, NULL);
}

static const call_t rows[] = {
    ROW(WORKSTREAM, channel_open),
    CLOSING(CHANNEL, channel_close),
    ROW(CHANNEL, channel_subscribe),
    ROW(CHANNEL, channel_unsubscribe),
    ROW(CHANNEL, channel_send),
    ROW(CHANNEL, channel_send_many),
    ROW(CHANNEL, channel_room),
    ROW(CHANNEL, channel_recv),
    ROW(CHANNEL, channel_recv_many),
    ROW(CHANNEL, channel_on),
    ROW(CHANNEL, channel_view),
    ROW(CHANNEL, message_acknowledge),
    ROW(CHANNEL, message_reject),
    ROW(CHANNEL, channel_wait),
    ROW(CHANNEL, channel_wait_start),
    ROW(CHANNEL, channel_request),
    ROW(CHANNEL, channel_response),
    ROW(CHANNEL, channel_forget),
    ROW(CHANNEL, channel_reply),
    ROW(CHANNEL, channel_loan),
    ROW(CHANNEL, channel_publish),
    ROW(CHANNEL, channel_loan_return),
    ROW(CHANNEL, channel_mailboxes),
    ROW(CHANNEL, channel_shut),
    ROW(CHANNEL, channel_set),
    ROW(CHANNEL, channel_get),
    ROW(CHANNEL, channel_changed),
    ROW(CHANNEL, channel_changed_start),
    ROW(CHANNEL, channel_region),
};

__attribute__((constructor)) static void add_rows(void) {
  add_calls(rows, sizeof rows / sizeof rows[0]);
}
