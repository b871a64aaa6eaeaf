#!/bin/sh
# Every test there is, one after the other; ends with the sum. A part that could not run is named, never passed over.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=""
skipped=""
part() {
  name=$1
  shift
  echo
  echo "== $name"
  log=$(mktemp)
  # Into a file and not down a pipe: what a failed test leaves running would hold a pipe open, and us with it.
  ( "$@" ) >"$log" 2>&1 &
  running=$!
  tail -n +1 -f --pid="$running" "$log"
  wait "$running" || failed="$failed; $name"
  if grep -q '^SKIPPED' "$log"; then skipped="$skipped; $name: $(grep -m1 '^SKIPPED' "$log")"; fi
  rm -f "$log"
}

# Node is there after the browser tests, unless no registry could be reached.
soak() {
  command -v node >/dev/null || { echo "SKIPPED: the soak did not run: node is missing"; return 0; }
  MC_BIN="$PWD/target/debug/mission-control" node benches/soak.mjs --minutes 1 --slots 2 --readers 20 --json target/soak-short.json
}

# What every address answers, against the recording that is in the repository.
contract() {
  new=target/contract
  python3 tests/contract/record.py --bin target/debug/mission-control --out "$new" --routes src/web &&
    python3 tests/contract/record.py --compare tests/contract/recorded "$new" && return 0
  echo "Is the change on purpose? Then: make contract, and commit what it changes under tests/contract/recorded."
  return 1
}

part "Rust" cargo test --locked --features faults -- --skip real_
# What has to hold beside the numbers: nothing missed, nothing twice, no error, handles and threads flat. The numbers themselves
# want a release build and a quiet machine: make bench, make soak.
part "Figures, unjudged" cargo test --locked --features faults --bench figures -- --quick --unjudged --only p7,p13,p20
part "Contract" contract
part "Browser" env MC_BIN="$PWD/target/debug/mission-control" e2e/run.sh
part "Soak, one minute" soak
part "Real agent CLI" tests/real/run.sh

echo
[ -n "$skipped" ] && echo "!!! NOT EVERYTHING WAS TESTED$skipped"
if [ -n "$failed" ]; then
  echo "FAILED$failed"
  exit 1
fi
echo "All parts that ran passed."
