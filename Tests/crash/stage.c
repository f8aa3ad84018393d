/* Telling, awaiting and failing on the stage. */
#define _GNU_SOURCE
#include "stage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support.h"

struct stage *stage_make(void) {
  void *memory = mmap(NULL, sizeof(struct stage), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    perror("mmap");
    exit(2);
  }
  return memory;
}

void stage_reset(struct stage *stage, const char *program) {
  static uint32_t counter;
  memset(stage, 0, sizeof *stage);
  snprintf(stage->name, sizeof stage->name, "test-%s-%d-%u", program, (int)getpid(), ++counter);
  snprintf(stage->url, sizeof stage->url, "shm:%s", stage->name);
}

void stage_tell(struct stage *stage, uint32_t what) { atomic_fetch_or(&stage->told, what); }

bool stage_was_told(struct stage *stage, uint32_t what) {
  return (atomic_load(&stage->told) & what) == what;
}

bool stage_await(struct stage *stage, uint32_t what, int64_t deadline_ns) {
  while (!stage_was_told(stage, what)) {
    if (atomic_load(&stage->failed) != 0 || now_ns() > deadline_ns) {
      return false;
    }
    sleep_ns(50000);
  }
  return true;
}

void stage_fail(struct stage *stage, const char *format, ...) {
  uint32_t nobody = 0;
  /* 1 means that the text is being written: the director waits for 2, or for the writer's end. */
  if (!atomic_compare_exchange_strong(&stage->failed, &nobody, 1)) {
    return;
  }
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(stage->failure, sizeof stage->failure, format, arguments);
  va_end(arguments);
  atomic_store(&stage->failed, 2);
}
