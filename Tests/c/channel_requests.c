/* Requests and responses, over direct channels and queues. */
#include <stdio.h>

#include "channels.h"

static const uint32_t direct = SYNCMGR_CHANNEL_DIRECT, queue = SYNCMGR_CHANNEL_QUEUE;

static syncmgr_channel_t *join(syncmgr_t *space, const char *name, uint32_t kind) {
  return open_channel(open_workstream(space, name), kind == direct ? "d" : "q", kind, NULL);
}

/* Asks the workstream `target`, or with NULL whoever takes it from the queue. */
static int32_t try_ask(syncmgr_channel_t *channel, const char *target, const char *text,
                       uint64_t *request) {
  syncmgr_send_options_t options = send_defaults();
  options.target = target;
  options.correlation = 11;
  return syncmgr_channel_request(channel, text, strlen(text), &options, 0, request);
}

static uint64_t ask(syncmgr_channel_t *channel, const char *target, const char *text) {
  uint64_t request = 0;
  CHECK_OK(try_ask(channel, target, text, &request));
  CHECK(request != 0);
  return request;
}

static uint64_t expect_request(syncmgr_channel_t *channel, const char *text) {
  received_t received;
  CHECK_OK(take(channel, 5 * SECOND, &received));
  CHECK(message_is(&received.message, text));
  CHECK((received.message.flags & SYNCMGR_MESSAGE_REPLY_WANTED) != 0);
  CHECK(received.message.reply_to != 0);
  CHECK_EQUAL(received.message.correlation, 11);
  return received.message.reply_to;
}

static int32_t reply(syncmgr_channel_t *channel, uint64_t reply_to, const char *text) {
  return syncmgr_channel_reply(channel, reply_to, text, strlen(text), NULL);
}

static int32_t response(syncmgr_channel_t *channel, uint64_t request, int64_t timeout_ns,
                        received_t *out) {
  memset(&out->message, 0xa5, sizeof out->message);
  return syncmgr_channel_response(channel, request, out->buffer, sizeof out->buffer, timeout_ns,
                                  &out->message);
}

static void ask_and_reply(syncmgr_t *space) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *target = kind == direct ? "server" : NULL;
    syncmgr_workstream_t *streams[] = {open_workstream(space, "client"),
                                       open_workstream(space, "server")};
    const char *name = kind == direct ? "d" : "q";
    syncmgr_channel_t *client = open_channel(streams[0], name, kind, NULL);
    syncmgr_channel_t *server = open_channel(streams[1], name, kind, NULL);
    syncmgr_send_options_t options = send_defaults();
    received_t received;
    uint64_t request = ask(client, target, "question");
    CHECK_STATUS(response(client, request, 0, &received), SYNCMGR_E_TIMEOUT);
    CHECK_STATUS(response(client, request, MILLISECOND, &received), SYNCMGR_E_TIMEOUT);
    uint64_t reply_to = expect_request(server, "question");
    CHECK_EQUAL(reply_to, request);
    options.correlation = 12;
    options.topic = "topic";
    options.metadata = "{\"a\":1}";
    options.priority = SYNCMGR_PRIORITY_CRITICAL;
    CHECK_OK(syncmgr_channel_reply(server, reply_to, "answer", 6, &options));
    CHECK_OK(syncmgr_channel_wait(client, request, 0));
    CHECK_OK(response(client, request, 0, &received));
    CHECK(message_is(&received.message, "answer"));
    CHECK(strcmp(received.message.sender, "server") == 0);
    CHECK(strcmp(received.message.topic, "topic") == 0);
    CHECK(strcmp(received.message.metadata, "{\"a\":1}") == 0);
    CHECK_EQUAL(received.message.correlation, 12);
    CHECK_EQUAL(received.message.priority, SYNCMGR_PRIORITY_CRITICAL);
    CHECK_EQUAL(received.message.receipt, 0);
    /* It is over, for both. */
    CHECK_STATUS(response(client, request, 0, &received), SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(syncmgr_channel_wait(client, request, 0), SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(syncmgr_channel_forget(client, request), SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(reply(server, reply_to, "again"), SYNCMGR_E_NOT_FOUND);
    /* The response came to nobody's mailbox. */
    EXPECT_NOTHING(client);
    EXPECT_NOTHING(server);
    for (unsigned index = 0; index < 2; index++) CHECK_OK(syncmgr_workstream_close(streams[index]));
  }
}

TEST(a_request_gets_its_response) { in_both_spaces(ask_and_reply); }

TEST(responses_come_to_their_requests_in_any_order) {
  enum { COUNT = 100 };
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *client = join(space, "client", direct);
  syncmgr_channel_t *server = join(space, "server", direct);
  uint64_t requests[COUNT], replies[COUNT], state = harness_seed();
  char text[16];
  received_t received;
  for (unsigned index = 0; index < COUNT; index++) {
    snprintf(text, sizeof text, "%u", index);
    requests[index] = ask(client, "server", text);
    replies[index] = expect_request(server, text);
  }
  for (unsigned left = COUNT; left > 0; left--) {
    unsigned chosen = random_below(&state, left);
    snprintf(text, sizeof text, "%llu", (unsigned long long)replies[chosen]);
    CHECK_OK(reply(server, replies[chosen], text));
    replies[chosen] = replies[left - 1];
  }
  for (unsigned index = 0; index < COUNT; index++) {
    snprintf(text, sizeof text, "%llu", (unsigned long long)requests[index]);
    CHECK_OK(response(client, requests[index], 0, &received));
    CHECK(message_is(&received.message, text));
  }
  check_and_close(space);
}

TEST(a_request_that_is_given_up_has_no_response) {
  syncmgr_t *space = open_space(unique_url(), 0);
  received_t received;
  for (unsigned kind = 0; kind < 2; kind++) {
    syncmgr_channel_t *client = join(space, kind ? "c1" : "c0", kind);
    syncmgr_channel_t *server = join(space, kind ? "s1" : "s0", kind);
    uint64_t request = ask(client, kind == direct ? "s1" : NULL, "question");
    uint64_t reply_to = expect_request(server, "question");
    CHECK_OK(syncmgr_channel_forget(client, request));
    CHECK_STATUS(syncmgr_channel_forget(client, request), SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(response(client, request, 0, &received), SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(reply(server, reply_to, "answer"), SYNCMGR_E_NOT_FOUND);
    /* Neither does the next one get the old response. */
    uint64_t next = ask(client, kind == direct ? "s1" : NULL, "next");
    CHECK(next != request);
    CHECK_STATUS(reply(server, reply_to, "answer"), SYNCMGR_E_NOT_FOUND);
    CHECK_OK(reply(server, expect_request(server, "next"), "fine"));
    CHECK_OK(response(client, next, 0, &received));
    CHECK(message_is(&received.message, "fine"));
  }
  check_and_close(space);
}

TEST(requests_cannot_be_guessed_or_taken_by_others) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *client = join(space, "client", direct);
  syncmgr_channel_t *server = join(space, "server", direct);
  syncmgr_channel_t *elsewhere = join(space, "thief", queue);
  uint64_t state = harness_seed();
  received_t received;
  uint64_t request = ask(client, "server", "question");
  CHECK_STATUS(response(server, request, 0, &received), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_channel_forget(server, request), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_channel_wait(server, request, 0), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(response(elsewhere, request, 0, &received), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(reply(elsewhere, request, "answer"), SYNCMGR_E_NOT_FOUND);
  for (unsigned round = 0; round < 5000; round++) {
    uint64_t number = random_next(&state) >> random_below(&state, 64);
    if (round % 2) number = request ^ (1ull << random_below(&state, 64));
    CHECK_STATUS(response(client, number, 0, &received), SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(reply(server, number, "answer"), SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(syncmgr_channel_forget(client, number), SYNCMGR_E_NOT_FOUND);
  }
  CHECK_OK(reply(server, request, "answer"));
  CHECK_OK(response(client, request, 0, &received));
  check_and_close(space);
}

TEST(a_response_that_does_not_fit_stays) {
  static char large[100000];
  static _Alignas(8) char buffer[sizeof large + 4096];
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *client = join(space, "client", direct);
  syncmgr_channel_t *server = join(space, "server", direct);
  received_t received;
  syncmgr_message_t message;
  uint64_t request = ask(client, "server", "question");
  CHECK_OK(syncmgr_channel_reply(server, expect_request(server, "question"), large, sizeof large,
                                 NULL));
  CHECK_STATUS(response(client, request, 0, &received), SYNCMGR_E_TOO_LARGE);
  CHECK(received.message.length >= sizeof large && received.message.length <= sizeof buffer);
  CHECK_OK(syncmgr_channel_response(client, request, buffer, received.message.length, 0, &message));
  CHECK_EQUAL(message.length, sizeof large);
  check_and_close(space);
}

TEST(what_was_not_sent_is_no_request) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *client = join(space, "client", direct);
  syncmgr_channel_t *server = join(space, "server", direct);
  uint64_t request = 77;
  CHECK_STATUS(try_ask(client, "nobody", "question", &request), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(try_ask(client, NULL, "question", &request), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_request(client, "", 0, NULL, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_EQUAL(request, 77);
  for (unsigned index = 0; index < 256; index++) CHECK_OK(send_to(client, "server", "."));
  CHECK_STATUS(try_ask(client, "server", "question", &request), SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(request, 77);
  CHECK_OK(syncmgr_channel_close(server));
  check_and_close(space);
}

TEST(only_direct_channels_and_queues_take_requests) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_send_options_t options = send_defaults();
  uint64_t request = 0;
  options.topic = "t";
  syncmgr_channel_t *broadcast = open_channel(me, "b", SYNCMGR_CHANNEL_BROADCAST, NULL);
  syncmgr_channel_t *topics = open_channel(me, "t", SYNCMGR_CHANNEL_PUBSUB, NULL);
  syncmgr_channel_t *cells = open_channel(me, "m", SYNCMGR_CHANNEL_MEMORY, NULL);
  CHECK_STATUS(syncmgr_channel_request(broadcast, "", 0, &options, 0, &request),
               SYNCMGR_E_UNSUPPORTED);
  CHECK_STATUS(syncmgr_channel_request(topics, "", 0, &options, 0, &request),
               SYNCMGR_E_UNSUPPORTED);
  CHECK_STATUS(syncmgr_channel_request(cells, "", 0, NULL, 0, &request), SYNCMGR_E_UNSUPPORTED);
  check_and_close(space);
}

/* Opens as "server" and takes requests until it dies; index 1: it replies. Pause 1: opened. Value
 * 1: how many it took. */
static void serve(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_channel_t *channel = join(space, "server", direct);
  received_t received;
  peer_pause(self);
  while (take(channel, SYNCMGR_FOREVER, &received) == SYNCMGR_OK) {
    if (self->index) CHECK_OK(reply(channel, received.message.reply_to, "answer"));
    atomic_fetch_add(&self->values[1], 1);
  }
}

typedef struct waiting_request {
  syncmgr_channel_t *channel;
  uint64_t request;
  int32_t status;
} waiting_request_t;

static void *await_response(void *argument) {
  waiting_request_t *waiting = argument;
  received_t received;
  waiting->status = response(waiting->channel, waiting->request, SYNCMGR_FOREVER, &received);
  return NULL;
}

TEST(who_waits_for_one_that_dies_is_told_that_no_response_comes) {
  /* Before it took the request, and after; asleep, later, and through a queue. */
  for (unsigned round = 0; round < 6; round++) {
    const char *url = unique_url();
    peer_t *server = peer_start(serve, url, 0, 0);
    peer_wait_pause(server, 1);
    syncmgr_t *space = open_space(url, 0);
    syncmgr_queue_t *records = open_queue(space);
    syncmgr_ticket_t *ticket = NULL;
    received_t received;
    waiting_request_t waiting = {.channel = join(space, "client", direct)};
    waiting.request = ask(waiting.channel, "server", "question");
    if (round % 2) {
      peer_go(server);
      peer_wait_value(server, 1);
    }
    if (round / 2 == 0) {
      pthread_t thread = start_thread(await_response, &waiting);
      sleep_ms(20);
      peer_kill(server);
      join_thread(thread);
      CHECK_STATUS(waiting.status, SYNCMGR_E_UNAVAILABLE);
    } else if (round / 2 == 1) {
      peer_kill(server);
      CHECK_STATUS(response(waiting.channel, waiting.request, 5 * SECOND, &received),
                   SYNCMGR_E_UNAVAILABLE);
    } else {
      CHECK_STATUS(syncmgr_channel_wait_start(waiting.channel, waiting.request, SYNCMGR_FOREVER,
                                              records, 5, &ticket), SYNCMGR_PENDING);
      peer_kill(server);
      CHECK_EQUAL(next_record(records).user_data, 5);
      CHECK_STATUS(response(waiting.channel, waiting.request, 0, &received),
                   SYNCMGR_E_UNAVAILABLE);
    }
    CHECK_STATUS(response(waiting.channel, waiting.request, 0, &received), SYNCMGR_E_NOT_FOUND);
    check_and_close(space);
  }
}

TEST(a_response_outlives_who_sent_it) {
  const char *url = unique_url();
  peer_t *server = peer_start(serve, url, 1, 0);
  peer_wait_pause(server, 1);
  peer_go(server);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *client = join(space, "client", direct);
  received_t received;
  uint64_t request = ask(client, "server", "question");
  peer_wait_value(server, 1);
  peer_kill(server);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_OK(response(client, request, 0, &received));
  CHECK(message_is(&received.message, "answer"));
  check_and_close(space);
}

static void close_and_tell(syncmgr_t *space) {
  for (unsigned way = 0; way < 4; way++) {
    syncmgr_workstream_t *stream = open_workstream(space, "server");
    syncmgr_workstream_t *asker = open_workstream(space, "client");
    syncmgr_channel_t *client = open_channel(asker, "d", direct, NULL);
    syncmgr_channel_t *server = open_channel(stream, "d", direct, NULL);
    received_t received;
    uint64_t request = ask(client, "server", "question");
    uint64_t reply_to = expect_request(server, "question");
    if (way < 2) {
      if (way == 0) CHECK_OK(syncmgr_channel_close(server));
      CHECK_OK(syncmgr_workstream_close(stream));
      CHECK_STATUS(syncmgr_channel_wait(client, request, 0), SYNCMGR_E_UNAVAILABLE);
      CHECK_STATUS(response(client, request, SYNCMGR_FOREVER, &received), SYNCMGR_E_UNAVAILABLE);
      CHECK_STATUS(response(client, request, 0, &received), SYNCMGR_E_NOT_FOUND);
      CHECK_OK(syncmgr_workstream_close(asker));
    } else {
      if (way == 2) CHECK_OK(syncmgr_channel_close(client));
      CHECK_OK(syncmgr_workstream_close(asker));
      CHECK_STATUS(reply(server, reply_to, "answer"), SYNCMGR_E_NOT_FOUND);
      CHECK_OK(syncmgr_workstream_close(stream));
    }
  }
}

TEST(who_closes_ends_the_requests_to_it_and_its_own) { in_both_spaces(close_and_tell); }

/* Asks "server" and dies. Pause 1: opened. Value 1: asked. */
static void ask_and_die(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_channel_t *channel = open_channel(peer_enter(self, &space), "d", direct, NULL);
  ask(channel, "server", "question");
  peer_pause(self);
}

TEST(a_reply_to_one_that_died_is_not_found_and_leaves_nothing) {
  const char *url = unique_url();
  syncmgr_t *space = NULL;
  /* The server comes first, so that it can be asked; the askers are forked before. */
  peer_t *server = peer_start(serve, url, 0, 0);
  peer_wait_pause(server, 1);
  peer_t *asker = peer_start(ask_and_die, url, 0, 0);
  peer_wait_pause(asker, 1);
  peer_kill(asker);
  space = open_space(url, 0);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_EQUAL(mailbox_count(join(space, "looker", direct)), 2);
  peer_kill(server);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  check_and_close(space);
}

TEST(requests_leave_nothing_behind) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *client = join(space, "client", direct);
  syncmgr_channel_t *server = join(space, "server", direct);
  received_t received;
  /* More than there are objects in a space. */
  for (unsigned round = 0; round < 18000; round++) {
    uint64_t request = ask(client, "server", "question");
    uint64_t reply_to = expect_request(server, "question");
    if (round % 3 == 0) {
      CHECK_OK(syncmgr_channel_forget(client, request));
    } else {
      CHECK_OK(reply(server, reply_to, "answer"));
      if (round % 3 == 1) CHECK_OK(syncmgr_channel_forget(client, request));
      else CHECK_OK(response(client, request, 0, &received));
    }
  }
  check_and_close(space);
}
