/* Deadlocks over channels: who waits for room in a mailbox, or for a response, waits for whose it
 * is. */
#include <string.h>

#include "channels.h"
#include "deadlocks.h"

typedef struct sender {
  syncmgr_channel_t *channel;
  int32_t status;
  char words[512];
} sender_t;

static syncmgr_channel_t *open_direct(syncmgr_workstream_t *workstream) {
  syncmgr_channel_options_t options = SYNCMGR_CHANNEL_OPTIONS_INIT;
  options.capacity = 1;
  syncmgr_channel_t *channel = NULL;
  CHECK_OK(syncmgr_channel_open(workstream, "mail", SYNCMGR_CHANNEL_DIRECT, &options, &channel));
  return channel;
}

static void *send_to_late(void *argument) {
  sender_t *sender = argument;
  syncmgr_send_options_t options = SYNCMGR_SEND_OPTIONS_INIT;
  options.target = "late";
  sender->status = syncmgr_channel_send(sender->channel, "x", 1, &options, 10 * SECOND, NULL);
  strncpy(sender->words, syncmgr_last_error(), sizeof sender->words - 1);
  return NULL;
}

/* "early" holds the mutex and waits for room in the mailbox of "late", which waits for the
 * mutex. */
TEST(who_waits_for_room_where_the_receiver_waits_for_its_lock_is_in_a_deadlock) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *early = open_workstream(space, "early");
  syncmgr_workstream_t *late = open_workstream(space, "late");
  syncmgr_mutex_t *held = open_mutex(early, "m", 0), *wanted = open_mutex(late, "m", 0);
  sender_t sender = {.channel = open_direct(early)};
  syncmgr_channel_t *receiver = open_direct(late);
  CHECK_OK(syncmgr_mutex_lock(held, 0));
  send_to_late(&sender);
  CHECK_OK(sender.status);
  pthread_t thread = start_thread(send_to_late, &sender);
  sleep_ms(20);
  CHECK_STATUS(syncmgr_mutex_lock(wanted, 10 * SECOND), SYNCMGR_E_DEADLOCK);
  const char *words = syncmgr_last_error();
  if (!strstr(words, "late waits for \"m\" held by early (pid ") ||
      !strstr(words, "early waits at \"mail\" for late (pid ")) {
    harness_fail(__FILE__, __LINE__, "it says: %s", words);
  }
  char buffer[64];
  syncmgr_message_t message;
  CHECK_OK(syncmgr_channel_recv(receiver, buffer, sizeof buffer, 0, &message));
  join_thread(thread);
  CHECK_OK(sender.status);
  CHECK_OK(syncmgr_mutex_unlock(held));
  check_and_close(space);
}

/* "early" holds the mutex and waits for the response of "late", which waits for the mutex. */
TEST(who_waits_for_a_response_of_one_that_waits_for_its_lock_is_in_a_deadlock) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *early = open_workstream(space, "early");
  syncmgr_workstream_t *late = open_workstream(space, "late");
  syncmgr_mutex_t *held = open_mutex(early, "m", 0), *wanted = open_mutex(late, "m", 0);
  syncmgr_channel_t *asker = open_direct(early);
  open_direct(late);
  CHECK_OK(syncmgr_mutex_lock(held, 0));
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_mutex_lock_start(wanted, 10 * SECOND, NULL, 0, &ticket), SYNCMGR_PENDING);
  syncmgr_send_options_t options = SYNCMGR_SEND_OPTIONS_INIT;
  options.target = "late";
  uint64_t request = 0;
  CHECK_OK(syncmgr_channel_request(asker, "?", 1, &options, 0, &request));
  char buffer[64];
  syncmgr_message_t message;
  int32_t response =
      syncmgr_channel_response(asker, request, buffer, sizeof buffer, 10 * SECOND, &message);
  /* The youngest gives up: its wait, or this one's. */
  CHECK(response == SYNCMGR_E_DEADLOCK || response == SYNCMGR_E_TIMEOUT);
  if (response == SYNCMGR_E_DEADLOCK) CHECK_OK(syncmgr_channel_forget(asker, request));
  CHECK_OK(syncmgr_mutex_unlock(held));
  int32_t lock = syncmgr_ticket_wait(ticket, 10 * SECOND, NULL);
  CHECK(lock == SYNCMGR_OK || lock == SYNCMGR_E_DEADLOCK);
  CHECK((lock == SYNCMGR_E_DEADLOCK) != (response == SYNCMGR_E_DEADLOCK));
  check_and_close(space);
}

/* A full mailbox whose owner waits for nothing is no deadlock. */
TEST(a_full_mailbox_of_one_that_waits_for_nothing_is_no_deadlock) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *early = open_workstream(space, "early");
  sender_t sender = {.channel = open_direct(early)};
  syncmgr_channel_t *receiver = open_direct(open_workstream(space, "late"));
  send_to_late(&sender);
  pthread_t thread = start_thread(send_to_late, &sender);
  sleep_ms(20);
  uint32_t count = 1;
  CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count));
  CHECK_EQUAL(count, 0);
  char buffer[64];
  syncmgr_message_t message;
  CHECK_OK(syncmgr_channel_recv(receiver, buffer, sizeof buffer, 0, &message));
  join_thread(thread);
  CHECK_OK(sender.status);
  check_and_close(space);
}

/* Answers after a while; with `other`, after it has asked that. */
typedef struct answerer {
  syncmgr_channel_t *channel;
  const char *other;
} answerer_t;

static int32_t ask(syncmgr_channel_t *channel, const char *whom) {
  syncmgr_send_options_t options = SYNCMGR_SEND_OPTIONS_INIT;
  options.target = whom;
  uint64_t request = 0;
  CHECK_OK(syncmgr_channel_request(channel, "?", 1, &options, 5 * SECOND, &request));
  char buffer[64];
  syncmgr_message_t message;
  return syncmgr_channel_response(channel, request, buffer, sizeof buffer, 10 * SECOND, &message);
}

static void answer(const syncmgr_message_t *message, void *user) {
  answerer_t *answerer = user;
  if (answerer->other != NULL) {
    CHECK_OK(ask(answerer->channel, answerer->other));
  } else {
    sleep_ms(100);
  }
  CHECK_OK(syncmgr_channel_reply(answerer->channel, message->reply_to, "!", 1, NULL));
}

/* "early" asks "late", which asks "early" before it answers: both answer on threads of their
 * own. */
TEST(those_who_answer_by_callbacks_are_in_no_deadlock) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_options_t room = SYNCMGR_CHANNEL_OPTIONS_INIT;
  answerer_t early = {NULL, NULL}, late = {NULL, "early"};
  syncmgr_subscription_t *subscriptions[2];
  CHECK_OK(syncmgr_channel_open(open_workstream(space, "early"), "mail", SYNCMGR_CHANNEL_DIRECT,
                                &room, &early.channel));
  CHECK_OK(syncmgr_channel_open(open_workstream(space, "late"), "mail", SYNCMGR_CHANNEL_DIRECT,
                                &room, &late.channel));
  CHECK_OK(syncmgr_channel_on(early.channel, answer, &early, NULL, &subscriptions[0]));
  CHECK_OK(syncmgr_channel_on(late.channel, answer, &late, NULL, &subscriptions[1]));
  for (unsigned round = 0; round < 3; round++) CHECK_OK(ask(early.channel, "late"));
  for (unsigned index = 0; index < 2; index++) CHECK_OK(syncmgr_off(subscriptions[index]));
  check_and_close(space);
}
