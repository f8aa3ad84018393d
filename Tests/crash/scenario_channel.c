/* Scenarios: queues. Whoever dies while it sends, takes or gives back, every message is there once,
 * or was taken by the dead; nobody sleeps beside a message, and no memory is left to nobody. */
#include <stddef.h>
#include <string.h>

#include "channels.h"
#include "support.h"

#define QUEUE SYNCMGR_CHANNEL_QUEUE
#define ACKNOWLEDGE SYNCMGR_CHANNEL_ACKNOWLEDGE

enum { FIRST = 1u << 1, SECOND_ONE = 1u << 2, THIRD = 1u << 3, FOURTH = 1u << 4 };

static uint32_t flags_of(const struct role *role) {
  return strstr(role->scenario->name, "acknowledge") != NULL ? ACKNOWLEDGE : 0;
}

static void open_all(struct role *role) {
  open_both(role);
  open_channel(role, QUEUE, flags_of(role));
}

static void prepare_alone(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_all(role);
}

/* Messages 1 to 4, of which the second and fourth are large. */
static void send_four(struct role *role) {
  for (uint8_t number = 1; number <= 4; number++) {
    size_t length = number % 2 ? SMALL_MESSAGE : LARGE_MESSAGE;
    CALL(role, send_number(role, number, length, NULL), SYNCMGR_OK);
  }
}

static void act_send(struct role *role) { send_four(role); }

static void peer_find_what_was_sent(struct role *role) {
  open_all(role);
  heap_note(role);
  role_tell_ready(role);
  bool finished = after_the_victim(role);
  uint32_t numbers = take_all(role, role->channel);
  /* The first ones, and those that were sent. */
  INSIST(role, ((numbers + 2) & numbers) == 0, "of those sent 0x%x came", numbers);
  INSIST(role, !finished || numbers == (FIRST | SECOND_ONE | THIRD | FOURTH), "0x%x came", numbers);
  heap_insist(role);
  insist_usable(role, NULL);
  heap_insist(role);
}

/* Peer 1 sleeps for messages; the last one is of peer 0. */
static void prepare_send_to_sleeper(struct role *role) {
  open_all(role);
  role_await(role, TOLD_READY(0));
  role_await_peer_asleep(role, 1);
}

static void act_send_two(struct role *role) {
  CALL(role, send_number(role, 1, SMALL_MESSAGE, NULL), SYNCMGR_OK);
  CALL(role, send_number(role, 2, LARGE_MESSAGE, NULL), SYNCMGR_OK);
}

static void peer_sleep_or_rescue(struct role *role) {
  syncmgr_message_t message;
  open_all(role);
  if (role->index == 0) {
    role_tell_ready(role);
    bool finished = after_the_victim(role);
    CALL(role, send_number(role, finished ? 4 : 3, SMALL_MESSAGE, NULL), SYNCMGR_OK);
    return;
  }
  role_tell_waiting(role);
  uint32_t numbers = 0, number = 0;
  while (number < 3) {
    CALL(role, take(role, role->channel, SYNCMGR_FOREVER, &message), SYNCMGR_OK);
    number = number_of(role, &message);
    INSIST(role, (numbers >> number) == 0, "%u came after 0x%x", number, numbers);
    numbers |= 1u << number;
  }
  INSIST(role, number == 3 || numbers == (FIRST | SECOND_ONE | FOURTH), "0x%x came", numbers);
}

static void act_receive(struct role *role) {
  syncmgr_message_t message;
  CALL(role, take(role, role->channel, SYNCMGR_FOREVER, &message), SYNCMGR_OK);
  CALL(role, syncmgr_channel_view(role->channel, 0, &message), SYNCMGR_OK);
  CALL(role, syncmgr_message_acknowledge(role->channel, message.receipt), SYNCMGR_OK);
  CALL(role, take(role, role->channel, 0, &message), SYNCMGR_OK);
}

static void peer_find_the_rest(struct role *role) {
  open_all(role);
  heap_note(role);
  send_four(role);
  role_tell_ready(role);
  bool finished = after_the_victim(role);
  uint32_t numbers = take_all(role, role->channel);
  INSIST(role, (numbers & FOURTH) != 0, "what nobody took is gone");
  INSIST(role, !finished || numbers == FOURTH, "0x%x came again", numbers);
  heap_insist(role);
  insist_usable(role, NULL);
}

static void act_settle(struct role *role) {
  syncmgr_message_t message;
  uint64_t receipts[3];
  for (uint32_t index = 0; index < 3; index++) {
    CALL(role, take(role, role->channel, 0, &message), SYNCMGR_OK);
    receipts[index] = message.receipt;
  }
  CALL(role, syncmgr_message_reject(role->channel, receipts[2], SYNCMGR_REJECT_DEAD, "why"),
       SYNCMGR_OK);
  CALL(role, syncmgr_message_acknowledge(role->channel, receipts[0]), SYNCMGR_OK);
  CALL(role, syncmgr_message_reject(role->channel, receipts[1], 0, NULL), SYNCMGR_OK);
}

static void act_settle_and_close(struct role *role) {
  syncmgr_message_t message;
  CALL(role, take(role, role->channel, 0, &message), SYNCMGR_OK);
  CALL(role, syncmgr_channel_view(role->channel, 0, &message), SYNCMGR_OK);
  CALL(role, syncmgr_channel_close(role->channel), SYNCMGR_OK);
}

/* A letter can be there twice when its mover died, but is never lost, nor in the queue as well. */
static uint32_t take_letters(struct role *role) {
  syncmgr_message_t message;
  uint32_t numbers = 0;
  while (take(role, role->letters, 0, &message) == SYNCMGR_OK) {
    numbers |= 1u << number_of(role, &message);
  }
  return numbers;
}

static void peer_find_what_was_settled(struct role *role) {
  bool closes = role->scenario->act == act_settle_and_close;
  open_all(role);
  heap_note(role);
  send_four(role);
  role_tell_ready(role);
  bool finished = after_the_victim(role);
  uint32_t numbers = take_all(role, role->channel), letters = take_letters(role);
  INSIST(role, (numbers & letters) == 0, "0x%x and 0x%x", numbers, letters);
  uint32_t kept = closes ? FIRST | SECOND_ONE | THIRD | FOURTH : SECOND_ONE | THIRD | FOURTH;
  INSIST(role, ((numbers | letters) & kept) == kept, "0x%x and 0x%x are left", numbers, letters);
  INSIST(role, (letters & ~(uint32_t)THIRD) == 0 && (!closes || letters == 0), "0x%x died",
         letters);
  INSIST(role, !finished || closes || (letters == THIRD && numbers == (SECOND_ONE | FOURTH)),
         "0x%x and 0x%x are left", numbers, letters);
  heap_insist(role);
  insist_usable(role, NULL);
}

/* Peer 1 waits for room, which the victim makes; peer 0 takes what is left. */
static void act_make_room(struct role *role) {
  syncmgr_message_t message;
  CALL(role, take(role, role->channel, 0, &message), SYNCMGR_OK);
}

static void prepare_make_room(struct role *role) {
  open_all(role);
  role_await(role, TOLD_READY(0));
  role_await_peer_asleep(role, 1);
}

static void peer_fill_or_wait_for_room(struct role *role) {
  open_all(role);
  if (role->index == 1) {
    uint8_t byte[SMALL_MESSAGE];
    memset(byte, 9, sizeof byte);
    role_await(role, TOLD_READY(0));
    role_tell_waiting(role);
    CALL(role, syncmgr_channel_send(role->channel, byte, sizeof byte, NULL, SYNCMGR_FOREVER, NULL),
         SYNCMGR_OK);
    tell_released(role);
    return;
  }
  for (uint8_t number = 1; number <= 8; number++) {
    CALL(role, send_number(role, number, SMALL_MESSAGE, NULL), SYNCMGR_OK);
  }
  role_tell_ready(role);
  if (!after_the_victim(role)) {
    /* It may have died before it made room. */
    syncmgr_message_t message;
    CALL(role, take(role, role->channel, 0, &message), SYNCMGR_OK);
    CALL(role, syncmgr_message_acknowledge(role->channel, message.receipt), SYNCMGR_OK,
         SYNCMGR_E_NOT_FOUND);
  }
  await_released(role, 1);
  uint32_t numbers = take_all(role, role->channel);
  INSIST(role, (numbers & 1u << 9) != 0 && (numbers & 1u << 8) != 0, "0x%x are left", numbers);
}

/* A full one: the victim waits for room until its time passes. */
static void act_wait_in_vain(struct role *role) {
  syncmgr_ticket_t *ticket = NULL;
  CALL(role,
       syncmgr_channel_send(role->channel, "x", 1, NULL, 3 * MILLISECOND, NULL),
       SYNCMGR_E_TIMEOUT);
  CALL(role,
       syncmgr_channel_wait_start(role->channel, SYNCMGR_WRITABLE, SYNCMGR_FOREVER, NULL, 0,
                                  &ticket),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_cancel(ticket), SYNCMGR_OK);
}

static void peer_keep_full(struct role *role) {
  open_all(role);
  for (uint8_t number = 1; number <= 8; number++) {
    CALL(role, send_number(role, number, SMALL_MESSAGE, NULL), SYNCMGR_OK);
  }
  role_tell_ready(role);
  after_the_victim(role);
  INSIST(role, take_all(role, role->channel) == 0xffu << 1, "something came or went");
  insist_usable(role, NULL);
}

/* The victim makes the channel, and ends it. */
static void act_make_and_shut(struct role *role) {
  open_channel(role, QUEUE, ACKNOWLEDGE);
  send_four(role);
  CALL(role, syncmgr_channel_shut(role->channel, 0), SYNCMGR_OK);
  CALL(role, syncmgr_channel_close(role->channel), SYNCMGR_OK);
  CALL(role, syncmgr_object_remove(role->manager, SYNCMGR_TYPE_CHANNEL, "channel"), SYNCMGR_OK);
}

static void prepare_nothing(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
}

static void peer_make_it_anew(struct role *role) {
  open_both(role);
  role_tell_ready(role);
  after_the_victim(role);
  CALL(role, syncmgr_object_remove(role->manager, SYNCMGR_TYPE_CHANNEL, "channel"), SYNCMGR_OK,
       SYNCMGR_E_NOT_FOUND);
  open_channel(role, QUEUE, 0);
  insist_usable(role, NULL);
  CALL(role, syncmgr_channel_close(role->channel), SYNCMGR_OK);
  CALL(role, syncmgr_channel_close(role->letters), SYNCMGR_OK);
}

/* Peer 0 dies with everything one can have; the victim clears up after it, and dies on the way. */
static void act_cleanup(struct role *role) {
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
}

static void prepare_cleanup(struct role *role) {
  open_all(role);
  role_await(role, TOLD_READY(0));
  role_await(role, TOLD_READY(1));
  role_await_peer_dead(role, 0);
}

static void peer_leave_much_or_look(struct role *role) {
  syncmgr_message_t message;
  void *loan = NULL;
  if (role->index == 0) {
    role_await(role, TOLD_WAITING(1));
    open_all(role);
    send_four(role);
    for (uint32_t index = 0; index < 2; index++) {
      CALL(role, take(role, role->channel, 0, &message), SYNCMGR_OK);
    }
    CALL(role, syncmgr_channel_view(role->channel, 0, &message), SYNCMGR_OK);
    CALL(role, syncmgr_channel_loan(role->channel, LARGE_MESSAGE, &loan), SYNCMGR_OK);
    role_tell_ready(role);
    role_await(role, TOLD_READY(1));
    role_die(role);
  }
  open_all(role);
  heap_note(role);
  role_tell_waiting(role);
  role_await(role, TOLD_READY(0));
  role_tell_ready(role);
  after_the_victim(role);
  uint32_t numbers = take_all(role, role->channel);
  INSIST(role, numbers == (FIRST | SECOND_ONE | THIRD | FOURTH), "0x%x are left", numbers);
  heap_insist(role);
  insist_usable(role, NULL);
}

#define NO_THREADS .flags = SCENARIO_NO_THREADS

const struct scenario scenarios_channel[] = {
    {.name = "channel-send", .peers = 1, .peer = peer_find_what_was_sent,
     .prepare = prepare_alone, .act = act_send},
    {.name = "channel-send-to-sleeper", .peers = 2, .peer = peer_sleep_or_rescue,
     .prepare = prepare_send_to_sleeper, .act = act_send_two},
    {.name = "channel-send-to-sleeper-no-threads", NO_THREADS, .peers = 2,
     .peer = peer_sleep_or_rescue, .prepare = prepare_send_to_sleeper, .act = act_send_two},
    {.name = "channel-receive", .peers = 1, .peer = peer_find_the_rest, .prepare = prepare_alone,
     .act = act_receive},
    {.name = "channel-acknowledge-settle", .peers = 1, .peer = peer_find_what_was_settled,
     .prepare = prepare_alone, .act = act_settle},
    {.name = "channel-acknowledge-close", .peers = 1, .peer = peer_find_what_was_settled,
     .prepare = prepare_alone, .act = act_settle_and_close},
    {.name = "channel-make-room", .peers = 2, .peer = peer_fill_or_wait_for_room,
     .prepare = prepare_make_room, .act = act_make_room},
    {.name = "channel-make-room-no-threads", NO_THREADS, .peers = 2,
     .peer = peer_fill_or_wait_for_room, .prepare = prepare_make_room, .act = act_make_room},
    {.name = "channel-wait-in-vain", .peers = 1, .peer = peer_keep_full, .prepare = prepare_alone,
     .act = act_wait_in_vain},
    {.name = "channel-make", .flags = SCENARIO_REMOVABLE, .peers = 1, .peer = peer_make_it_anew,
     .prepare = prepare_nothing, .act = act_make_and_shut},
    {.name = "channel-acknowledge-recover", NO_THREADS, .peers = 2,
     .peer = peer_leave_much_or_look, .prepare = prepare_cleanup, .act = act_cleanup},
    {.name = NULL},
};
