/* The addresses of the shared words of a store's log, as in sm_fields.h. */
#ifndef SM_STORE_FIELDS_H
#define SM_STORE_FIELDS_H

#include "sm_fields.h"

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

SM_FIELD(variables, free, 32)
SM_FIELD(variables, cursor, 32)

SM_FIELD(log, size, 64)
SM_FIELD(log, mask, 32)
SM_FIELD(log, inline_size, 32)
SM_FIELD(log, capacity, 32)
SM_FIELD(log, oldest, 64)
SM_FIELD(log, tail, 64)
SM_FIELD(log, pending, 64)
SM_FIELD(log, revision, 64)
SM_FIELD(log, applied, 64)
SM_FIELD(log, floor, 64)
SM_FIELD(log, waiting, 32)
SM_FIELD(log, backed, 32)
SM_FIELD(log, rules, 32)
SM_FIELD(log, durable, 64)
SM_FIELD(log, durable_position, 64)
SM_FIELD(log, flusher, 32)
SM_FIELD(log, epoch, 32)
SM_FIELD(log, sleepers, 32)
SM_FIELD(log, loaded, 32)
SM_FIELD(log, promised, 32)
SM_FIELD(log, tickets, 32)

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
