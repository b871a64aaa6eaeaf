#!/bin/sh
# Installs the pinned Claude Code into the folder for build products and prints the program's path.
# Where it cannot be had: says so loudly on stderr, prints nothing, and ends with 3.
# usage: install.sh [FOLDER]   (MC_REAL_CLI_VERSION: another version than the pinned one)
set -eu

version=${MC_REAL_CLI_VERSION:-2.1.330}
top=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$top/target/real-cli}

skip() {
    echo "SKIPPED: real CLI tests: $1" >&2
    exit 3
}

case $(uname -s)-$(uname -m) in
    Linux-x86_64) platform=linux-x64 ;;
    Linux-aarch64 | Linux-arm64) platform=linux-arm64 ;;
    *) skip "no pinned Claude Code for $(uname -s) on $(uname -m)" ;;
esac

place=$folder/$version-$platform
program=$place/node_modules/@anthropic-ai/claude-code-$platform/claude

# Works only if it starts: half an installation of an interrupted run does not count.
works() {
    [ -x "$program" ] && [ -f "$place/complete" ]
}

if ! works; then
    command -v npm >/dev/null 2>&1 || skip "npm is not installed"
    rm -rf "$place"
    mkdir -p "$place"
    echo '{"private":true}' >"$place/package.json"
    # The platform's package is one native program: no scripts of others run, and no node is needed to start it.
    if ! (cd "$place" && npm install --ignore-scripts --no-audit --no-fund --no-progress \
        --fetch-retries=1 --fetch-timeout=60000 --cache "$place/npm-cache" \
        "@anthropic-ai/claude-code-$platform@$version") >"$place/npm.log" 2>&1; then
        sed 's/^/  npm: /' "$place/npm.log" | tail -n 5 >&2
        skip "Claude Code $version could not be installed from the package registry"
    fi
    rm -rf "$place/npm-cache"
    [ -x "$program" ] || skip "the package of Claude Code $version holds no program"
    : >"$place/complete"
fi
echo "$program"
