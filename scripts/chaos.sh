#!/bin/sh
# Looks for what breaks, for as long as it is let: the simulation with ever new seeds, and kills at random moments in
# between. Ends with the first thing that is wrong and how to see it again. Works in folders of its own alone.
# usage: chaos.sh [minutes] [steps per seed]
set -u
cd "$(dirname "$0")/.." || exit 1
minutes=${1:-60}
steps=${2:-500}
case "$minutes$steps" in *[!0-9]* | '') echo "usage: chaos.sh [minutes] [steps per seed]" >&2 && exit 2 ;; esac

own=$(mktemp -d "${TMPDIR:-/tmp}/mc-chaos.XXXXXX") || exit 1
fast=$(mktemp -d /dev/shm/mc-chaos.XXXXXX 2>/dev/null) || fast=$own
log=$own/log
running=""

# Whoever was started from here has our folder in its environment (as TMPDIR), however far it has gone from us.
ours() {
  grep -lsaF "=$own" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3
}

leave() {
  trap - EXIT INT TERM HUP
  [ -n "$running" ] && kill "$running" 2>/dev/null
  for round in 1 2 3 4 5; do
    left=$(ours)
    [ -z "$left" ] && break
    # shellcheck disable=SC2086 # a list of numbers
    kill -KILL $left 2>/dev/null
    sleep 0.2
  done
  rm -rf "$own" "$fast"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# One part, its words shown when it is over; what it could not stand ends us.
part() {
  ( exec env TMPDIR="$own" MC_SIM_DIR="$fast" "$@" ) >"$log" 2>&1 &
  running=$!
  wait "$running"
  code=$?
  running=""
  if [ "$code" != 0 ]; then
    grep -v '^\(warning\|   Compiling\)' "$log" | tail -n 60
    echo "WRONG, after $seeds seeds of $steps steps and $rounds rounds of kills. Again with: $again"
    exit 1
  fi
}

began=$(date +%s)
over=$((began + minutes * 60))
first=$((began * 1000))
seeds=0
rounds=0
again="make chaos"

echo "Building"
part cargo test --locked --profile chaos --test sim --no-run
part cargo test --locked --test it --no-run

while [ "$(date +%s)" -lt "$over" ]; do
  left=$(((over - $(date +%s) + 59) / 60))
  slice=$((left < 5 ? left : 5))
  again="see the line that says MC_SIM_SEED"
  part env MC_SIM_FIRST="$first" MC_SIM_STEPS="$steps" MC_SIM_MINUTES="$slice" \
    cargo test --locked --profile chaos --test sim -- --nocapture whatever
  line=$(grep ' steps from seed ' "$log")
  played=$(echo "$line" | cut -d' ' -f1)
  echo "simulation: $line"
  first=$((first + played))
  seeds=$((seeds + played))
  [ "$(date +%s)" -ge "$over" ] && break

  seed=$(($(date +%s) % 4294967295))
  for name in crash:: inbox::; do
    again="MC_CRASH_SEED=$seed cargo test --test it -- $name"
    part env MC_CRASH_SEED="$seed" cargo test --locked --test it -- "$name"
  done
  rounds=$((rounds + 1))
  echo "kills: a round with MC_CRASH_SEED=$seed"
done
echo "Nothing is wrong: $seeds seeds of $steps steps, $rounds rounds of kills, $((($(date +%s) - began) / 60)) minutes."
