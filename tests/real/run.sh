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
cargo test --locked --features faults --test it --no-run
"$here/in_namespace.sh" cargo test --locked --offline --features faults --test it "${1:-real_}" -- --test-threads="${MC_REAL_THREADS:-2}"

# And the same program through the browser, where there is one (e2e/run.sh installs it).
[ $# = 0 ] || exit 0
if [ -d e2e/node_modules/playwright-core ] && [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
    cd e2e
    exec "$here/in_namespace.sh" node --test --test-concurrency=1 --test-timeout=300000 real/*.test.mjs
fi
echo "SKIPPED: the real program in the browser: Chromium or playwright-core is not installed (e2e/run.sh installs them)"
