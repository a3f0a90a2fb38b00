#!/usr/bin/env bash
# Holds zephyr plan against what is measured: three steps of bench58m in every mode, each in a process of its own, and for each the growth of the process's peak over what it held
# before its first model (VmHWM), the tensors at their most as they were counted, and both as planned, in MiB. Prints a table in Markdown; ends with code 1 where the plan is off by
# more than 10 % of the growth. One JSON document a mode beside it. All modes take some 20 minutes on two cores.
#   scripts/plan-check.sh PAIRS.jsonl [FOLDER [WORDS]]   PAIRS: token ids as zephyr bench takes them; FOLDER for the JSON, plan-check by default; WORDS: only modes whose keys hold
#                                                        them ("sft --bf16 true", "load_in_4bit")
# ZEPHYR in the environment is the program, in place of the checkout's.
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
pairs=${1:?plan-check.sh needs a file of pairs} folder=${2:-plan-check} only=${3:-}
read -ra zephyr <<<"${ZEPHYR:-$root/scripts/zephyr}"
mkdir -p "$folder"
failed=0 modes=0
value() { tr ',{}' '\n\n\n' <"$1" | awk -F: -v key="\"$2\"" '$1 == key { print $2 }'; }
check() { # STAGE KEYS...
  local name=$* file ratio
  [[ $name == *"$only"* ]] || return 0
  name=${name//--/} name=${name// true/} name=${name//bf16 false/fp32}
  file=$folder/${name//[ \/]/-}.json
  modes=$((modes + 1))
  if ! "${zephyr[@]}" bench "$@" --size bench58m --pairs "$pairs" --cpu_kernels native --steps 2 --warm 1 --json >"$file"; then
    echo "| $name | FAILED | | | | |"
    failed=1
    return 0
  fi
  ratio=$(awk -v a="$(value "$file" planned_mib)" -v b="$(value "$file" tensor_peak_mib)" 'BEGIN { printf "%.2f", a / b }')
  if awk -v r="$ratio" 'BEGIN { exit !(r < 0.9 || r > 1.1) }'; then failed=1 ratio="$ratio OFF"; fi
  echo "| $name | $(value "$file" tensor_peak_mib) | $(value "$file" planned_mib) | $ratio | $(value "$file" counted_mib) | $(value "$file" planned_counted_mib) |"
}
echo '| | growth | planned | ratio | counted | planned |'
echo '|---|---|---|---|---|---|'
lora=(--use_peft true --lora_target_modules all-linear)
qlora=("${lora[@]}" --load_in_4bit true --use_bnb_nested_quant true)
for bf16 in false true; do
  sft=(sft --bf16 $bf16) dpo=(dpo --bf16 $bf16)
  check "${sft[@]}"
  for every in 1 3; do check "${sft[@]}" --gradient_checkpointing true --gradient_checkpointing_every $every; done
  check "${sft[@]}" --optim rmsprop
  for optim in adamw_torch rmsprop; do
    check "${sft[@]}" --optim $optim --optim_state_dtype bfloat16
    check "${sft[@]}" --optim $optim --optim_state_device host
  done
  check "${sft[@]}" --optim_state_device host --optim_state_dtype bfloat16
  check "${sft[@]}" --use_peft true
  check "${sft[@]}" "${lora[@]}"
  check "${sft[@]}" "${lora[@]}" --lora_dropout 0
  check "${sft[@]}" "${lora[@]}" --optim_state_dtype bfloat16
  check "${sft[@]}" "${lora[@]}" --load_in_4bit true
  check "${sft[@]}" "${qlora[@]}"
  check "${sft[@]}" "${qlora[@]}" --lora_dropout 0 --gradient_checkpointing true
  for layout in separate concatenated shared_prefix; do
    pairs_as=("${dpo[@]}" --pair_layout $layout)
    for reference in frozen cached; do check "${pairs_as[@]}" --reference $reference; done
    check "${pairs_as[@]}" --reference frozen --per_device_train_batch_size 1 --gradient_accumulation_steps 4
    check "${pairs_as[@]}" --reference cached --gradient_checkpointing true
    check "${pairs_as[@]}" --reference cached --optim_state_dtype bfloat16
    for reference in adapter frozen cached; do check "${pairs_as[@]}" --reference $reference "${lora[@]}"; done
    check "${pairs_as[@]}" --reference adapter "${lora[@]}" --disable_dropout false
    for reference in adapter frozen cached; do check "${pairs_as[@]}" --reference $reference "${qlora[@]}"; done
    check "${pairs_as[@]}" --reference adapter "${qlora[@]}" --gradient_checkpointing true
  done
  check "${dpo[@]}" --pair_layout separate --reference frozen --max_tokens_per_batch 3072
  check "${dpo[@]}" --pair_layout separate --reference cached --optim_state_device host
done
echo
echo "$modes modes in $((SECONDS / 60)) min $((SECONDS % 60)) s"
[ "$modes" -gt 0 ] || { echo "plan-check.sh: no mode has \"$only\"" >&2; exit 2; }
exit $failed
