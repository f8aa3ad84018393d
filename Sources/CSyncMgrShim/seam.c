#include "sm_seam.h"

#ifdef SYNCMGR_SEAM
#include <errno.h>
#include <stdio.h>

static sm_hook the_hook;
static void *hook_user;
static sm_fault the_fault;
static void *fault_user;

void syncmgr_seam_hook(sm_hook hook, void *user) {
  hook_user = user;
  __atomic_store_n(&the_hook, hook, __ATOMIC_RELEASE);
}

void syncmgr_seam_fault(sm_fault fault, void *user) {
  fault_user = user;
  __atomic_store_n(&the_fault, fault, __ATOMIC_RELEASE);
}

void sm_step(const char *file, int32_t line) {
  sm_hook hook = __atomic_load_n(&the_hook, __ATOMIC_ACQUIRE);
  if (hook == NULL) return;
  int saved = errno;
  char site[160];
  snprintf(site, sizeof site, "%s:%d", file == NULL ? "?" : file, line);
  hook(hook_user, site);
  errno = saved;
}

int32_t sm_ask(const char *call) {
  sm_step(call, 0);
  sm_fault fault = __atomic_load_n(&the_fault, __ATOMIC_ACQUIRE);
  return fault == NULL ? 0 : fault(fault_user, call);
}
#endif
