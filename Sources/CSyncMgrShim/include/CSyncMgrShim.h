/* What the engine needs from C: shared layouts, atomics on them, and calls Swift cannot make. */
#include "sm_atomic.h"
#include "sm_call.h"
#include "sm_fields.h"
#include "sm_layout.h"
#include "sm_os.h"
#include "sm_store_fields.h"
#include "sm_seam.h"
#include "sm_text.h"
