/* What it costs to publish where many have subscribed to other things.
 *
 * SPDX-License-Identifier: MIT
 *
 * channel_publish PATTERNS BATCHES URL: three workstreams of another process subscribe with so many
 * patterns in all, one of each of which matches, and in a second channel with these three alone.
 * Both take turns in batches. Prints the time of a publish in each batch in microseconds, as
 * `ours.publish` with all patterns and `peer.publish` with three.
 */
#include "channel.h"

#include <stdio.h>

enum { SUBSCRIBERS = 3, BATCH = 200, LENGTH = 64, TEXTS = 2048 };
enum { ALL, FEW, CHANNELS };

static const char topic[] = "site/7/line/3/temperature";
static const char *const matching[SUBSCRIBERS] = {"site/7/**", "site/*/line/3/*",
                                                  "**/temperature"};
/* What comes before and after a number in the patterns that do not match. */
static const char *const others[SUBSCRIBERS][2] = {
    {"site/", "/**"}, {"site/*/line/", "/*"}, {"**/sensor-", ""}};

typedef struct {
  meeting_t meeting;
  const char *url;
  long patterns;
  long batches;
} bench_t;

static void open_channels(syncmgr_workstream_t *workstream, syncmgr_channel_t **channels) {
  const uint32_t kind = SYNCMGR_CHANNEL_PUBSUB;
  check(syncmgr_channel_open(workstream, "all", kind, NULL, &channels[ALL]), "channel_open");
  check(syncmgr_channel_open(workstream, "few", kind, NULL, &channels[FEW]), "channel_open");
}

/* Subscribes with all patterns from `first` on that are this subscriber's. None matches: their
 * numbers begin above those of the topic. */
static void subscribe_to_others(syncmgr_channel_t *channel, long first, long end) {
  char pattern[64];
  for (long number = first; number < end; number += SUBSCRIBERS) {
    const char *const *form = others[number / SUBSCRIBERS % SUBSCRIBERS];
    snprintf(pattern, sizeof pattern, "%s%ld%s", form[0], 1000 + number, form[1]);
    check(syncmgr_channel_subscribe(channel, pattern, 0), "channel_subscribe");
  }
}

/* Takes the messages of a batch out, so that every publish finds room. */
static void take_all(syncmgr_channel_t *channel) {
  static char buffer[BATCH * (LENGTH + TEXTS)];
  static syncmgr_message_t messages[BATCH];
  for (uint32_t taken = 0, count; taken < BATCH; taken += count) {
    check(syncmgr_channel_recv_many(channel, buffer, sizeof buffer, messages, BATCH, &count),
          "channel_recv_many");
  }
}

static void subscribe(int index, void *context) {
  bench_t *bench = context;
  syncmgr_channel_t *channels[SUBSCRIBERS][CHANNELS];
  (void)index;
  for (int number = 0; number < SUBSCRIBERS; number++) {
    open_channels(open_workstream(bench->url, 0), channels[number]);
    for (int channel = ALL; channel < CHANNELS; channel++) {
      check(syncmgr_channel_subscribe(channels[number][channel], matching[number], 0),
            "channel_subscribe");
    }
    subscribe_to_others(channels[number][ALL], SUBSCRIBERS + number, bench->patterns);
  }
  int time = 0;
  meet(&bench->meeting, ++time);
  for (long batch = 0; batch < bench->batches * CHANNELS; batch++) {
    meet(&bench->meeting, ++time);
    for (int number = 0; number < SUBSCRIBERS; number++) {
      take_all(channels[number][batch % CHANNELS]);
    }
    meet(&bench->meeting, ++time);
  }
}

static double publish_batch(syncmgr_channel_t *channel) {
  char message[LENGTH] = {0};
  syncmgr_send_options_t options = SYNCMGR_SEND_OPTIONS_INIT;
  options.topic = topic;
  int64_t start = now_ns();
  for (int number = 0; number < BATCH; number++) {
    uint32_t count = 0;
    check(syncmgr_channel_send(channel, message, sizeof message, &options, 0, &count),
          "channel_send");
    if (count != SUBSCRIBERS) fail("%u got the message instead of %d", count, SUBSCRIBERS);
  }
  return (double)(now_ns() - start) / 1000 / BATCH;
}

int main(int count, char **arguments) {
  bench_t *bench = shared_memory(sizeof *bench);
  bench->patterns = number_argument(count, arguments, 1, "PATTERNS");
  bench->batches = number_argument(count, arguments, 2, "BATCHES");
  if (count != 4) fail("usage: channel_publish PATTERNS BATCHES URL");
  bench->url = arguments[3];
  bench->meeting.processes = 2;
  deadline(60);
  start_child(subscribe, 0, bench);
  syncmgr_channel_t *channels[CHANNELS];
  open_channels(open_workstream(bench->url, 0), channels);
  int time = 0;
  meet(&bench->meeting, ++time);
  for (long batch = 0; batch < bench->batches * CHANNELS; batch++) {
    int channel = batch % CHANNELS;
    report(channel == ALL ? "ours.publish" : "peer.publish", publish_batch(channels[channel]));
    meet(&bench->meeting, ++time);
    meet(&bench->meeting, ++time);
  }
  join_children(1);
  remove_space(bench->url);
  return 0;
}
