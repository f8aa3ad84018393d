/* The texts of the statuses: static C strings, which Swift has none of. */
#ifndef SM_TEXT_H
#define SM_TEXT_H

#include <stdint.h>

const char *sm_version_text(void);
const char *sm_status_name(int32_t status);
const char *sm_status_text(int32_t status);

#endif
