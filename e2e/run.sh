#!/bin/sh
# The browser tests: e2e/run.sh [more arguments for node --test]
# MC_BIN says which program to test (default: target/debug/mission-control). Installs Chromium, sqlite3 and the pinned
# packages where it can. Only where a registry cannot be reached is anything skipped, and then it says so.
set -eu
cd "$(dirname "$0")"

skip() {
    echo "SKIPPED: the browser tests did not run: $1" >&2
    echo "SKIPPED: the browser tests did not run: $1"
    exit 0
}

MC_BIN=${MC_BIN:-../target/debug/mission-control}
if ! [ -x "$MC_BIN" ]; then
    echo "$MC_BIN is not there: build it first, or say where it is in MC_BIN" >&2
    exit 1
fi
MC_BIN=$(cd "$(dirname "$MC_BIN")" && pwd)/$(basename "$MC_BIN")
export MC_BIN

# What Debian has: the browser, a reader for the database, and node itself.
missing=
command -v node >/dev/null && command -v npm >/dev/null || missing="$missing nodejs npm"
command -v sqlite3 >/dev/null || missing="$missing sqlite3"
command -v git >/dev/null || missing="$missing git"
CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
[ -x "$CHROMIUM" ] || missing="$missing chromium"
export CHROMIUM
if [ -n "$missing" ]; then
    command -v apt-get >/dev/null || { echo "These are missing and there is no apt-get to install them:$missing" >&2; exit 1; }
    root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || { echo "Install these first, or run this as root:$missing" >&2; exit 1; }
        root="sudo -n"
    fi
    echo "Installing:$missing"
    # An unreachable mirror makes apt-get warn and go on with what it has; asking it to be strict makes it fail.
    $root apt-get -o APT::Update::Error-Mode=any update -qq || skip "Debian's packages cannot be reached; missing:$missing"
    # shellcheck disable=SC2086
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
fi

# The pinned packages, once per lock file.
stamp=node_modules/.installed
want=$(cksum package-lock.json)
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ]; then
    log=$(mktemp)
    if ! npm ci --ignore-scripts >"$log" 2>&1; then
        cat "$log" >&2
        if grep -Eq 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|network' "$log"; then
            skip "the npm registry cannot be reached"
        fi
        exit 1
    fi
    rm -f "$log"
    echo "$want" >"$stamp"
fi

[ $# -gt 0 ] || set -- acceptance/*.test.mjs bugs/*.test.mjs screenshots.test.mjs
files=
for file in "$@"; do
    # A folder without tests leaves its pattern as it is.
    case $file in *'*'*) ;; *) files="$files $file" ;; esac
done
status=0
out=$(mktemp)
# shellcheck disable=SC2086
node --test --test-reporter=spec --test-concurrency="${E2E_JOBS:-2}" --test-timeout=240000 $files >"$out" 2>&1 || status=$?
cat "$out"
number() { sed -n "s/^ℹ $1 //p" "$out" | tail -n 1; }
echo "browser: $(number pass) passed, $(number fail) failed, $(number cancelled) cancelled"
rm -f "$out"
exit "$status"
