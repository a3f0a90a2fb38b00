#!/usr/bin/env bash
# Does a long run stay as large as it was? STEPS steps (20,000 unless given) of sft and of dpo with the demo's base model, evaluations and checkpoints among them; the resident
# size of the steps, as timings.jsonl has it, must not differ by more than 2 % between the first and the last quarter.
#   scripts/soak.sh [STEPS]
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
steps=${1:-20000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
program=${ZEPHYR:-$root/scripts/zephyr}

# The demo is ended when it has made its base model and data.
"$program" --version >/dev/null
"$program" demo --output_dir "$work/demo" >/dev/null 2>&1 &
demo=$!
until [ -s "$work/demo/sft/run.json" ] || ! kill -0 $demo 2>/dev/null; do sleep 0.1; done
kill -9 $demo 2>/dev/null || true
wait $demo 2>/dev/null || true
"$program" aif --feedback "$work/demo/data/feedback.jsonl" --output_dir "$work/aif" >/dev/null 2>&1

failed=0
for stage in sft dpo; do
  data=$work/demo/data/dialogues_train.jsonl more=()
  [ $stage = sft ] || { data=$work/aif/train_prefs.jsonl; more=(--max_prompt_length 48); }
  start=$EPOCHREALTIME
  "$program" $stage --model_name_or_path "$work/demo/base" --dataset "$data" --output_dir "$work/$stage" --device cpu --max_length 96 --per_device_train_batch_size 1 \
    --learning_rate 1e-5 --max_steps "$steps" --logging_steps 10 --eval_fraction 0.02 --eval_strategy steps --eval_steps 1000 --save_steps 1000 --save_total_limit 2 \
    --dataset_cache_dir none --quiet "${more[@]}"
  awk -F'"memory_mib":' -v stage=$stage -v steps="$steps" -v start="$start" -v end="$EPOCHREALTIME" '
    NF > 1 { split($2, value, /[,}]/); size[++n] = value[1] }
    END {
      quarter = int(n / 4)
      if (quarter == 0) { print "soak: too few steps to compare quarters"; exit 1 }
      for (i = 1; i <= n; i++) { if (i <= quarter) first += size[i]; if (i > n - quarter) last += size[i]; if (size[i] > most) most = size[i] }
      first /= quarter; last /= quarter
      growth = 100 * (last - first) / first
      printf "soak: %s, %d steps in %d s: %.1f MiB in the first quarter, %.1f MiB in the last (%+.2f %%), %.1f MiB at most\n", stage, steps, end - start, first, last, growth, most
      exit !(growth <= 2 && growth >= -2)
    }' "$work/$stage/timings.jsonl" || failed=1
done
exit $failed
