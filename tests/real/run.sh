#!/bin/sh
# The tests with the real Claude Code: installs it, and runs them where nothing but loopback can be reached.
# Skips loudly and ends well where it cannot be installed; MC_REAL_CLI=/path/to/claude takes another one.
# usage: run.sh [NAME OF A TEST …]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

if [ -z "${MC_REAL_CLI:-}" ]; then
    MC_REAL_CLI=$("$here/install.sh") || { [ $? = 3 ] && exit 0 || exit 1; }
fi
export MC_REAL_CLI

# Built while the network is still there.
cargo test --locked --test it --no-run
exec "$here/in_namespace.sh" cargo test --locked --offline --test it "${1:-real_}" -- --test-threads="${MC_REAL_THREADS:-2}"
