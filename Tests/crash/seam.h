/* What the seam build of the library exports besides the API. */
#ifndef CRASH_SEAM_H
#define CRASH_SEAM_H

#include <stdint.h>

/** `hook` is called before every change of shared memory and before every call to the system, on
 *  the thread that is about to make it. `site` is "file:line" or the name of the call.
 *  NULL removes. */
void syncmgr_seam_hook(void (*hook)(void *user, const char *site), void *user);

/** `fault` is asked before every call to the system; what it returns, when not 0, is the errno with
 *  which the call then fails without being made. NULL removes. */
void syncmgr_seam_fault(int32_t (*fault)(void *user, const char *call), void *user);

#endif
