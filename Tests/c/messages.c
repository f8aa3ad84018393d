/* Messages reach the workstreams that they are for, and the sender can ask how far they are. */
#include <stdio.h>
#include <unistd.h>

#include "notices.h"

static uint64_t send(syncmgr_workstream_t *me, const char *recipients, uint32_t priority,
                     uint32_t flags, int64_t ttl_ns, const char *text) {
  syncmgr_notify_options_t options = SYNCMGR_NOTIFY_OPTIONS_INIT;
  uint64_t id = 0;
  options.priority = priority;
  options.flags = flags;
  options.ttl_ns = ttl_ns;
  CHECK_OK(syncmgr_notify(me, recipients, &options, text, NULL, &id));
  CHECK(id != 0);
  return id;
}

static uint32_t status_of(syncmgr_t *space, uint64_t id, uint32_t index) {
  syncmgr_recipient_t recipients[SYNCMGR_RECIPIENTS_MAX];
  uint32_t count = 0;
  CHECK_OK(syncmgr_notification_status(space, id, recipients, SYNCMGR_RECIPIENTS_MAX, &count));
  CHECK(index < count);
  return recipients[index].status;
}

static void check_inbox(syncmgr_workstream_t *me, const char *text) {
  syncmgr_notice_t message;
  if (!text) {
    CHECK_STATUS(syncmgr_inbox_next(me, 0, &message), SYNCMGR_E_TIMEOUT);
    return;
  }
  CHECK_OK(syncmgr_inbox_next(me, 0, &message));
  CHECK(strcmp(message.text, text) == 0);
}

static void receive_one(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_workstream_t *me = open_workstream(space, "receiver");
  syncmgr_notice_t message;
  peer_pause(self);
  CHECK_OK(syncmgr_inbox_next(me, SYNCMGR_FOREVER, &message));
  CHECK(strcmp(message.text, "the data is there") == 0);
  CHECK(strcmp(message.detail, "{\"rows\":7}") == 0);
  CHECK(strcmp(message.name, "sender") == 0);
  CHECK_EQUAL(message.kind, SYNCMGR_NOTICE_DATA_AVAILABLE);
  CHECK_EQUAL(message.priority, SYNCMGR_PRIORITY_HIGH);
  CHECK_EQUAL(message.pid, getppid());
  CHECK(message.message != 0 && message.workstream != 0 && message.time_ns > 0);
  peer_pause(self);
  CHECK_OK(syncmgr_notification_read(me, message.message));
  CHECK_OK(syncmgr_notification_read(me, message.message));
  peer_pause(self);
}

TEST(a_message_wakes_its_recipient_in_another_process_and_is_acknowledged) {
  const char *url = unique_url();
  peer_t *peer = peer_start(receive_one, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_workstream_t *me = open_workstream(space, "sender");
  syncmgr_notify_options_t options = SYNCMGR_NOTIFY_OPTIONS_INIT;
  uint64_t id = 0;
  options.kind = SYNCMGR_NOTICE_DATA_AVAILABLE;
  options.priority = SYNCMGR_PRIORITY_HIGH;
  options.flags = SYNCMGR_NOTIFY_REQUIRE_ACK;
  peer_wait_pause(peer, 1);
  peer_go(peer);
  peer_wait_asleep(peer);
  CHECK_OK(syncmgr_notify(me, "receiver", &options, "the data is there", "{\"rows\":7}", &id));
  peer_wait_pause(peer, 2);
  CHECK_EQUAL(status_of(space, id, 0), SYNCMGR_NOTIFICATION_DELIVERED);
  peer_go(peer);
  peer_wait_pause(peer, 3);
  syncmgr_recipient_t recipient;
  uint32_t count = 0;
  CHECK_OK(syncmgr_notification_status(space, id, &recipient, 1, &count));
  CHECK_EQUAL(count, 1);
  CHECK_EQUAL(recipient.status, SYNCMGR_NOTIFICATION_READ);
  CHECK_EQUAL(recipient.pid, peer->pid);
  CHECK(strcmp(recipient.name, "receiver") == 0 && recipient.workstream != 0);
  CHECK_STATUS(syncmgr_notification_status(space, id + 1, &recipient, 1, &count),
               SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_notification_read(me, id), SYNCMGR_E_NOT_FOUND);
  peer_kill(peer);
  WAIT_UNTIL(syncmgr_check(space) == SYNCMGR_OK);
  CHECK_EQUAL(status_of(space, id, 0), SYNCMGR_NOTIFICATION_READ);
  check_and_close(space);
}

TEST(without_an_acknowledgement_taking_is_reading) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me"), *you = open_workstream(space, "you");
  uint64_t id = send(me, "you", 1, 0, SYNCMGR_FOREVER, "hello");
  CHECK_EQUAL(status_of(space, id, 0), SYNCMGR_NOTIFICATION_PENDING);
  check_inbox(me, NULL);
  check_inbox(you, "hello");
  CHECK_EQUAL(status_of(space, id, 0), SYNCMGR_NOTIFICATION_READ);
  check_inbox(you, NULL);
  /* Acknowledged without being taken: it leaves the inbox. */
  id = send(me, "you/me", 1, SYNCMGR_NOTIFY_REQUIRE_ACK, SYNCMGR_FOREVER, "again");
  CHECK_OK(syncmgr_notification_read(you, id));
  check_inbox(you, NULL);
  CHECK_EQUAL(status_of(space, id, 0), SYNCMGR_NOTIFICATION_READ);
  CHECK_EQUAL(status_of(space, id, 1), SYNCMGR_NOTIFICATION_PENDING);
  check_inbox(me, "again");
  CHECK_EQUAL(status_of(space, id, 1), SYNCMGR_NOTIFICATION_DELIVERED);
  check_and_close(space);
}

TEST(an_inbox_gives_the_most_urgent_message_and_of_equals_the_oldest) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  static const char *const given[] = {"1a", "3a", "0a", "1b", "3b", "2a"};
  static const char *const wanted[] = {"3a", "3b", "2a", "1a", "1b", "0a"};
  for (unsigned index = 0; index < 6; index++) {
    send(me, "me", (uint32_t)(given[index][0] - '0'), 0, SYNCMGR_FOREVER, given[index]);
  }
  for (unsigned index = 0; index < 6; index++) check_inbox(me, wanted[index]);
  check_inbox(me, NULL);
  check_and_close(space);
}

TEST(nothing_is_delivered_to_nobody) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  uint64_t id = 99;
  CHECK_STATUS(syncmgr_notify(me, "nobody", NULL, NULL, NULL, &id), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_notify(me, "nobody/else", NULL, NULL, NULL, &id), SYNCMGR_E_NOT_FOUND);
  CHECK_EQUAL(id, 99);
  CHECK_STATUS(syncmgr_notify(me, "nobody/me", NULL, "x", NULL, &id), SYNCMGR_PARTIAL);
  CHECK_EQUAL(status_of(space, id, 0), SYNCMGR_NOTIFICATION_FAILED);
  CHECK_EQUAL(status_of(space, id, 1), SYNCMGR_NOTIFICATION_PENDING);
  CHECK_STATUS(syncmgr_notify(me, "me/me", NULL, NULL, NULL, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_notify(me, "", NULL, NULL, NULL, NULL), SYNCMGR_E_NAME);
  CHECK_STATUS(syncmgr_notify(me, "me/", NULL, NULL, NULL, NULL), SYNCMGR_E_NAME);
  char names[512] = "me", long_name[300];
  for (unsigned index = 1; index < SYNCMGR_RECIPIENTS_MAX; index++) {
    snprintf(names + strlen(names), 16, "/w%u", index);
  }
  CHECK_STATUS(syncmgr_notify(me, names, NULL, NULL, NULL, &id), SYNCMGR_PARTIAL);
  CHECK_EQUAL(status_of(space, id, SYNCMGR_RECIPIENTS_MAX - 1), SYNCMGR_NOTIFICATION_FAILED);
  strcat(names, "/w16");
  CHECK_STATUS(syncmgr_notify(me, names, NULL, NULL, NULL, NULL), SYNCMGR_E_INVALID);
  memset(long_name, 'n', sizeof long_name);
  long_name[sizeof long_name - 1] = '\0';
  CHECK_STATUS(syncmgr_notify(me, long_name, NULL, NULL, NULL, NULL), SYNCMGR_E_NAME);
  check_and_close(space);
}

TEST(what_is_not_read_in_time_expires) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_notify_options_t options = SYNCMGR_NOTIFY_OPTIONS_INIT;
  uint64_t soon = send(me, "me", 1, 0, 20 * MILLISECOND, "soon");
  uint64_t taken = send(me, "me", 2, SYNCMGR_NOTIFY_REQUIRE_ACK, 20 * MILLISECOND, "taken");
  uint64_t now = send(me, "me", 1, 0, 0, "at once");
  CHECK_EQUAL(status_of(space, soon, 0), SYNCMGR_NOTIFICATION_PENDING);
  CHECK_EQUAL(status_of(space, now, 0), SYNCMGR_NOTIFICATION_EXPIRED);
  check_inbox(me, "taken");
  sleep_ms(25);
  check_inbox(me, NULL);
  CHECK_EQUAL(status_of(space, soon, 0), SYNCMGR_NOTIFICATION_EXPIRED);
  CHECK_EQUAL(status_of(space, taken, 0), SYNCMGR_NOTIFICATION_EXPIRED);
  CHECK_STATUS(syncmgr_notification_read(me, taken), SYNCMGR_E_TIMEOUT);
  options.ttl_ns = -2;
  CHECK_STATUS(syncmgr_notify(me, "me", &options, NULL, NULL, NULL), SYNCMGR_E_INVALID);
  check_and_close(space);
}

static void exchange_and_die(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_workstream_t *me = open_workstream(space, "mortal");
  peer_pause(self);
  uint64_t id = send(me, "survivor", 1, SYNCMGR_NOTIFY_REQUIRE_ACK, SYNCMGR_FOREVER, "my last");
  atomic_store(&self->values[0], (int64_t)id);
  peer_pause(self);
}

TEST(a_message_outlives_its_sender_and_fails_with_its_recipient) {
  const char *url = unique_url();
  peer_t *peer = peer_start(exchange_and_die, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_workstream_t *me = open_workstream(space, "survivor");
  peer_wait_pause(peer, 1);
  uint64_t read = send(me, "mortal/survivor", 1, 0, SYNCMGR_FOREVER, "are you there");
  check_inbox(me, "are you there");
  peer_go(peer);
  uint64_t last = (uint64_t)peer_wait_value(peer, 0);
  peer_wait_pause(peer, 2);
  syncmgr_queue_t *queue = watch_kinds(space, SYNCMGR_NOTICE_DIED);
  peer_kill(peer);
  check_notice(queue, SYNCMGR_NOTICE_DIED, NULL, "mortal");
  WAIT_UNTIL(status_of(space, read, 0) == SYNCMGR_NOTIFICATION_FAILED);
  CHECK_EQUAL(status_of(space, read, 1), SYNCMGR_NOTIFICATION_READ);
  check_inbox(me, "my last");
  CHECK_OK(syncmgr_notification_read(me, last));
  CHECK_EQUAL(status_of(space, last, 0), SYNCMGR_NOTIFICATION_READ);
  /* One that closes fails as well. */
  syncmgr_workstream_t *other = open_workstream(space, "other");
  uint64_t unread = send(me, "other", 1, 0, SYNCMGR_FOREVER, NULL);
  CHECK_OK(syncmgr_workstream_close(other));
  CHECK_EQUAL(status_of(space, unread, 0), SYNCMGR_NOTIFICATION_FAILED);
  check_and_close(space);
}

typedef struct reader {
  syncmgr_workstream_t *me;
  _Atomic int32_t status;
} reader_t;

static void *read_inbox(void *argument) {
  reader_t *reader = argument;
  syncmgr_notice_t message;
  atomic_store(&reader->status, syncmgr_inbox_next(reader->me, SYNCMGR_FOREVER, &message));
  return NULL;
}

TEST(closing_the_workstream_or_the_manager_ends_a_wait_for_messages) {
  for (unsigned round = 0; round < 20; round++) {
    syncmgr_t *space = open_space(round % 2 ? "local:" : unique_url(), 0);
    reader_t reader = {.me = open_workstream(space, "me"), .status = -99};
    pthread_t thread = start_thread(read_inbox, &reader);
    if (round % 4 < 2) sleep_ms(2);
    if (round % 8 < 4) CHECK_OK(syncmgr_workstream_close(reader.me));
    CHECK_OK(syncmgr_close(space));
    join_thread(thread);
    int32_t status = atomic_load(&reader.status);
    CHECK_STATUS(status, SYNCMGR_E_CLOSED);
  }
}

TEST(of_two_threads_that_read_one_inbox_each_gets_a_message_of_its_own) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  reader_t readers[2] = {{me, -99}, {me, -99}};
  pthread_t one = start_thread(read_inbox, &readers[0]);
  pthread_t two = start_thread(read_inbox, &readers[1]);
  sleep_ms(5);
  send(me, "me", 1, 0, SYNCMGR_FOREVER, NULL);
  WAIT_UNTIL(atomic_load(&readers[0].status) + atomic_load(&readers[1].status) == -99);
  send(me, "me", 1, 0, SYNCMGR_FOREVER, NULL);
  join_thread(one);
  join_thread(two);
  CHECK_OK(atomic_load(&readers[0].status));
  CHECK_OK(atomic_load(&readers[1].status));
  CHECK_STATUS(syncmgr_inbox_next(me, -2, &(syncmgr_notice_t){0}), SYNCMGR_E_INVALID);
  check_and_close(space);
}

static void watch_others(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_workstream_t *me = open_workstream(space, self->index == 0 ? "addressed" : "stranger");
  syncmgr_queue_t *queue = watch_kinds(space, SYNCMGR_NOTICE_CUSTOM | SYNCMGR_NOTICE_CONFLICT);
  peer_pause(self);
  if (self->index == 0) {
    syncmgr_notice_t notice = check_notice(queue, SYNCMGR_NOTICE_CUSTOM, NULL, "sender");
    uint64_t id = 0;
    CHECK_OK(syncmgr_workstream_id(me, &id));
    CHECK_EQUAL(notice.value, id);
    CHECK(strcmp(notice.text, "for you only") == 0);
    atomic_store(&self->values[0], (int64_t)notice.message);
    peer_pause(self);
    check_inbox(me, "for you only");
  } else {
    peer_pause(self);
  }
  check_notice(queue, SYNCMGR_NOTICE_CONFLICT, NULL, "sender");
  check_quiet(queue);
  CHECK_OK(syncmgr_close(space));
}

TEST(only_the_process_of_the_recipient_gets_a_message_as_a_notice) {
  const char *url = unique_url();
  peer_t *addressed = peer_start(watch_others, url, 0, 0);
  peer_t *stranger = peer_start(watch_others, url, 1, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_workstream_t *me = open_workstream(space, "sender");
  peer_wait_pause(addressed, 1);
  peer_wait_pause(stranger, 1);
  uint64_t id = send(me, "addressed", 1, 0, SYNCMGR_FOREVER, "for you only");
  peer_go(addressed);
  peer_go(stranger);
  CHECK_EQUAL(peer_wait_value(addressed, 0), (int64_t)id);
  CHECK_EQUAL(status_of(space, id, 0), SYNCMGR_NOTIFICATION_DELIVERED);
  peer_wait_pause(addressed, 2);
  peer_wait_pause(stranger, 2);
  syncmgr_notify_options_t options = SYNCMGR_NOTIFY_OPTIONS_INIT;
  options.kind = SYNCMGR_NOTICE_CONFLICT;
  CHECK_OK(syncmgr_notify(me, NULL, &options, NULL, NULL, NULL));
  peer_go(addressed);
  peer_go(stranger);
  peer_join(addressed);
  peer_join(stranger);
  CHECK_EQUAL(status_of(space, id, 0), SYNCMGR_NOTIFICATION_READ);
  check_and_close(space);
}

TEST(messages_that_are_over_make_room_and_too_many_that_are_not_are_refused) {
  enum { MOST = 1024, KNOWN = 64 };
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  uint64_t first = send(me, "me", 1, 0, SYNCMGR_FOREVER, "over");
  uint64_t open = send(me, "me", 0, 0, SYNCMGR_FOREVER, "open");
  check_inbox(me, "over");
  for (unsigned index = 2; index < KNOWN; index++) {
    send(me, "me", 1, 0, SYNCMGR_FOREVER, "over");
    check_inbox(me, "over");
  }
  CHECK_EQUAL(status_of(space, first, 0), SYNCMGR_NOTIFICATION_READ);
  send(me, "me", 1, 0, SYNCMGR_FOREVER, "one more");
  uint32_t count = 0;
  CHECK_STATUS(syncmgr_notification_status(space, first, NULL, 0, &count), SYNCMGR_E_NOT_FOUND);
  CHECK_EQUAL(status_of(space, open, 0), SYNCMGR_NOTIFICATION_PENDING);
  check_inbox(me, "one more");
  for (unsigned index = 1; index < MOST; index++) {
    send(me, "me", 1, 0, SYNCMGR_FOREVER, NULL);
  }
  CHECK_STATUS(syncmgr_notify(me, "me", NULL, NULL, NULL, NULL), SYNCMGR_E_LIMIT);
  for (unsigned index = 1; index < MOST; index++) check_inbox(me, "");
  check_inbox(me, "open");
  send(me, "me", 1, 0, SYNCMGR_FOREVER, NULL);
  check_and_close(space);
}
