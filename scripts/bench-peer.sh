#!/usr/bin/env bash
# Training steps beside the peer's: the same weights, the same rows, the same machine, two threads, turn by turn.
#   scripts/bench-peer.sh PEER PAIRS [CASES]
# PEER is a python with torch and transformers (pip install torch transformers), or a folder that holds forky/, a root file system with both, and
# run, which runs a command inside it.
# PAIRS is JSON Lines of {"prompt_ids", "chosen_ids", "rejected_ids"}. CASES: of dpo-fp32 dpo-bf16 dpo-bf16-sdpa sft-fp32 sft-bf16; all but the third where none is given.
# ROUNDS (2) and STEPS (4) come from the environment. Prints a table for each case; what was measured stays in WORK (a new folder under /tmp where it is not set).
set -euo pipefail
peer=$1 pairs=$2
shift 2
zephyr=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/zephyr
if [ -x "$peer/run" ]; then
  folder=$peer/forky/bench/zephyr-bench seen=/bench/zephyr-bench # The same folder, from without and from within.
  python() { "$peer/run" python3 "$@"; }
else
  folder=${WORK:-$(mktemp -d)} seen=$folder
  python() { "$peer" "$@"; }
fi
mkdir -p "$folder"
cp "$(dirname "$zephyr")/peer.py" "$folder/"
cp "$pairs" "$folder/pairs.jsonl"
[ -e "$folder/model/config.json" ] || python "$seen/peer.py" init --model "$seen/model" 2>/dev/null
"$zephyr" --version >/dev/null # Builds it now, not on the clock.

of_peer() { python "$seen/peer.py" "$@" --model "$seen/model" --pairs "$seen/pairs.jsonl" --steps "${STEPS:-4}" 2>/dev/null; }
of_zephyr() { "$zephyr" bench "$@" --model "$folder/model" --pairs "$folder/pairs.jsonl" --steps "${STEPS:-4}" --json; }

# label, then the command of that side; each turn appends a line of JSON.
turn() { local log=$1 label=$2; shift 2; printf '%s\t%s\n' "$label" "$("$@")" >>"$log"; }

one_case() {
  local log=$folder/$1.tsv
  rm -f "$log"
  for _ in $(seq "${ROUNDS:-2}"); do
    case $1 in
      dpo-fp32)
        turn "$log" "peer" of_peer dpo
        turn "$log" "four passes" of_zephyr dpo --per_device_train_batch_size 1 --gradient_accumulation_steps 4
        turn "$log" "four passes, native kernels" of_zephyr dpo --per_device_train_batch_size 1 --gradient_accumulation_steps 4 --cpu_kernels native
        turn "$log" "shared prefix, cached, native" of_zephyr dpo --per_device_train_batch_size 1 --gradient_accumulation_steps 4 --cpu_kernels native --pair_layout shared_prefix --reference cached ;;
      dpo-bf16)
        turn "$log" "peer, bf16 autocast, eager" of_peer dpo --dtype bf16 --attention eager
        turn "$log" "four passes" of_zephyr dpo --bf16 true --per_device_train_batch_size 1 --gradient_accumulation_steps 4
        turn "$log" "shared prefix, cached" of_zephyr dpo --bf16 true --per_device_train_batch_size 1 --gradient_accumulation_steps 4 --pair_layout shared_prefix --reference cached ;;
      dpo-bf16-sdpa) # PyTorch's fused attention under autocast is several times slower on the CPU than its eager one, but takes less memory.
        turn "$log" "peer, bf16 autocast, sdpa" of_peer dpo --dtype bf16
        turn "$log" "four passes" of_zephyr dpo --bf16 true --per_device_train_batch_size 1 --gradient_accumulation_steps 4 ;;
      sft-fp32)
        turn "$log" "peer" of_peer sft
        turn "$log" "zephyr" of_zephyr sft
        turn "$log" "zephyr, native kernels" of_zephyr sft --cpu_kernels native ;;
      sft-bf16)
        turn "$log" "peer, bf16 autocast" of_peer sft --dtype bf16
        turn "$log" "zephyr" of_zephyr sft --bf16 true ;;
      *) echo "no such case: $1" >&2; return 2 ;;
    esac
  done
}

table() {
  python -c '
import collections, json, statistics, sys
sides = collections.OrderedDict()
for line in open(sys.argv[1]):
    label, found = line.rstrip("\n").split("\t")
    sides.setdefault(label, []).append(json.loads(found))
peer = next(iter(sides))
key = "pairs_per_s" if sides[peer][0]["stage"] == "dpo" else "tokens_per_s"
best = {label: max(one[key] for one in runs) for label, runs in sides.items()}
print("%-34s %14s %7s %9s %7s %7s  %s" % (sys.argv[2], key + ", best", "ratio", "peak MiB", "ratio", "share", "loss of each step"))
for label, runs in sides.items():
    peak = max(one["peak_mib"] for one in runs)
    print("%-34s %14.3f %7.2f %9d %7.2f %7s  %s" % (label, best[label], best[label] / best[peer], peak, peak / max(one["peak_mib"] for one in sides[peer]),
        max((one["matmul_share"] for one in runs if "matmul_share" in one), default=""), " ".join("%.6f" % loss for loss in runs[0]["loss"])))
' "$seen/$1.tsv" "$1"
}

[ $# -gt 0 ] || set -- dpo-fp32 dpo-bf16 sft-fp32 sft-bf16
for case in "$@"; do one_case "$case"; table "$case"; done
