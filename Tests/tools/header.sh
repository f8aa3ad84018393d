#!/bin/sh
# Compiles include/syncmgr.h alone, in every standard that it promises, with all warnings as errors.
set -u

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Once for the header alone, and once more for its macros, which only a use can test.
cat >"$work/alone.c" <<'SOURCE'
#include "syncmgr.h"
#include "syncmgr.h"

int main(void) {
  syncmgr_open_options_t open = SYNCMGR_OPEN_OPTIONS_INIT;
  syncmgr_mutex_options_t mutex = SYNCMGR_MUTEX_OPTIONS_INIT;
  syncmgr_semaphore_options_t semaphore = SYNCMGR_SEMAPHORE_OPTIONS_INIT;
  syncmgr_barrier_options_t barrier = SYNCMGR_BARRIER_OPTIONS_INIT;
  syncmgr_event_options_t event = SYNCMGR_EVENT_OPTIONS_INIT;
  int64_t timeout_ns = SYNCMGR_FOREVER;
  uint32_t count = SYNCMGR_COUNT_MAX;
  int32_t status = SYNCMGR_E_TIMEOUT;
  return open.size + mutex.size + semaphore.size + barrier.size + event.size == 0u ||
         timeout_ns >= 0 || count == SYNCMGR_ANY || status == SYNCMGR_OK;
}
SOURCE
cp "$work/alone.c" "$work/alone.cpp"

failed=0
attempt() {
  if "$@" -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror -I "$root/include" \
    -fsyntax-only 2>"$work/words"; then
    return
  fi
  failed=1
  echo "FAILED: $*"
  cat "$work/words"
}

for compiler in gcc clang; do
  for standard in c99 c11 c17 gnu17; do
    attempt "$compiler" "-std=$standard" -Wstrict-prototypes "$work/alone.c"
  done
done
for compiler in g++ clang++; do
  for standard in c++11 c++14 c++17 c++20; do
    attempt "$compiler" "-std=$standard" "$work/alone.cpp"
  done
done
[ "$failed" -eq 0 ] && echo "ok: syncmgr.h compiles alone as C99 to C17 and C++11 to C++20"
exit "$failed"
