/* Which errors a call to the system can really return, and what the library may make of them. */
#ifndef CRASH_FAULT_TABLE_H
#define CRASH_FAULT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define FAULT_ERRORS_MAX 6

/** A fault that fits no call: a run with it only records the calls. */
#define FAULT_NONE_FITS 9999

/** Writes the errors that fit the call and returns how many; 0 for a call that cannot fail. */
uint32_t fault_errors(const char *call, int32_t errors[FAULT_ERRORS_MAX]);

/** Tells whether the error is one that the call can return. */
bool fault_fits(int32_t error, const char *call);

/** Judges how the library reported that a call failed with `error`.
 *  Returns NULL when it is as the header says, else what is wrong with it. */
const char *fault_judge(int32_t error, int32_t status, const char *sentence);

#endif
