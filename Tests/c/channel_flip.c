/* Bits of a live segment are flipped where channels keep their messages: rows of mailboxes, rings,
 * slots, lengths, sequence numbers, the heap's chunks and map, patterns. Messages may be spoiled;
 * nobody may crash, and no call may outlast its timeout without end. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channels.h"

enum { ROUNDS = 25, USERS = 3, FLIPS = 300, WORDS = 8192, PAGE = 4096, LENT = 4 };
enum { STOP = 0, PROGRESS = 1, DELIVERED = 2 };

typedef struct tools {
  syncmgr_t *space;
  syncmgr_channel_t *queue, *letters, *direct, *broadcast, *topics;
  void *loans[LENT];
  uint64_t receipts[LENT], request;
  char buffer[20000];
  uint64_t state, sum, delivered;
} tools_t;

/* Reads all that a message points to: every address of it has to be good. */
static void read_all(tools_t *tools, const syncmgr_message_t *message) {
  const unsigned char *bytes = message->data;
  for (size_t index = 0; index < message->length; index += 64) tools->sum += bytes[index];
  if (message->length > 0) tools->sum += bytes[message->length - 1];
  tools->sum += strlen(message->sender) + strlen(message->topic) + strlen(message->metadata);
  tools->delivered += 1;
}

static syncmgr_channel_t *any_channel(tools_t *tools) {
  syncmgr_channel_t *all[] = {tools->queue, tools->direct, tools->broadcast, tools->topics};
  return all[random_below(&tools->state, 4)];
}

static syncmgr_send_options_t any_options(tools_t *tools, const syncmgr_channel_t *channel) {
  static const char *const names[] = {"a/b", "a/c", "b", "user-0/user-1"};
  syncmgr_send_options_t options = send_defaults();
  options.priority = random_below(&tools->state, 4);
  if (random_below(&tools->state, 8) == 0) options.ttl_ns = random_below(&tools->state, 2000000);
  if (random_below(&tools->state, 8) == 0) options.metadata = "{\"key\": \"value\"}";
  if (channel == tools->direct) {
    options.target = random_below(&tools->state, 2) ? "user-0" : "user-1";
    options.flags = random_below(&tools->state, 2) ? SYNCMGR_SEND_RETURN : 0;
  }
  if (channel == tools->broadcast && random_below(&tools->state, 4) == 0) options.target = names[3];
  if (channel == tools->topics) {
    options.topic = names[random_below(&tools->state, 3)];
    options.flags = random_below(&tools->state, 4) ? 0 : SYNCMGR_SEND_RETAIN;
  }
  return options;
}

static void send_something(tools_t *tools) {
  static const uint32_t lengths[3] = {5, 0, 300};
  syncmgr_channel_t *channel = any_channel(tools);
  syncmgr_send_options_t options = any_options(tools, channel);
  size_t length = random_below(&tools->state, random_below(&tools->state, 4) ? 200 : 9000);
  uint32_t count = 3;
  uint64_t what = 0;
  switch (random_below(&tools->state, 5)) {
    case 0: syncmgr_channel_send_many(channel, tools->buffer, lengths, &count, &options, 0); break;
    case 1:
      if (syncmgr_channel_room(channel, &options, &what) == SYNCMGR_OK && what != 0) {
        syncmgr_channel_wait(channel, what, MILLISECOND);
      }
      break;
    default:
      syncmgr_channel_send(channel, tools->buffer, length, &options, MILLISECOND, &count);
      break;
  }
}

static void receive_something(tools_t *tools) {
  syncmgr_message_t messages[4];
  uint32_t count = 0, place = random_below(&tools->state, LENT);
  syncmgr_channel_t *channel = any_channel(tools);
  switch (random_below(&tools->state, 5)) {
    case 0:
      if (syncmgr_channel_recv(channel, tools->buffer, sizeof tools->buffer, MILLISECOND / 4,
                               messages) == SYNCMGR_OK) {
        read_all(tools, messages);
      }
      break;
    case 1:
      if (syncmgr_channel_recv_many(channel, tools->buffer, sizeof tools->buffer, messages, 4,
                                    &count) != SYNCMGR_OK) break;
      CHECK(count >= 1 && count <= 4);
      for (uint32_t index = 0; index < count; index++) read_all(tools, &messages[index]);
      break;
    case 2:
      if (syncmgr_channel_view(channel, 0, messages) != SYNCMGR_OK) break;
      read_all(tools, messages);
      if (random_below(&tools->state, 4)) {
        syncmgr_message_acknowledge(channel, messages[0].receipt);
      }
      break;
    case 3:
      if (tools->receipts[place]) {
        uint64_t receipt = tools->receipts[place];
        if (random_below(&tools->state, 2)) syncmgr_message_acknowledge(tools->queue, receipt);
        else syncmgr_message_reject(tools->queue, receipt, random_below(&tools->state, 2), "why");
        tools->receipts[place] = 0;
      } else if (syncmgr_channel_recv(tools->queue, tools->buffer, sizeof tools->buffer, 0,
                                      messages) == SYNCMGR_OK) {
        read_all(tools, messages);
        tools->receipts[place] = messages[0].receipt;
      }
      break;
    default:
      if (syncmgr_channel_recv(tools->letters, tools->buffer, sizeof tools->buffer, 0,
                               messages) == SYNCMGR_OK) {
        read_all(tools, messages);
      }
      break;
  }
}

static void ask_something(tools_t *tools) {
  syncmgr_send_options_t options = send_defaults();
  syncmgr_message_t message;
  options.target = random_below(&tools->state, 2) ? "user-0" : "user-2";
  switch (random_below(&tools->state, 3)) {
    case 0:
      if (tools->request) syncmgr_channel_forget(tools->direct, tools->request);
      tools->request = 0;
      syncmgr_channel_request(tools->direct, "ask", 3, &options, 0, &tools->request);
      break;
    case 1:
      if (syncmgr_channel_recv(tools->direct, tools->buffer, sizeof tools->buffer, 0, &message) ==
          SYNCMGR_OK) {
        read_all(tools, &message);
        syncmgr_channel_reply(tools->direct, message.reply_to, "reply", 5, NULL);
      }
      break;
    default:
      if (syncmgr_channel_response(tools->direct, tools->request, tools->buffer,
                                   sizeof tools->buffer, MILLISECOND / 4, &message) == SYNCMGR_OK) {
        read_all(tools, &message);
      }
      break;
  }
}

static void lend_something(tools_t *tools) {
  uint32_t place = random_below(&tools->state, LENT);
  size_t size = 1 + random_below(&tools->state, 30000);
  void **loan = &tools->loans[place];
  if (!*loan) {
    if (syncmgr_channel_loan(tools->broadcast, size, loan) == SYNCMGR_OK) memset(*loan, 7, size);
    return;
  }
  if (random_below(&tools->state, 2)) {
    syncmgr_channel_publish(tools->broadcast, *loan, 1 + random_below(&tools->state, 100), NULL, 0,
                            NULL);
  }
  syncmgr_channel_loan_return(tools->broadcast, *loan);
  *loan = NULL;
}

static void look_around(tools_t *tools) {
  static const char *const patterns[] = {"a/*", "**", "*/c", "b"};
  syncmgr_mailbox_t mailboxes[4];
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_channel_t *channel = any_channel(tools);
  uint32_t count = 0;
  size_t length = 0;
  switch (random_below(&tools->state, 8)) {
    case 0: syncmgr_channel_mailboxes(channel, mailboxes, 4, &count); break;
    case 1: syncmgr_channel_wait(channel, SYNCMGR_READABLE, MILLISECOND / 4); break;
    case 2: syncmgr_channel_wait(channel, SYNCMGR_WRITABLE, MILLISECOND / 4); break;
    case 3:
      if (syncmgr_channel_wait_start(channel, 1 + random_below(&tools->state, 2), MILLISECOND, NULL,
                                     0, &ticket) == SYNCMGR_PENDING &&
          syncmgr_ticket_cancel(ticket) != SYNCMGR_OK) {
        syncmgr_ticket_wait(ticket, MILLISECOND, NULL);
      }
      break;
    case 4:
      syncmgr_channel_subscribe(tools->topics, patterns[random_below(&tools->state, 4)], 0);
      syncmgr_channel_subscribe(tools->broadcast, NULL, random_below(&tools->state, 9));
      break;
    case 5:
      syncmgr_channel_unsubscribe(tools->topics, patterns[random_below(&tools->state, 4)]);
      if (random_below(&tools->state, 8) == 0) {
        syncmgr_channel_unsubscribe(tools->broadcast, NULL);
        syncmgr_channel_unsubscribe(tools->topics, NULL);
      }
      break;
    case 6: syncmgr_check(tools->space); break;
    default:
      syncmgr_cleanup(tools->space, NULL);
      syncmgr_snapshot_json(tools->space, 0, tools->buffer, sizeof tools->buffer, &length);
      break;
  }
}

static void open_tools(tools_t *tools, peer_t *self) {
  char name[16];
  syncmgr_channel_options_t options = channel_defaults();
  snprintf(name, sizeof name, "user-%u", self->index % USERS);
  tools->space = peer_space(self);
  syncmgr_workstream_t *me = open_workstream(tools->space, name);
  options.capacity = 16;
  tools->letters = open_channel(me, "letters", SYNCMGR_CHANNEL_QUEUE, &options);
  tools->direct = open_channel(me, "direct", SYNCMGR_CHANNEL_DIRECT, &options);
  options.history = 8;
  tools->broadcast = open_channel(me, "broadcast", SYNCMGR_CHANNEL_BROADCAST, &options);
  options.flags = SYNCMGR_CHANNEL_RETAIN;
  tools->topics = open_channel(me, "topics", SYNCMGR_CHANNEL_PUBSUB, &options);
  options.history = 0;
  options.flags = SYNCMGR_CHANNEL_ACKNOWLEDGE | SYNCMGR_CHANNEL_PRIORITIES;
  options.max_deliveries = 3;
  options.visibility_ns = 3 * MILLISECOND;
  options.dead_letters = "letters";
  tools->queue = open_channel(me, "queue", SYNCMGR_CHANNEL_QUEUE, &options);
  CHECK_OK(syncmgr_channel_subscribe(tools->broadcast, NULL, 0));
  CHECK_OK(syncmgr_channel_subscribe(tools->topics, "a/*", 0));
}

static void use(peer_t *self) {
  static tools_t tools;
  tools.state = harness_seed() ^ ((uint64_t)self->index << 32);
  open_tools(&tools, self);
  peer_pause(self);
  while (!atomic_load(&self->values[STOP])) {
    uint32_t choice = random_below(&tools.state, 16);
    if (choice < 5) send_something(&tools);
    else if (choice < 10) receive_something(&tools);
    else if (choice < 12) ask_something(&tools);
    else if (choice < 14) lend_something(&tools);
    else look_around(&tools);
    atomic_fetch_add(&self->values[PROGRESS], 1);
    atomic_store(&self->values[DELIVERED], (int64_t)tools.delivered);
  }
  int32_t closed = syncmgr_close(tools.space);
  CHECK(closed == SYNCMGR_OK || closed == SYNCMGR_E_CORRUPT);
}

typedef struct image {
  unsigned char *memory;
  off_t size;
  uint64_t *words[WORDS]; /* that the users change */
  unsigned count;
} image_t;

/* Finds words that change while the users are at it: only the pages of the file that are in use are
 * looked at, each twice, and again until there are some. */
static void look_twice(image_t *image, int file, uint64_t *state) {
  unsigned seen = 0;
  for (off_t offset = 0; offset < image->size; offset += PAGE) {
    uint64_t before[PAGE / 8], *now;
    offset = lseek(file, offset, SEEK_DATA);
    if (offset < 0) break;
    now = (uint64_t *)(image->memory + offset);
    memcpy(before, now, PAGE);
    usleep(30);
    for (unsigned index = 0; index < PAGE / 8; index++) {
      if (*(volatile uint64_t *)&now[index] == before[index]) continue;
      /* Each with the same chance, when there are too many. */
      unsigned place = image->count < WORDS ? image->count++ : random_below(state, ++seen + WORDS);
      if (place < WORDS) image->words[place] = &now[index];
    }
  }
}

static void find_words(image_t *image, const char *url, uint64_t *state) {
  struct stat status;
  int file = open(segment_path(url), O_RDWR);
  CHECK(file >= 0);
  CHECK_EQUAL(fstat(file, &status), 0);
  image->size = status.st_size;
  image->memory = mmap(NULL, (size_t)image->size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CHECK(image->memory != MAP_FAILED);
  while (image->count < 500) look_twice(image, file, state);
  close(file);
}

/* A guard's word that has the id of a living process says that it is locked, and cannot be told
 * from the truth. So no ids are copied about: they have the highest bit. */
static void flip(const image_t *image, uint64_t *state) {
  for (unsigned step = 0; step < FLIPS; step++) {
    uint64_t *word = image->words[random_below(state, image->count)];
    /* Often a neighbour: what lies beside what changes is as interesting. */
    if (random_below(state, 2)) word += (int)random_below(state, 33) - 16;
    if ((unsigned char *)word < image->memory ||
        (unsigned char *)word >= image->memory + image->size) continue;
    uint32_t *half = (uint32_t *)word + random_below(state, 2), value = 0;
    switch (random_below(state, 6)) {
      case 0: *word ^= 1ull << random_below(state, 64); break;
      case 1: *half = random_below(state, 2) ? UINT32_MAX : 0; break;
      case 2: *half += (random_below(state, 2) ? 1u : UINT32_MAX); break;
      case 3: *half = (uint32_t)random_next(state); break;
      case 4:
        value = *(uint32_t *)image->words[random_below(state, image->count)];
        if (value >> 31 == 0) *half = value;
        break;
      default: *half = random_below(state, 300000); break;
    }
    usleep(random_below(state, 300));
  }
}

TEST_WITHIN(120, flipping_bits_of_live_channels_crashes_and_hangs_nobody) {
  uint64_t state = harness_seed(), delivered = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    static image_t image;
    const char *url = unique_url();
    peer_t *peers[USERS];
    image.count = 0;
    for (unsigned index = 0; index < USERS; index++) {
      uint32_t flags = index == 2 ? SYNCMGR_OPEN_NO_THREADS : 0;
      peers[index] = peer_start(use, url, round * USERS + index, flags);
    }
    for (unsigned index = 0; index < USERS; index++) peer_wait_pause(peers[index], 1);
    for (unsigned index = 0; index < USERS; index++) peer_go(peers[index]);
    find_words(&image, url, &state);
    flip(&image, &state);
    for (unsigned index = 0; index < USERS; index++) {
      /* A user that hangs makes no progress, and the watchdog ends the test here. */
      int64_t before = atomic_load(&peers[index]->values[PROGRESS]);
      WAIT_UNTIL(atomic_load(&peers[index]->values[PROGRESS]) > before + 10 ||
                 peer_ended(peers[index]));
      delivered += (uint64_t)atomic_load(&peers[index]->values[DELIVERED]);
    }
    for (unsigned index = 0; index < USERS; index++) atomic_store(&peers[index]->values[STOP], 1);
    for (unsigned index = 0; index < USERS; index++) peer_join(peers[index]);
    CHECK_EQUAL(munmap(image.memory, (size_t)image.size), 0);
    try_open(url, 0);
    syncmgr_unlink(url);
    CHECK_EQUAL(segment_file_count(url), 0);
  }
  CHECK(delivered > ROUNDS * 100);
}
