#!/usr/bin/env bash
# The recipe on real input: a real pretrained model (stories260k) and real rows (Capybara, AlpacaEval answers with GPT-4's
# scores, UltraFeedback). Prints held-out figures before and after each stage; docs/benchmarks.md records them.
#   scripts/real-input.sh SHARED [OUTPUT]       SHARED: the folder of reference data; OUTPUT: default runs/real-input
set -euo pipefail
if [ $# -lt 1 ] || [ ! -d "$1/models/stories260k" ]; then
  echo "usage: scripts/real-input.sh SHARED [OUTPUT]; SHARED must hold models/stories260k and data/ (found: ${1:-nothing})" >&2
  exit 2
fi
shared=$(cd "$1" && pwd)
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
output=${2:-runs/real-input}
zephyr=scripts/zephyr
common=(--torch_dtype float32 --device cpu --seed 42 --overwrite_output_dir true --resume never --save_strategy no --logging_steps 10)

# The first and the last evaluation line of a run, one metric a line.
before_after() {
  grep eval_loss "$output/$1/metrics.jsonl" | sed -n '1p;$p' | tr -d '{}"' | awk -F, -v stage="$1" '
    { for (i = 1; i <= NF; i++) { split($i, pair, ":"); if (pair[1] ~ /^eval_/) { if (NR == 1) { order[++n] = pair[1]; before[pair[1]] = pair[2] } after[pair[1]] = pair[2] } } }
    END { printf "\n%-4s %-28s %12s %12s\n", stage, "held-out rows", "before", "after"; for (i = 1; i <= n; i++) printf "     %-28s %12.4f %12.4f\n", substr(order[i], 6), before[order[i]], after[order[i]] }'
}

$zephyr sft "${common[@]}" --model_name_or_path "$shared/models/stories260k" --dataset "$shared/data/sft/capybara_test.parquet" \
  --eval_fraction 0.2 --max_seq_length 512 --packing false --num_train_epochs 3 --per_device_train_batch_size 4 \
  --learning_rate 1e-3 --lr_scheduler_type cosine --warmup_ratio 0.1 --eval_strategy epoch --output_dir "$output/sft"
$zephyr aif --feedback "$shared/data/feedback/alpaca_eval_gpt4turbo_300x8.jsonl" --score score --rejected random_lower --ties drop \
  --test_fraction 0.15 --seed 42 --overwrite_output_dir true --output_dir "$output/aif"
$zephyr dpo "${common[@]}" --model_name_or_path "$output/sft" --dataset "$output/aif/train_prefs.parquet" --eval_dataset "$output/aif/test_prefs.parquet" \
  --beta 0.1 --max_length 512 --max_prompt_length 256 --num_train_epochs 2 --per_device_train_batch_size 4 \
  --learning_rate 1e-5 --lr_scheduler_type linear --warmup_ratio 0.1 --eval_strategy epoch --output_dir "$output/dpo"

before_after sft
before_after dpo
printf '\nUltraFeedback pairs that no stage has seen, aligned model against its SFT model:\n'
$zephyr eval --model "$output/dpo" --ref_model "$output/sft" --pairs "$shared/data/preference/ultrafeedback_trl_eval_200.jsonl" \
  --beta 0.1 --max_length 512 --max_prompt_length 256
for model in "$shared/models/stories260k" "$output/sft" "$output/dpo"; do
  printf '\n%s answers "Tell me a story about a dog.":\n' "$(basename "$model")"
  $zephyr generate --model "$model" --prompt "Tell me a story about a dog." --temperature 0 --max_new_tokens 80
done
