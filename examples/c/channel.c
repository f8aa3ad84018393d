/* Start as many of these as you like, in any language: each has three jobs for whoever comes first,
 * and does three.
 *
 *   cc channel.c -lsyncmgr -o channel && ./channel
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <syncmgr.h>

static void must(int32_t status) {
  if (status >= 0) return;
  fprintf(stderr, "%s: %s\n", syncmgr_status_name(status), syncmgr_last_error());
  exit(1);
}

int main(void) {
  syncmgr_t *space;
  syncmgr_workstream_t *me;
  syncmgr_channel_t *jobs;
  syncmgr_channel_options_t options = SYNCMGR_CHANNEL_OPTIONS_INIT;
  options.flags = SYNCMGR_CHANNEL_ACKNOWLEDGE;
  must(syncmgr_open("shm:jobs", NULL, &space));
  must(syncmgr_workstream_open(space, NULL, &me));
  must(syncmgr_channel_open(me, "jobs", SYNCMGR_CHANNEL_QUEUE, &options, &jobs));

  char text[64];
  for (int number = 1; number <= 3; number++) {
    int length = snprintf(text, sizeof text, "job %d of process %d", number, (int)getpid());
    must(syncmgr_channel_send(jobs, text, (size_t)length, NULL, SYNCMGR_FOREVER, NULL));
  }
  for (int number = 1; number <= 3; number++) {
    syncmgr_message_t job;
    must(syncmgr_channel_view(jobs, SYNCMGR_FOREVER, &job));
    printf("process %d does %.*s\n", (int)getpid(), (int)job.length, (const char *)job.data);
    /* Only now it is gone: had this process died, somebody else would do it. */
    must(syncmgr_message_acknowledge(jobs, job.receipt));
  }
  must(syncmgr_close(space));
  return 0;
}
