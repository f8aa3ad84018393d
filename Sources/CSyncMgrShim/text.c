#include "sm_text.h"

const char *sm_version_text(void) { return "0.1.0"; }

/* Successes 0 to 8, then the errors from -1 downwards. */
static const struct {
  const char *name, *text;
} statuses[] = {
    {"OK", "success"},
    {"OWNER_DIED", "owned; the owner before died or was forced out"},
    {"LEADER", "the barrier tripped, and this caller was the last to arrive"},
    {"PENDING", "the wait goes on"},
    {"FINISHED", "too late to cancel: the wait had finished"},
    {"FREE", "nobody holds it"},
    {"INTERRUPTED", "a signal arrived; the wait goes on"},
    {"PARTIAL", "a part of it succeeded"},
    {"NOBODY", "there is nobody to get it"},
    {"E_INVALID", "an argument is not allowed"},
    {"E_HANDLE", "not an open handle of this type"},
    {"E_CLOSED", "the handle was closed"},
    {"E_FORKED", "the handle belongs to the parent process"},
    {"E_TIMEOUT", "the time passed"},
    {"E_CANCELLED", "the wait was cancelled"},
    {"E_DEADLOCK", "the wait would never end"},
    {"E_NOT_OWNER", "not held by this workstream"},
    {"E_BROKEN", "the barrier is broken"},
    {"E_EXISTS", "it exists already"},
    {"E_NOT_FOUND", "it does not exist"},
    {"E_TYPE", "the name belongs to another type of object"},
    {"E_MISMATCH", "it exists with other parameters"},
    {"E_NAME", "not a legal name"},
    {"E_OVERFLOW", "a count would leave its range"},
    {"E_ALREADY", "done already"},
    {"E_NO_SPACE", "no space in the shared-memory file system"},
    {"E_NO_MEMORY", "out of memory"},
    {"E_LIMIT", "a table is full"},
    {"E_PERMISSION", "not allowed"},
    {"E_VERSION", "made by another version of the library"},
    {"E_CORRUPT", "the shared memory is damaged"},
    {"E_SYSTEM", "a system call failed"},
    {"E_UNSUPPORTED", "not possible here"},
    {"E_BUSY", "in use"},
    {"E_LOST", "the hold is gone"},
    {"E_UNKNOWN", "the outcome cannot be told"},
    {"E_UNAVAILABLE", "it cannot be reached any more"},
    {"E_GAP", "events were missed"},
    {"E_LATE", "decided without the caller"},
    {"E_FAILED", "the sync point failed"},
    {"E_RANK", "locks are to be taken in the order of their ranks"},
    {"E_PREEMPTED", "an older workstream goes first"},
    {"E_UNSAFE", "not all could end any more"},
    {"E_NOT_EXPECTED", "the sync point does not expect this workstream"},
    {"E_FULL", "there is no room for the message"},
    {"E_TOO_LARGE", "larger than where it is to go"},
    {"E_CHANGED", "it has another version"},
};

#define SUCCESSES 9
#define COUNT ((int32_t)(sizeof statuses / sizeof statuses[0]))

static int32_t place(int32_t status) {
  if (status >= 0) return status < SUCCESSES ? status : -1;
  return status > SUCCESSES - 1 - COUNT ? SUCCESSES - 1 - status : -1;
}

const char *sm_status_name(int32_t status) {
  int32_t at = place(status);
  return at < 0 ? "E_?" : statuses[at].name;
}

const char *sm_status_text(int32_t status) {
  int32_t at = place(status);
  return at < 0 ? "no known status" : statuses[at].text;
}
