#!/bin/sh
# Fuzzes each target for so many minutes, on stable Rust: tests/fuzz/run.sh [MINUTES] [TARGET]
# Ends badly at a finding and says where the input lies. What is learnt on the way stays under target/fuzz, so that the
# next run goes on from there.
set -eu
cd "$(dirname "$0")"
minutes=${1:-10}
only=${2:-}
root=$(cd ../.. && pwd)
work=$root/target/fuzz

case $minutes in '' | *[!0-9]*) echo "MINUTES=$minutes is no whole number" >&2; exit 2 ;; esac
if [ -n "$only" ] && ! [ -f "targets/$only.rs" ]; then
    echo "There is no target $only; there are: $(cd targets && ls | sed 's/\.rs$//' | tr '\n' ' ')" >&2
    exit 2
fi

# libFuzzer comes as source; it needs a C++ compiler.
"$root/scripts/install.sh" g++
command -v c++ >/dev/null 2>&1 || { echo "Fuzzing needs a C++ compiler (g++ or clang++)" >&2; exit 2; }

RUSTC_WRAPPER=$PWD/watch.sh nice cargo build --target-dir "$work/build"

found=""
for file in targets/*.rs; do
    name=$(basename "$file" .rs)
    [ -z "$only" ] || [ "$only" = "$name" ] || continue
    mkdir -p "$work/corpus/$name" "$work/findings/$name"
    echo "== $name, $minutes min"
    status=0
    nice "$work/build/debug/$name" -max_total_time=$((minutes * 60)) -max_len=16384 -timeout=20 -rss_limit_mb=2048 \
        -dict=words.dict -print_final_stats=1 -artifact_prefix="$work/findings/$name/" \
        "$work/corpus/$name" "corpus/$name" >"$work/$name.log" 2>&1 || status=$?
    sed -n 's/^stat::number_of_executed_units: */   inputs: /p; s/^stat::average_exec_per_sec: */   a second: /p' "$work/$name.log"
    if [ "$status" != 0 ]; then
        found="$found $name"
        grep -aE 'panicked at|ERROR: libFuzzer|^(assertion| *left| *right)|Test unit written' -A1 "$work/$name.log" | cut -c1-400 | head -n 12
        echo "   more: $work/$name.log"
        echo "   once it is mended: copy the input to tests/fuzz/corpus/$name/found-WHAT, which the main suite runs from then on"
    fi
done
if [ -n "$found" ]; then
    echo "FOUND something:$found"
    exit 1
fi
echo "Nothing found."
