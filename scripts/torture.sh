#!/usr/bin/env bash
# Breaks runs and shows that nothing comes of it: tiny sft and dpo runs are ended with kill -9 at random moments (writing checkpoints included, as there is one every
# second step) and started again with the same command, until they are done; metrics.jsonl and model.safetensors must then be those of the run that nobody touched,
# bit for bit. That run is made twice: the same seed must give the same bytes. Then the disk is full, by a limit on the size of files and, where mounting is
# allowed, on a small tmpfs: exit code 1, one sentence, no file half written, and with room again the same command goes on to the same bytes.
#   scripts/torture.sh [--short] [--kills N] [--seed S]        60 kills in all; --short: 8
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
kills=60 RANDOM=1 short=
while [ $# -gt 0 ]; do
  case $1 in
    --short) short=yes kills=8 ;;
    --kills) kills=${2:?--kills needs a number} && shift ;;
    --seed) RANDOM=${2:?--seed needs a number} && shift ;;
    *) echo "torture.sh: found $1, expected --short, --kills N or --seed S" >&2 && exit 2 ;;
  esac
  shift
done

work=$(mktemp -d)
mounted=
trap '[ -z "$mounted" ] || umount "$work/disk"; rm -rf "$work"' EXIT
fail() { echo "torture: $*" >&2; exit 1; }

"$root/scripts/zephyr" --version >/dev/null
program=$root/artifacts/bin/Zephyr.Cli/release_linux-x64/zephyr
[ -n "${DOTNET_ROOT:-}" ] || export DOTNET_ROOT=$(dirname -- "$(readlink -f -- "$(command -v dotnet)")")
# Sums of several threads have one order only if there is one thread. A run is short: what is measured is not speed.
export OMP_NUM_THREADS=1

# The demo's base model and data, made by the demo and no more of it.
"$program" demo --output_dir "$work/demo" >/dev/null 2>&1 &
demo=$!
until [ -s "$work/demo/sft/run.json" ] || ! kill -0 $demo 2>/dev/null; do sleep 0.1; done
kill -9 $demo 2>/dev/null || true
wait $demo 2>/dev/null || true
[ -s "$work/demo/base/model.safetensors" ] || fail "the demo made no base model"
# Pairs out of scored answers.
"$program" aif --feedback "$work/demo/data/feedback.jsonl" --output_dir "$work/aif" >/dev/null 2>&1

steps=12
start() { # STAGE OUTPUT_DIR [KEYS...]: the process that bash waits for is the program itself
  local stage=$1 out=$2
  shift 2
  local data=$work/demo/data/dialogues_train.jsonl
  [ "$stage" = sft ] || data=$work/aif/train_prefs.jsonl
  exec "$program" "$stage" --model_name_or_path "$work/demo/base" --dataset "$data" --output_dir "$out" --dataset_cache_dir "$work/cache" --device cpu \
    --max_length 96 --per_device_train_batch_size 2 --gradient_accumulation_steps 2 --learning_rate 1e-3 --max_steps $steps --logging_steps 1 \
    --eval_fraction 0.02 --eval_steps 5 --eval_strategy steps --save_steps 2 --save_total_limit 2 --quiet "$@"
}
same() { # EXPECTED ACTUAL WHAT
  local file
  for file in metrics.jsonl model.safetensors; do
    cmp -s "$1/$file" "$2/$file" || { cp -r "$1" "$2" "${TORTURE_KEEP:-$work}" 2>/dev/null || true; fail "$file differs $3"; }
  done
}
milliseconds() { local now=${EPOCHREALTIME/./}; echo $((now / 1000)); }

declare -A keys=([sft]="--packing true --packing_strategy bfd" [dpo]="--max_prompt_length 48 --pair_layout shared_prefix")
killed=0 resumed=0 writing=0
for stage in sft dpo; do
  read -ra more <<<"${keys[$stage]}"
  ref=$work/$stage-whole
  (start "$stage" "$ref" "${more[@]}") || fail "the undisturbed $stage run failed"
  before=$(milliseconds)
  (start "$stage" "$work/$stage-again" "${more[@]}") || fail "the second undisturbed $stage run failed"
  takes=$(($(milliseconds) - before))
  same "$ref" "$work/$stage-again" "between two undisturbed $stage runs"
  echo "torture: two undisturbed $stage runs of $steps steps ($takes ms) have the same bytes"

  out=$work/$stage-killed want=$((kills / 2)) done_here=0 round=0
  while [ $done_here -lt $want ]; do
    # Every round is a run of its own, ended a few times on its way.
    round=$((round + 1)) ended=0
    rm -rf "$out"
    while [ ! -e "$out/model.safetensors" ]; do
      start "$stage" "$out" "${more[@]}" 2>"$work/error" &
      pid=$!
      # Any moment from the first on, a little behind the usual end too; after enough kills the run may finish.
      if [ $done_here -lt $want ]; then
        wait_ms=$((RANDOM % (takes + takes / 10)))
        # Starting takes more than half of it: two in three are for the steps.
        [ $((RANDOM % 3)) -eq 0 ] || wait_ms=$((takes / 2 + wait_ms / 2))
        sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
        kill -9 $pid 2>/dev/null || true
      fi
      code=0
      wait $pid 2>/dev/null || code=$?
      case $code in
        0) ;;
        137)
          killed=$((killed + 1)) done_here=$((done_here + 1)) ended=$((ended + 1))
          ! compgen -G "$out/*.tmp" >/dev/null || writing=$((writing + 1)) ;;
        *) cat "$work/error" >&2 && fail "$stage ended with code $code in round $round" ;;
      esac
    done
    [ $ended -eq 0 ] || resumed=$((resumed + 1))
    same "$ref" "$out" "after $ended kills of $stage in round $round"
    ! find "$out" -name '*.tmp' -path '*checkpoint*' | grep -q . || fail "a half-written checkpoint is left after round $round"
    "$program" inspect checkpoint "$out" >/dev/null || fail "a checkpoint of $stage is not whole after round $round"
  done
done
echo "torture: $killed kills in $resumed runs, $writing of them while a checkpoint or the model was being written, each gone on with by the same command, all to the same bytes"

full() { # STAGE OUTPUT_DIR WHAT: what a disk that is full must leave
  local code=0
  wait $! || code=$?
  [ $code -eq 1 ] || { cat "$work/error" >&2; fail "$3: exit code $code, expected 1"; }
  [ "$(grep -c . "$work/error")" -eq 1 ] || { cat "$work/error" >&2; fail "$3: expected one sentence"; }
  ! find "$2" -name '*.tmp' | grep -q . || fail "$3: something half written is left: $(find "$2" -name '*.tmp')"
  [ ! -e "$2/model.safetensors" ] || fail "$3: a model stands there"
  echo "torture: $3: $(cut -c1-200 "$work/error" | sed "s|$work/||g")"
}
for stage in sft dpo; do
  read -ra more <<<"${keys[$stage]}"
  ref=$work/$stage-whole out=$work/$stage-limited
  size=$(stat -c %s "$ref/model.safetensors")
  # A limit between the model's size and the optimizer's: the checkpoint breaks off within the second file. In KiB, as ulimit counts.
  # (.NET keeps compiled code in a file of its own, in memory, which is over any such limit; the variable does without.)
  (export DOTNET_EnableWriteXorExecute=0 && ulimit -f $((size / 1024 + 64)) && start "$stage" "$out" "${more[@]}") 2>"$work/error" &
  full "$stage" "$out" "a limit on files, $stage"
  (start "$stage" "$out" "${more[@]}") || fail "$stage does not go on after the limit"
  same "$ref" "$out" "after a limit on files, $stage"
done

mkdir "$work/disk"
if mount -t tmpfs -o size=1m none "$work/disk" 2>/dev/null; then
  mounted=yes
  for stage in sft dpo; do
    read -ra more <<<"${keys[$stage]}"
    ref=$work/$stage-whole
    one=$(du -sk --apparent-size "$(find "$ref" -maxdepth 1 -name 'checkpoint-*' | head -n 1)" | cut -f1)
    # Room for one checkpoint and a part of the second, or for two (one goes when the third is whole) and more or less of the third.
    for tenths in $([ -n "$short" ] && echo 17 || echo 17 21 26 29); do
      rm -rf "$work/disk/out"
      mount -o "remount,size=$((one * tenths / 10))k" "$work/disk"
      # What the preflight would refuse at once is to happen here in the middle of a checkpoint.
      start "$stage" "$work/disk/out" "${more[@]}" --preflight false 2>"$work/error" &
      full "$stage" "$work/disk/out" "a full disk ($((one * tenths / 10)) KiB), $stage"
      "$program" inspect checkpoint "$work/disk/out" >/dev/null || fail "a checkpoint of $stage is not whole on the full disk"
      mount -o "remount,size=$((one * 10))k" "$work/disk"
      (start "$stage" "$work/disk/out" "${more[@]}" --preflight false) || fail "$stage does not go on after the disk was full"
      same "$ref" "$work/disk/out" "after a full disk, $stage"
    done
  done
else
  echo "torture: no small disk: mounting is not allowed here; the limit on files above stands for it"
fi

if [ -z "$short" ]; then
  for n in 1 2; do "$program" demo --output_dir "$work/demo-$n" >/dev/null 2>&1; done
  for file in sft/model.safetensors sft/metrics.jsonl aif/train_prefs.parquet aif/train_prefs.jsonl aif/audit.json dpo/model.safetensors dpo/metrics.jsonl; do
    cmp "$work/demo-1/$file" "$work/demo-2/$file" || fail "two demos differ"
  done
  echo "torture: two whole demos have the same bytes"
fi
echo "torture: passed"
