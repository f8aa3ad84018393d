#!/bin/sh
# Installs into an empty directory, and builds and runs a program with what is there and nothing
# else, found by pkg-config.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

make -C "$root" --no-print-directory install-files DESTDIR="$work/stage" PREFIX=/opt/syncmgr
mv "$work/stage/opt/syncmgr" "$work/installed"

# The files say where they were to be; --define-prefix lets them be found where they are.
find_flags() {
  PKG_CONFIG_PATH="$work/installed/lib/pkgconfig" pkg-config --define-prefix "$@" syncmgr
}

cat >"$work/program.c" <<'SOURCE'
#include <stdio.h>
#include <string.h>
#include <syncmgr.h>

int main(void) {
  syncmgr_t *space;
  if (strcmp(syncmgr_version(), EXPECTED) != 0) return 1;
  if (syncmgr_open("local:", NULL, &space) != SYNCMGR_OK) return 1;
  return syncmgr_close(space) != SYNCMGR_OK;
}
SOURCE

version=$(find_flags --modversion)
# shellcheck disable=SC2046
gcc -DEXPECTED="\"$version\"" -o "$work/program" "$work/program.c" $(find_flags --cflags --libs)
LD_LIBRARY_PATH="$work/installed/lib" "$work/program"
test "$("$work/installed/bin/syncmgr" --version)" = "syncmgr $version"
for file in man/man1/syncmgr.1 bash-completion/completions/syncmgr zsh/site-functions/_syncmgr; do
  test -s "$work/installed/share/$file"
done
swiftc -typecheck -I "$work/installed/include/syncmgr" "$root/examples/swift/worker.swift"
echo "ok: syncmgr $version is usable from where it is installed"
