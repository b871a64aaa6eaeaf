#!/bin/sh
# Installs Debian packages whose program is missing, where we may; says what is missing where we may not.
# usage: install.sh git tmux …
set -u
missing=""
for name in "$@"; do
  program=$name
  [ "$name" = iproute2 ] && program=ip
  command -v "$program" >/dev/null 2>&1 || missing="$missing $name"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then as_root=""; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo"; else as_root="no"; fi
if [ "$as_root" = no ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "Missing:$missing. Install with your package manager; without them some things will not work (mission-control doctor says what)."
  exit 0
fi
echo "Installing:$missing"
$as_root apt-get update -qq >/dev/null 2>&1
# shellcheck disable=SC2086 # a list of words
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || echo "Could not install:$missing (going on without)"
exit 0
