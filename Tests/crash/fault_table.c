/* Errors by call, and statuses by error. */
#define _GNU_SOURCE
#include "fault_table.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "syncmgr.h"

/* The names that the library gives its calls; the first row whose word occurs in one counts. A row
 * without errors is a call that cannot fail for a correct caller, or whose failure leaves nothing
 * to be done. EINTR is missing where the library repeats the call itself, below the seam. */
static const struct {
  const char *word;
  int32_t errors[FAULT_ERRORS_MAX];
} table[] = {
    {"close", {0}},
    {"unlock", {0}},
    {"wake", {0}},
    {"unmap", {0}},
    {"unlink", {0}},
    {"map", {ENOMEM, EAGAIN}},
    {"allocate", {ENOSPC, EIO}},
    {"truncate", {EIO}},
    {"thread", {EAGAIN}},
    {"eventfd", {EMFILE, ENFILE, ENOMEM}},
    {"open_unnamed", {EMFILE, ENFILE, ENOSPC, ENOMEM}},
    {"open", {EMFILE, ENFILE, ENOMEM}},
    {"link", {ENOSPC, ENOMEM, EIO}},
    {"own", {EPERM, EIO}},
    {"stat", {ENOMEM, EIO}},
    {"lock", {ENOLCK}},
    {"futex", {EINTR, EAGAIN}},
    {"read", {EIO}},
};

uint32_t fault_errors(const char *call, int32_t errors[FAULT_ERRORS_MAX]) {
  static const int32_t others[] = {ENOMEM, EIO};
  const int32_t *found = others;
  size_t capacity = sizeof others / sizeof others[0];
  for (size_t row = 0; row < sizeof table / sizeof table[0]; row++) {
    if (strcasestr(call, table[row].word) != NULL) {
      found = table[row].errors;
      capacity = FAULT_ERRORS_MAX;
      break;
    }
  }
  uint32_t count = 0;
  while (count < capacity && found[count] != 0) {
    errors[count] = found[count];
    count++;
  }
  return count;
}

bool fault_fits(int32_t error, const char *call) {
  int32_t errors[FAULT_ERRORS_MAX];
  uint32_t count = fault_errors(call, errors);
  for (uint32_t index = 0; index < count; index++) {
    if (errors[index] == error) {
      return true;
    }
  }
  return false;
}

const char *fault_judge(int32_t error, int32_t status, const char *sentence) {
  if (error == EINTR && status == SYNCMGR_INTERRUPTED) {
    return NULL;
  }
  if (status >= 0) {
    return "a failed call to the system was reported as another success";
  }
  if (sentence == NULL || sentence[0] == '\0') {
    return "an error came without a sentence";
  }
  if (error == EINTR) {
    return "a signal in the wrong moment ended the call";
  }
  switch (status) {
    case SYNCMGR_E_NO_SPACE:
      return error == ENOSPC ? NULL : "E_NO_SPACE, and it is not the space that lacked";
    case SYNCMGR_E_NO_MEMORY:
      return error == ENOMEM || error == EAGAIN ? NULL : "E_NO_MEMORY for another error";
    case SYNCMGR_E_PERMISSION:
      return error == EPERM || error == EACCES ? NULL : "E_PERMISSION for another error";
    case SYNCMGR_E_LIMIT:
      return error == EMFILE || error == ENFILE || error == EAGAIN ? NULL
                                                                   : "E_LIMIT for another error";
    case SYNCMGR_E_SYSTEM:
      /* The header: the sentence names the call, which it does in words, and the error. */
      return strstr(sentence, strerrordesc_np(error)) != NULL ? NULL
                                                              : "the sentence has another error";
    default:
      return "not a status for a failed call to the system";
  }
}
