#include <stdint.h>

/* This target carries the link flags of libsyncmgr.so (see Package.swift), and what only works
 * where the Swift runtime is linked in.
 *
 * The runtime caches the id of a thread in the thread. A forked child inherits its parent's, and
 * the first lock of the runtime that it then contends for is never given up: the kernel knows that
 * the child is not who holds it. The library forgets the id at the first call of a thread. */
extern __thread uint32_t cached_id __asm__(
    "_ZZN5swift14threading_impl5linux13ulock_get_tidEvE3tid");

void sm_runtime_forget_thread(void);
void sm_runtime_forget_thread(void) { cached_id = 0; }
