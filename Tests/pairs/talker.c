/* A talker for C, see channels.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <syncmgr.h>

#define PATIENCE ((int64_t)30 * 1000 * 1000 * 1000)
#define LARGEST 20000

static syncmgr_workstream_t *me;
static syncmgr_channel_t *jobs, *direct, *topics, *memory;
static unsigned char expected[LARGEST], buffer[2 * LARGEST];

static int32_t must(int32_t status) {
  if (status >= 0) return status;
  fprintf(stderr, "%s: %s\n", syncmgr_status_name(status), syncmgr_last_error());
  exit(1);
}

static size_t pattern(int number) {
  size_t length = (size_t)number * 300;
  for (size_t place = 0; place < length; place++)
    expected[place] = (unsigned char)((size_t)number * 7 + place);
  return length;
}

static void reverse(unsigned char *bytes, size_t length) {
  for (size_t place = 0; place < length / 2; place++) {
    unsigned char other = bytes[length - 1 - place];
    bytes[length - 1 - place] = bytes[place];
    bytes[place] = other;
  }
}

static int has(const syncmgr_message_t *message, const void *data, size_t length) {
  return message->length == length && (length == 0 || memcmp(message->data, data, length) == 0);
}

static uint32_t priority_of(int number) {
  return number % 2 ? SYNCMGR_PRIORITY_HIGH : SYNCMGR_PRIORITY_LOW;
}

static syncmgr_channel_t *opened(const char *name, uint32_t kind, uint32_t flags,
                                 uint32_t capacity) {
  syncmgr_channel_t *channel;
  syncmgr_channel_options_t options = SYNCMGR_CHANNEL_OPTIONS_INIT;
  options.flags = flags;
  options.capacity = capacity;
  must(syncmgr_channel_open(me, name, kind, flags ? &options : NULL, &channel));
  return channel;
}

static int open_all(int count, const char *other) {
  (void)count, (void)other;
  jobs = opened("jobs", SYNCMGR_CHANNEL_QUEUE, SYNCMGR_CHANNEL_ACKNOWLEDGE, 64);
  direct = opened("calls", SYNCMGR_CHANNEL_DIRECT, 0, 256);
  topics = opened("news", SYNCMGR_CHANNEL_PUBSUB, SYNCMGR_CHANNEL_RETAIN, 256);
  memory = opened("cells", SYNCMGR_CHANNEL_MEMORY, 0, 256);
  return 0;
}

static int send_jobs(int count, const char *other) {
  (void)other;
  for (int number = 0; number < count; number++) {
    char topic[32], metadata[64];
    syncmgr_send_options_t options = SYNCMGR_SEND_OPTIONS_INIT;
    snprintf(topic, sizeof topic, "t/%d", number);
    snprintf(metadata, sizeof metadata, "{\"n\":%d,\"text\":\"\xc3\xa9\"}", number);
    options.topic = topic;
    options.metadata = metadata;
    options.priority = priority_of(number);
    options.correlation = (uint64_t)number;
    size_t length = pattern(number);
    must(syncmgr_channel_send(jobs, expected, length, &options, PATIENCE, NULL));
  }
  return 0;
}

static int is_right(const syncmgr_message_t *message, const char *sender) {
  int number = (int)message->correlation;
  char topic[32], as_sent[64], escaped[64];
  snprintf(topic, sizeof topic, "t/%d", number);
  snprintf(as_sent, sizeof as_sent, "{\"n\":%d,\"text\":\"\xc3\xa9\"}", number);
  snprintf(escaped, sizeof escaped, "{\"n\":%d,\"text\":\"\\u00e9\"}", number);
  size_t length = pattern(number);
  return has(message, expected, length) && strcmp(message->topic, topic) == 0 &&
         (strcmp(message->metadata, as_sent) == 0 || strcmp(message->metadata, escaped) == 0) &&
         strcmp(message->sender, sender) == 0 && message->priority == priority_of(number);
}

static int take(int count, const char *sender) {
  int wrong = 0, done = 0;
  while (done < count) {
    syncmgr_message_t message;
    must(syncmgr_channel_recv(jobs, buffer, sizeof buffer, PATIENCE, &message));
    if (!is_right(&message, sender)) wrong++;
    if (message.correlation % 4 == 0 && message.deliveries == 1) {
      must(syncmgr_message_reject(jobs, message.receipt, 0, NULL));
    } else {
      must(syncmgr_message_acknowledge(jobs, message.receipt));
      if (message.correlation != (uint64_t)done++) wrong++;
    }
  }
  return wrong;
}

static int call_other(int count, const char *target) {
  int wrong = 0;
  syncmgr_send_options_t options = SYNCMGR_SEND_OPTIONS_INIT;
  options.target = target;
  for (int number = 0; number < count; number++) {
    uint64_t request;
    syncmgr_message_t answer;
    size_t length = pattern(number);
    must(syncmgr_channel_request(direct, expected, length, &options, PATIENCE, &request));
    must(syncmgr_channel_response(direct, request, buffer, sizeof buffer, PATIENCE, &answer));
    reverse(expected, length);
    if (!has(&answer, expected, length) || answer.correlation != (uint64_t)number * 2) wrong++;
  }
  return wrong;
}

static int serve(int count, const char *other) {
  (void)other;
  for (int number = 0; number < count; number++) {
    syncmgr_message_t message;
    syncmgr_send_options_t options = SYNCMGR_SEND_OPTIONS_INIT;
    must(syncmgr_channel_recv(direct, buffer, sizeof buffer, PATIENCE, &message));
    reverse(buffer, message.length);
    options.correlation = (uint64_t)number * 2;
    must(syncmgr_channel_reply(direct, message.reply_to, buffer, message.length, &options));
  }
  return 0;
}

static int retain(int count, const char *other) {
  (void)count, (void)other;
  uint32_t reached;
  syncmgr_send_options_t options = SYNCMGR_SEND_OPTIONS_INIT;
  options.flags = SYNCMGR_SEND_RETAIN;
  options.topic = "a/state";
  must(syncmgr_channel_send(topics, "kept", 4, &options, PATIENCE, &reached));
  return (int)reached;
}

static int publish(int count, const char *other) {
  (void)other;
  int wrong = 0;
  for (int number = 0; number < count; number++) {
    char topic[32];
    uint32_t reached;
    syncmgr_send_options_t options = SYNCMGR_SEND_OPTIONS_INIT;
    snprintf(topic, sizeof topic, "a/%d/x", number);
    options.topic = topic;
    size_t length = pattern(number);
    must(syncmgr_channel_send(topics, expected, length, &options, PATIENCE, &reached));
    if (reached != 1) wrong++;
  }
  return wrong;
}

static int subscribe(int count, const char *other) {
  (void)count, (void)other;
  must(syncmgr_channel_subscribe(topics, "a/*/x", 0));
  must(syncmgr_channel_subscribe(topics, "**/state", 0));
  return 0;
}

static int hear(int count, const char *sender) {
  syncmgr_message_t message;
  must(syncmgr_channel_recv(topics, buffer, sizeof buffer, PATIENCE, &message));
  int wrong = !has(&message, "kept", 4) || strcmp(message.topic, "a/state") != 0 ||
              !(message.flags & SYNCMGR_MESSAGE_RETAINED);
  for (int number = 0; number < count; number++) {
    char topic[32];
    snprintf(topic, sizeof topic, "a/%d/x", number);
    must(syncmgr_channel_recv(topics, buffer, sizeof buffer, PATIENCE, &message));
    size_t length = pattern(number);
    if (!has(&message, expected, length) || strcmp(message.topic, topic) != 0 ||
        strcmp(message.sender, sender) != 0)
      wrong++;
  }
  return wrong;
}

static const int64_t minus_five = -5;
static const double one_and_a_half = 1.5;

#define CELL(name, value, size, kind) \
  { .key = name, .data = value, .length = size, .type = kind }
#define CELLS                                                                            \
  {                                                                                      \
    CELL("int", &minus_five, 8, SYNCMGR_CELL_INT64),                                     \
        CELL("float", &one_and_a_half, 8, SYNCMGR_CELL_FLOAT64),                         \
        CELL("text", "\xc3\xa9", 2, SYNCMGR_CELL_TEXT),                                  \
        CELL("json", "{\"a\":[1]}", 9, SYNCMGR_CELL_JSON),                               \
        CELL("bytes", "\0\1", 2, SYNCMGR_CELL_BYTES),                                    \
  }

static int set(int count, const char *other) {
  (void)count, (void)other;
  const syncmgr_cell_t cells[] = CELLS;
  for (size_t number = 0; number < sizeof cells / sizeof *cells; number++)
    must(syncmgr_channel_set(memory, &cells[number], SYNCMGR_VERSION_ANY, NULL));
  return 0;
}

static int get(int count, const char *other) {
  (void)count, (void)other;
  const syncmgr_cell_t wanted[] = CELLS;
  syncmgr_cell_t cells[] = CELLS;
  uint32_t number_of_cells = sizeof cells / sizeof *cells;
  int wrong = 0;
  must(syncmgr_channel_get(memory, cells, number_of_cells, buffer, sizeof buffer, NULL));
  for (uint32_t number = 0; number < number_of_cells; number++)
    if (cells[number].status != SYNCMGR_OK || cells[number].type != wanted[number].type ||
        cells[number].length != wanted[number].length ||
        memcmp(cells[number].data, wanted[number].data, wanted[number].length) != 0)
      wrong++;
  return wrong;
}

static const struct {
  const char *name;
  int (*run)(int count, const char *other);
} steps[] = {{"open", open_all},   {"send", send_jobs}, {"take", take},
             {"call", call_other}, {"serve", serve},    {"retain", retain},
             {"publish", publish}, {"subscribe", subscribe}, {"hear", hear},
             {"set", set},         {"get", get}};

int main(int argc, char **argv) {
  syncmgr_t *space;
  char line[256];
  if (argc != 3) return 2;
  must(syncmgr_open(argv[1], NULL, &space));
  must(syncmgr_workstream_open(space, argv[2], &me));
  while (fgets(line, sizeof line, stdin) != NULL) {
    char step[32] = "", other[64] = "";
    int count = 0, wrong = -1;
    sscanf(line, "%31s %d %63s", step, &count, other);
    for (size_t number = 0; number < sizeof steps / sizeof *steps; number++)
      if (strcmp(steps[number].name, step) == 0) wrong = steps[number].run(count, other);
    printf("[\"%s\", %d]\n", step, wrong);
    fflush(stdout);
  }
  must(syncmgr_close(space));
  return 0;
}
