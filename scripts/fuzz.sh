#!/usr/bin/env bash
# Gives every reader files that were whole once and prints what became of them (docs/robustness.md).
#   scripts/fuzz.sh [COUNT] [--seed S]      COUNT inputs over all readers (21,000), from the seed S (1)
# Ends non-zero where one was neither read nor refused in a sentence, took longer than 30 s, or made the process grow past the bound; the input is kept and named.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

count=21000 seed=1
while [ $# -gt 0 ]; do
  case $1 in
    --seed) seed=${2:?--seed needs a number}; shift 2 ;;
    *[!0-9]*|'') echo "usage: scripts/fuzz.sh [COUNT] [--seed S]" >&2; exit 2 ;;
    *) count=$1; shift ;;
  esac
done

report=$(mktemp)
trap 'rm -f "$report"' EXIT
export ZEPHYR_FUZZ=$count ZEPHYR_FUZZ_SEED=$seed ZEPHYR_FUZZ_REPORT=$report DOTNET_NOLOGO=1
dotnet test --project tests/Zephyr.Tests --filter-method "*HostileInputTests.As_many_as_asked_for*"
cat "$report"
