/* Scenarios: direct channels, requests, broadcasts, topics and loans. Whoever dies, what it had not
 * taken comes back or is dropped, who asked it is told, all who are left get the same, and neither
 * memory nor a mailbox is left to nobody. */
#include <stddef.h>
#include <string.h>

#include "channels.h"
#include "support.h"

#define DIRECT SYNCMGR_CHANNEL_DIRECT
#define BROADCAST SYNCMGR_CHANNEL_BROADCAST
#define TOPICS SYNCMGR_CHANNEL_PUBSUB

static uint32_t kind_of(const struct role *role) {
  const char *name = role->scenario->name;
  if (strstr(name, "topics") != NULL) return TOPICS;
  return strstr(name, "broadcast") != NULL ? BROADCAST : DIRECT;
}

static void open_all(struct role *role) {
  open_both(role);
  open_channel(role, kind_of(role), kind_of(role) == TOPICS ? SYNCMGR_CHANNEL_RETAIN : 0);
}

static void prepare_open(struct role *role) {
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await(role, TOLD_READY(peer));
  }
  open_both(role);
}

static void prepare_opened(struct role *role) {
  prepare_open(role);
  open_channel(role, kind_of(role), kind_of(role) == TOPICS ? SYNCMGR_CHANNEL_RETAIN : 0);
}

static void insist_mailboxes(struct role *role, uint32_t expected) {
  uint32_t count = 99;
  CALL(role, syncmgr_channel_mailboxes(role->channel, NULL, 0, &count), SYNCMGR_OK);
  INSIST(role, count == expected, "there are %u mailboxes, and not %u", count, expected);
}

/* The numbers of those in a channel that came back, or not. */
static uint32_t take_flagged(struct role *role, uint32_t flag, uint32_t *out_others) {
  syncmgr_message_t message;
  uint32_t numbers = 0;
  while (take(role, role->channel, 0, &message) == SYNCMGR_OK) {
    uint32_t bit = 1u << number_of(role, &message);
    INSIST(role, ((numbers | *out_others) & bit) == 0, "0x%x came twice", bit);
    *(message.flags & flag ? &numbers : out_others) |= bit;
  }
  return numbers;
}

/* The victim opens, sends two to the peer, takes one that it was sent, and closes. */
static void act_direct(struct role *role) {
  syncmgr_send_options_t options = send_options(DIRECT, "peer-0");
  syncmgr_message_t message;
  open_channel(role, DIRECT, 0);
  CALL(role, send_number(role, 1, LARGE_MESSAGE, &options), SYNCMGR_OK);
  CALL(role, send_number(role, 2, SMALL_MESSAGE, &options), SYNCMGR_OK);
  CALL(role, take(role, role->channel, SYNCMGR_FOREVER, &message), SYNCMGR_OK);
  CALL(role, syncmgr_channel_close(role->channel), SYNCMGR_OK);
}

/* Sends the victim three that are to come back. */
static void peer_correspond(struct role *role) {
  syncmgr_send_options_t options = send_options(DIRECT, "victim");
  uint32_t sent = 0, others = 0;
  options.flags = SYNCMGR_SEND_RETURN;
  open_all(role);
  heap_note(role);
  role_tell_ready(role);
  for (uint8_t number = 3; number <= 5; number++) {
    size_t length = number % 2 ? LARGE_MESSAGE : SMALL_MESSAGE;
    do {
      CALL(role, send_number(role, number, length, &options), SYNCMGR_OK, SYNCMGR_E_NOT_FOUND);
      /* The first one goes when the victim has opened the channel. */
    } while (role->status != SYNCMGR_OK && number == 3 &&
             atomic_load(&role->stage->outcome) == VICTIM_RUNS);
    sent |= role->status == SYNCMGR_OK ? 1u << number : 0;
  }
  bool finished = after_the_victim(role);
  uint32_t returned = take_flagged(role, SYNCMGR_MESSAGE_RETURNED, &others);
  INSIST(role, others == 0 || others == 1u << 1 || others == (1u << 1 | 1u << 2), "0x%x came",
         others);
  INSIST(role, !finished || others == (1u << 1 | 1u << 2), "0x%x came", others);
  /* Of those sent it had taken the first, at most. */
  uint32_t missing = sent & ~returned;
  INSIST(role, (returned & ~sent) == 0 && (missing & (missing - 1)) == 0 &&
                   (missing == 0 || missing == (sent & -sent)),
         "of 0x%x came back 0x%x", sent, returned);
  insist_mailboxes(role, 1);
  heap_insist(role);
  options = send_options(DIRECT, "peer-0");
  insist_usable(role, &options);
}

static void act_request(struct role *role) {
  syncmgr_send_options_t options = send_options(DIRECT, "peer-0");
  syncmgr_message_t message;
  uint8_t bytes[SMALL_MESSAGE], buffer[LARGE_MESSAGE + 4096];
  uint64_t request = 0, other = 0;
  memset(bytes, 1, sizeof bytes);
  CALL(role, syncmgr_channel_request(role->channel, bytes, sizeof bytes, &options, 0, &request),
       SYNCMGR_OK);
  memset(bytes, 2, sizeof bytes);
  CALL(role, syncmgr_channel_request(role->channel, bytes, sizeof bytes, &options, 0, &other),
       SYNCMGR_OK);
  CALL(role,
       syncmgr_channel_response(role->channel, request, buffer, sizeof buffer, SYNCMGR_FOREVER,
                                &message),
       SYNCMGR_OK);
  INSIST(role, message.length == LARGE_MESSAGE, "a response of %u bytes", (unsigned)message.length);
  CALL(role, syncmgr_channel_forget(role->channel, other), SYNCMGR_OK);
}

static void peer_reply(struct role *role) {
  static uint8_t reply[LARGE_MESSAGE];
  syncmgr_message_t message;
  open_all(role);
  heap_note(role);
  role_tell_ready(role);
  while (atomic_load(&role->stage->outcome) == VICTIM_RUNS) {
    CALL(role, take(role, role->channel, MILLISECOND, &message), SYNCMGR_OK, SYNCMGR_E_TIMEOUT);
    if (role->status == SYNCMGR_OK) {
      CALL(role,
           syncmgr_channel_reply(role->channel, message.reply_to, reply, sizeof reply, NULL),
           SYNCMGR_OK, SYNCMGR_E_NOT_FOUND);
    }
  }
  after_the_victim(role);
  take_all(role, role->channel);
  insist_mailboxes(role, 1);
  heap_insist(role);
}

/* The victim is asked: twice by a peer that then sleeps for the responses. */
static void act_reply(struct role *role) {
  static uint8_t reply[LARGE_MESSAGE];
  syncmgr_message_t message;
  for (uint32_t index = 0; index < 2; index++) {
    CALL(role, take(role, role->channel, SYNCMGR_FOREVER, &message), SYNCMGR_OK);
    CALL(role,
         syncmgr_channel_reply(role->channel, message.reply_to, reply,
                               index ? LARGE_MESSAGE : SMALL_MESSAGE, NULL),
         SYNCMGR_OK);
  }
}

static void peer_ask(struct role *role) {
  syncmgr_send_options_t options = send_options(DIRECT, "victim");
  uint8_t bytes[SMALL_MESSAGE] = {0}, buffer[LARGE_MESSAGE + 4096];
  syncmgr_message_t message;
  uint64_t requests[2] = {0, 0};
  uint32_t count = 0;
  open_all(role);
  heap_note(role);
  role_tell_ready(role);
  role_await(role, TOLD_PREPARED);
  while (count < 2) {
    CALL(role,
         syncmgr_channel_request(role->channel, bytes, sizeof bytes, &options, 0,
                                 &requests[count]),
         SYNCMGR_OK, SYNCMGR_E_NOT_FOUND);
    if (role->status != SYNCMGR_OK) {
      break;
    }
    count++;
  }
  for (uint32_t index = 0; index < count; index++) {
    CALL(role,
         syncmgr_channel_response(role->channel, requests[index], buffer, sizeof buffer,
                                  SYNCMGR_FOREVER, &message),
         SYNCMGR_OK, SYNCMGR_E_UNAVAILABLE);
  }
  bool finished = after_the_victim(role);
  INSIST(role, !finished || count == 2, "%u requests were made", count);
  insist_mailboxes(role, 1);
  heap_insist(role);
}

static const char *pattern_of(const struct role *role, uint32_t index) {
  static const char *const patterns[] = {"a/*", "**/b", "c"};
  return kind_of(role) == TOPICS ? patterns[index] : NULL;
}

/* The victim subscribes, takes what is kept and what is sent, and takes it back. */
static void act_subscribe(struct role *role) {
  syncmgr_message_t message;
  bool is_topics = kind_of(role) == TOPICS;
  CALL(role, syncmgr_channel_subscribe(role->channel, pattern_of(role, 0), is_topics ? 0 : 2),
       SYNCMGR_OK);
  CALL(role, take(role, role->channel, 0, &message), SYNCMGR_OK);
  if (is_topics) {
    CALL(role, syncmgr_channel_subscribe(role->channel, pattern_of(role, 1), 0), SYNCMGR_OK);
    CALL(role, syncmgr_channel_subscribe(role->channel, pattern_of(role, 2), 0), SYNCMGR_OK);
    CALL(role, syncmgr_channel_unsubscribe(role->channel, pattern_of(role, 1)), SYNCMGR_OK);
  }
  CALL(role, syncmgr_channel_unsubscribe(role->channel, NULL), SYNCMGR_OK);
}

static void send_kept(struct role *role, uint8_t number, size_t length) {
  syncmgr_send_options_t options = send_options(kind_of(role), NULL);
  options.flags = SYNCMGR_SEND_SELF | (kind_of(role) == TOPICS ? SYNCMGR_SEND_RETAIN : 0);
  CALL(role, send_number(role, number, length, &options), SYNCMGR_OK, SYNCMGR_PARTIAL);
}

static void peer_send_to_subscribers(struct role *role) {
  syncmgr_send_options_t options = send_options(kind_of(role), NULL);
  open_all(role);
  CALL(role, syncmgr_channel_subscribe(role->channel, pattern_of(role, 0), 0), SYNCMGR_OK);
  send_kept(role, 1, SMALL_MESSAGE);
  send_kept(role, 2, LARGE_MESSAGE);
  INSIST(role, take_all(role, role->channel) == (1u << 1 | 1u << 2), "it does not arrive");
  heap_note(role);
  role_tell_ready(role);
  after_the_victim(role);
  insist_mailboxes(role, 1);
  heap_insist(role);
  options.flags = SYNCMGR_SEND_SELF;
  insist_usable(role, &options);
}

/* The victim sends to two, which get the same; large ones lie there once, and are kept besides. */
static void act_spread(struct role *role) {
  syncmgr_send_options_t options = send_options(kind_of(role), NULL);
  options.flags = kind_of(role) == TOPICS ? SYNCMGR_SEND_RETAIN : 0;
  for (uint8_t number = 3; number <= 5; number++) {
    size_t length = number == 4 ? SMALL_MESSAGE : LARGE_MESSAGE;
    CALL(role, send_number(role, number, length, &options), SYNCMGR_OK);
  }
}

static void act_spread_loans(struct role *role) {
  syncmgr_send_options_t options = send_options(kind_of(role), NULL);
  void *loans[2];
  for (uint32_t index = 0; index < 2; index++) {
    CALL(role, syncmgr_channel_loan(role->channel, LARGE_MESSAGE, &loans[index]), SYNCMGR_OK);
    memset(loans[index], 3 + (int)index, LARGE_MESSAGE);
  }
  CALL(role,
       syncmgr_channel_publish(role->channel, loans[0], LARGE_MESSAGE, &options, 0, NULL),
       SYNCMGR_OK);
  CALL(role, syncmgr_channel_loan_return(role->channel, loans[1]), SYNCMGR_OK);
  CALL(role, syncmgr_channel_loan(role->channel, LARGE_MESSAGE, &loans[1]), SYNCMGR_OK);
  memset(loans[1], 4, LARGE_MESSAGE);
  CALL(role,
       syncmgr_channel_publish(role->channel, loans[1], LARGE_MESSAGE, &options, 0, NULL),
       SYNCMGR_OK);
}

/* How many messages came is compared through the stage's results, by peer 0. */
static void peer_hear(struct role *role) {
  open_all(role);
  CALL(role, syncmgr_channel_subscribe(role->channel, pattern_of(role, 0), 0), SYNCMGR_OK);
  role_tell_ready(role);
  bool finished = after_the_victim(role);
  uint32_t numbers = take_all(role, role->channel);
  INSIST(role, numbers == 0 || numbers == 8 || numbers == 24 || numbers == 56, "0x%x came",
         numbers);
  INSIST(role, !finished || numbers == 56 || (numbers == 24 && role->scenario->act != act_spread),
         "0x%x came", numbers);
  atomic_store(&role->stage->result[role->index], (int32_t)numbers + 1);
  tell_released(role);
  await_released(role, 2);
  /* What one got the other got, but for the message at which the sender died. */
  int32_t mine = (int32_t)numbers + 1, other = atomic_load(&role->stage->result[!role->index]);
  INSIST(role, mine == other || !finished, "0x%x and 0x%x came", mine - 1, other - 1);
  if (role->index == 1) {
    return;
  }
  syncmgr_send_options_t options = send_options(kind_of(role), "peer-0");
  insist_usable(role, &options);
}

/* A subscriber, or a receiver, is dead with messages in its mailbox; the victim clears up. */
static void act_cleanup(struct role *role) {
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
}

static void prepare_cleanup(struct role *role) {
  open_both(role);
  role_await(role, TOLD_READY(1));
  role_await_peer_dead(role, 0);
}

static void peer_leave_or_look(struct role *role) {
  uint32_t kind = kind_of(role), others = 0;
  syncmgr_send_options_t options = send_options(kind, kind == DIRECT ? "peer-0" : NULL);
  options.flags = kind == DIRECT ? SYNCMGR_SEND_RETURN : 0;
  void *loan = NULL;
  if (role->index == 0) {
    role_await(role, TOLD_WAITING(1));
    open_all(role);
    if (kind != DIRECT) {
      CALL(role, syncmgr_channel_subscribe(role->channel, pattern_of(role, 0), 0), SYNCMGR_OK);
    }
    CALL(role, syncmgr_channel_loan(role->channel, LARGE_MESSAGE, &loan), SYNCMGR_OK);
    role_tell_ready(role);
    role_await(role, TOLD_READY(1));
    role_die(role);
  }
  open_all(role);
  if (kind == TOPICS) {
    CALL(role, syncmgr_channel_subscribe(role->channel, "c", 0), SYNCMGR_OK);
  }
  heap_note(role);
  role_tell_waiting(role);
  role_await(role, TOLD_READY(0));
  for (uint8_t number = 1; number <= 3; number++) {
    size_t length = number % 2 ? LARGE_MESSAGE : SMALL_MESSAGE;
    CALL(role, send_number(role, number, length, &options), SYNCMGR_OK);
  }
  role_tell_ready(role);
  after_the_victim(role);
  if (kind == DIRECT) {
    uint32_t returned = take_flagged(role, SYNCMGR_MESSAGE_RETURNED, &others);
    INSIST(role, returned == 14 && others == 0, "0x%x came back", returned);
  }
  insist_mailboxes(role, kind == BROADCAST ? 0 : 1);
  if (kind != BROADCAST) {
    /* Those of a broadcast are its history. */
    heap_insist(role);
  }
}

#define SUBSCRIBING .peers = 1, .peer = peer_send_to_subscribers, .prepare = prepare_opened
#define SPREADING .peers = 2, .peer = peer_hear, .prepare = prepare_opened
#define CLEARING .flags = SCENARIO_NO_THREADS, .peers = 2, .peer = peer_leave_or_look, \
                 .prepare = prepare_cleanup, .act = act_cleanup

const struct scenario scenarios_spread[] = {
    {.name = "channel-direct", .peers = 1, .peer = peer_correspond, .prepare = prepare_open,
     .act = act_direct},
    {.name = "channel-request", .peers = 1, .peer = peer_reply, .prepare = prepare_opened,
     .act = act_request},
    {.name = "channel-reply", .peers = 1, .peer = peer_ask, .prepare = prepare_opened,
     .act = act_reply},
    {.name = "channel-broadcast-subscribe", SUBSCRIBING, .act = act_subscribe},
    {.name = "channel-topics-subscribe", SUBSCRIBING, .act = act_subscribe},
    {.name = "channel-broadcast", SPREADING, .act = act_spread},
    {.name = "channel-topics", SPREADING, .act = act_spread},
    {.name = "channel-broadcast-loans", SPREADING, .act = act_spread_loans},
    {.name = "channel-direct-recover", CLEARING},
    {.name = "channel-broadcast-recover", CLEARING},
    {.name = "channel-topics-recover", CLEARING},
    {.name = NULL},
};
