#!/usr/bin/env bash
# Holds zephyr plan against what is measured: training steps of bench58m in every mode, each in a process of its own, and for each the growth of the process's peak over
# what it held before its first model (VmHWM), the tensors at their most as they were counted, and both as planned. Ends with code 1 where the plan is off by more than 10 %
# of the growth. One JSON document a mode beside it.
#   scripts/plan-check.sh PAIRS.jsonl [FOLDER]        PAIRS: token ids as zephyr bench takes them; FOLDER for the JSON, plan-check by default
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
pairs=${1:?plan-check.sh needs a file of pairs} folder=${2:-plan-check}
mkdir -p "$folder"
worst=0
value() { tr ',{}' '\n\n\n' <"$1" | awk -F: -v key="\"$2\"" '$1 == key { print $2 }'; }
printf '%-62s %8s %8s %7s %8s %8s\n' mode growth planned ratio counted planned
check() { # STAGE KEYS...
  local name=${*// /_} file ratio
  name=${name//--/} file=$folder/${name// /-}.json
  "$root/scripts/zephyr" bench "$@" --size bench58m --pairs "$pairs" --steps 2 --warm 1 --json >"$file"
  ratio=$(awk -v a="$(value "$file" planned_mib)" -v b="$(value "$file" tensor_peak_mib)" 'BEGIN { printf "%.3f", a / b }')
  awk -v r="$ratio" 'BEGIN { exit !(r < 0.9 || r > 1.1) }' && worst=1
  printf '%-62s %8s %8s %7s %8s %8s\n' "$name" "$(value "$file" tensor_peak_mib)" "$(value "$file" planned_mib)" "$ratio" "$(value "$file" counted_mib)" "$(value "$file" planned_counted_mib)"
}
for bf16 in false true; do
  check sft --bf16 $bf16
  check sft --bf16 $bf16 --optim rmsprop
  check sft --bf16 $bf16 --use_peft true --lora_target_modules all-linear
  for every in 1 3; do check sft --bf16 $bf16 --gradient_checkpointing true --gradient_checkpointing_every $every; done
  for layout in separate concatenated shared_prefix; do
    for reference in frozen cached; do check dpo --bf16 $bf16 --pair_layout $layout --reference $reference; done
    check dpo --bf16 $bf16 --pair_layout $layout --reference adapter --use_peft true
    check dpo --bf16 $bf16 --pair_layout $layout --reference cached --gradient_checkpointing true
  done
done
exit $worst
