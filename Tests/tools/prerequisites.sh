#!/bin/sh
# Checks for what the build and the tests need. Installs what is missing with apt when that is
# allowed, and otherwise names it in one sentence and fails. Prints nothing when all is there.
set -u

has_header() {
  printf '#include <%s>\n' "$1" | "${CC:-cc}" -x c -fsyntax-only -
}

has_node_headers() {
  node_prefix=$(node -p 'require("path").resolve(process.execPath, "../..")') || return 1
  [ -e "$node_prefix/include/node/node_api.h" ] || [ -e /usr/include/node/node_api.h ]
}

# The header's functions are implemented with attributes that Swift has since 6.3.
has_swift() {
  version=$(swift --version 2>/dev/null |
    sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
  [ -n "$version" ] || return 1
  # shellcheck disable=SC2086
  set -- $version
  [ "$1" -gt 6 ] || { [ "$1" -eq 6 ] && [ "$2" -ge 3 ]; }
}

need() {
  package=$1
  shift
  "$@" >/dev/null 2>&1 || missing="$missing $package"
}

find_missing() {
  missing=""
  need gcc command -v gcc
  need g++ command -v g++
  need libc6-dev has_header stdio.h
  need binutils command -v readelf
  need python3 command -v python3
  need nodejs command -v node
  need libnode-dev has_node_headers
  need libffi-dev has_header ffi.h
  need pkg-config command -v pkg-config
}

may_install() {
  command -v apt-get >/dev/null 2>&1 || return 1
  if [ "$(id -u)" -eq 0 ]; then
    as_root=""
  elif sudo -n true >/dev/null 2>&1; then
    as_root="sudo -n"
  else
    return 1
  fi
}

install_missing() {
  echo "Installing with apt:$missing"
  # A list that cannot be refreshed may still do, so only the installation decides.
  $as_root apt-get update -q </dev/null || true
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends $missing </dev/null
}

find_missing
if [ -n "$missing" ] && may_install; then
  install_missing
  find_missing
fi

sentence=""
[ -z "$missing" ] || sentence="the packages$missing (apt-get install$missing)"
if ! has_swift; then
  [ -z "$sentence" ] || sentence="$sentence and "
  sentence="${sentence}Swift 6.3 or later with clang (https://www.swift.org/install)"
fi
[ -z "$sentence" ] || {
  echo "Missing to build syncmgr: $sentence." >&2
  exit 1
}
