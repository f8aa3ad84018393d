/* The seam: every step on shared memory and every call to the system passes here in a test build,
 * where a test can yield, kill the process or fail the call. In the release build it is nothing. */
#ifndef SM_SEAM_H
#define SM_SEAM_H

#include <stdint.h>

#ifdef SYNCMGR_SEAM
typedef void (*sm_hook)(void *user, const char *site);
typedef int32_t (*sm_fault)(void *user, const char *call);
/* Called by the test before each step, on the thread that takes it. */
__attribute__((visibility("default"))) void syncmgr_seam_hook(sm_hook hook, void *user);
/* Asked before each call to the system; a non-zero answer is the errno it fails with. */
__attribute__((visibility("default"))) void syncmgr_seam_fault(sm_fault fault, void *user);

void sm_step(const char *file, int32_t line);
int32_t sm_ask(const char *call);
#define SM_STEP(file, line) sm_step(file, line)
#define SM_ASK(call)                      \
  do {                                    \
    int32_t sm_answer = sm_ask(call);     \
    if (sm_answer != 0) return -sm_answer; \
  } while (0)
#else
#define SM_STEP(file, line) ((void)(file), (void)(line))
#define SM_ASK(call) ((void)0)
#endif

#endif
