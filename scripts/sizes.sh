#!/bin/sh
# Prints how long the files are, source and tests apart: how many, median, nine of ten, the longest. The floors test
# (tests/it/floors/sizes.rs) counts in the same way, and says what the figures may be.
# usage: sizes.sh [how many of the longest to name]
set -eu
cd "$(dirname "$0")/.."

figures() {
  xargs wc -l | grep -v ' total$' | sort -n | awk -v name="$1" -v name_last="$2" '
    { lines[NR] = $1; file[NR] = $2 }
    END {
      printf "%-7s %4d files, median %d, nine of ten %d, longest %d\n", name, NR, lines[int(NR / 2) + 1], lines[int(NR * 9 / 10) + 1], lines[NR]
      for (i = NR; i > NR - name_last && i > 0; i--) printf "        %4d %s\n", lines[i], file[i]
    }'
}

last=${1:-3}
tests='_tests\.rs$|/tests\.rs$|/gallery/'
find src -name '*.rs' | grep -Ev "$tests" | figures source "$last"
{ find src -name '*.rs' | grep -E "$tests"; find tests/it tests/sim -name '*.rs'; } | figures tests "$last"
