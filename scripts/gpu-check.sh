#!/usr/bin/env bash
# What a person with a GPU runs once and reads: does this machine's libtorch serve, are the numbers those of transformers and TRL, how fast is a 7B model, how much memory does it take.
#   gpu-check.sh [--pairs FILE] [--peer PEER.PY] [--python COMMAND] [--device cuda:N] [--golden DIR] [--out DIR] [--minutes N] [--cpu]
# From the unpacked package (scripts/package.sh), which needs no .NET, or from a checkout. Under ten minutes; what does not fit them is left out by name.
#   --pairs    JSON Lines of {"prompt_ids", "chosen_ids", "rejected_ids"} under a vocabulary of 32000: the lengths of real rows. Without it there are no speeds.
#   --peer     a script that takes "sft|dpo --pairs FILE --size mistral7b --device cuda --pure-bf16 --grad-checkpoint --warm N --steps N" and prints tokens_per_s, pairs_per_s and peak_mib
#              as JSON: transformers on the same ids. PEER_FLAGS in the environment takes the place of those flags, PEER_PAIRS of the file.
#   --cpu      the same with small sizes, to see that everything is there
# Leaves DIR/gpu-check.json and every command's output beside it; exit code 1 where a check failed.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -x "$here/zephyr" ] && [ -d "$here/golden" ]; then zephyr=$here/zephyr golden=$here/golden; else zephyr=$here/zephyr golden=$here/../tests/Zephyr.Tests/Golden/model; fi
export CUDA_DEVICE_ORDER=PCI_BUS_ID # As nvidia-smi counts.
device=cuda pairs='' peer='' python=python3 out='' minutes=10 cpu=''
while [ $# -gt 0 ]; do
  case $1 in
    --cpu) cpu=1 device=cpu; shift; continue ;;
    --pairs | --peer | --python | --device | --golden | --out | --minutes) [ $# -gt 1 ] || { echo "gpu-check.sh: $1 needs a value" >&2; exit 2; } ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "gpu-check.sh: $1: unknown option; --help lists them" >&2; exit 2 ;;
  esac
  printf -v "${1#--}" %s "$2"
  shift 2
done
for name in pairs peer; do [ -z "${!name}" ] || [ -e "${!name}" ] || [ -n "${PEER_PAIRS:-}" ] || { echo "gpu-check.sh: --$name ${!name}: there is no such file" >&2; exit 2; }; done
out=${out:-gpu-check}
mkdir -p "$out" || exit 2
end=$((SECONDS + minutes * 60))
rows=$out/rows.tsv
: >"$rows"
: >"$out/results.json"
failed=0
peak_words='the dense bf16 rate of the card'
memory_words='peak MiB is what the process took of the device above what was in use before (of the peer: what its allocator handed out at most), nvidia-smi the most in use on the
card meanwhile, plan MiB what zephyr plan counts for the same rows, the CUDA context included, so that it stands beside what nvidia-smi says.'

# --- what a command came to -----------------------------------------------------------------------------------------------------------------------------------------------------
number() { sed -n "s/.*\"$1\": *\(-\{0,1\}[0-9][0-9.eE+-]*\).*/\1/p" "$out/$2.json" 2>/dev/null | tail -n 1; } # Of a document on one line.
text() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$out/$2.json" 2>/dev/null | tail -n 1; }
last_word() { tail -n 1 "$out/$1.log" 2>/dev/null | cut -c1-300; }
row() { printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$@" >>"$rows"; } # what, result, tokens/s, pairs/s, MFU, peak MiB, by nvidia-smi, plan
keep() { # The command's own document, under its name.
  [ -s "$out/$1.json" ] && printf '%s  {"name": "%s", "smi_peak_mib": %s, "plan_mib": %s, "result": %s}' "$([ -s "$out/results.json" ] && echo ,$'\n')" "$1" "${2:-null}" "${3:-null}" \
    "$(tail -n 1 "$out/$1.json")" >>"$out/results.json"
}

# Runs a command for at most what is left of the time, its result in NAME.json, its words in NAME.log. The exit code is the command's; 124 where the time was up.
run() {
  local name=$1 left=$((end - SECONDS))
  shift
  [ "$left" -gt 5 ] || return 124
  echo "== $name: $*" >&2
  printf '%s\n' "$*" >"$out/$name.command"
  watch_memory "$name" &
  local watcher=$! rc=0
  timeout -k 10 "$left" "$@" >"$out/$name.json" 2>"$out/$name.log" || rc=$?
  kill "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
  return "$rc"
}

# The most that nvidia-smi saw in use on the card: the same measure for everybody.
watch_memory() {
  [ "${device#cuda}" != "$device" ] && command -v nvidia-smi >/dev/null || exit 0
  trap 'exit 0' TERM
  local index=${device#cuda} most=0 now
  index=${index#:}
  index=${index:-0}
  # The number is one among those that this process may see.
  [ -z "${CUDA_VISIBLE_DEVICES:-}" ] || index=$(echo "$CUDA_VISIBLE_DEVICES" | cut -d, -f$((index + 1)))
  while :; do
    now=$(nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits -i "$index" 2>/dev/null) || exit 0
    [ "${now:-0}" -gt "$most" ] 2>/dev/null && most=$now && echo "$most" >"$out/$1.smi"
    sleep 0.2
  done
}
smi() { cat "$out/$1.smi" 2>/dev/null || true; }

why() { # An exit code in words.
  case $1 in
    124 | 137) echo "no time left" ;;
    0) echo ok ;;
    *) [ "$1" -gt 128 ] && echo "died of signal $(($1 - 128)); $(last_word "$2")" || echo "failed: $(last_word "$2")" ;;
  esac
}

# --- 1: does this machine serve --------------------------------------------------------------------------------------------------------------------------------------------------
finish() {
  local total="$((SECONDS / 60)) min $((SECONDS % 60)) s"
  {
    printf '{"device": "%s", "gpu": "%s", "seconds": %d, "failed": %d, "rows": [\n' "$device" "${gpu:-}" "$SECONDS" "$failed"
    awk -F'\t' 'function q(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
      function n(s) { return s == "" ? "null" : s }
      { printf "%s  {\"what\": %s, \"result\": %s, \"tokens_per_s\": %s, \"pairs_per_s\": %s, \"mfu\": %s, \"peak_mib\": %s, \"smi_peak_mib\": %s, \"plan_mib\": %s}", (NR > 1 ? ",\n" : ""), q($1), q($2), n($3), n($4), n($5), n($6), n($7), n($8) }
      END { print "" }' "$rows"
    printf '], "results": [\n'
    cat "$out/results.json"
    printf '\n]}\n'
  } >"$out/gpu-check.json"
  echo
  { printf 'what\tresult\ttokens/s\tpairs/s\tMFU\tpeak MiB\tnvidia-smi\tplan MiB\n'; cat "$rows"; } | awk -F'\t' '
    { for (i = 1; i <= 8; i++) { cell[NR, i] = i == 2 && length($i) > 160 ? substr($i, 1, 157) "..." : $i; if (length(cell[NR, i]) > width[i]) width[i] = length(cell[NR, i]) } }
    END { for (r = 1; r <= NR; r++) { for (i = 1; i <= 8; i++) printf (i < 3 ? "%-" width[i] "s  " : "%" width[i] "s  "), cell[r, i]; print "" } }'
  cat <<WORDS

MFU is the model's operations a second over $peak_words. The model's operations are the multiplications and additions of its matrix products that the rows cannot do
without: linear maps of every token, each query with the keys it sees, labelled rows with the vocabulary; forward once, backward twice, and DPO's reference forward once where it is part of the
step. Recomputation is not counted. Tokens are real ones: a pair's prompt counts with both answers. $memory_words
$total; $out/gpu-check.json holds all of it.
WORDS
  exit "$((failed > 0))"
}

"$zephyr" --version >"$out/version" 2>/dev/null # From a checkout this builds it now, not on the clock.
run doctor "$zephyr" doctor --device "$device" --json || rc=$?
if [ "${rc:-0}" -ne 0 ]; then
  found=$(sed 's/{"what"/\n&/g' "$out/doctor.json" | sed -n 's/.*"remark":"\(.*\)","is_problem":true.*/\1/p' | head -n 1)
  row "libtorch and device" "does not serve: ${found:-$(why "$rc" doctor)}" '' '' '' '' '' ''
  row "" "what serves: $python -m pip install --target torch210 'torch==2.10.*'; export ZEPHYR_LIBTORCH=\$PWD/torch210/torch/lib" '' '' '' '' '' ''
  printf '\n%s\n' "${found:-$(why "$rc" doctor)}"
  failed=1
  keep doctor
  finish
fi
sed 's/{"what"/\n&/g' "$out/doctor.json" | sed -n 's/.*"what":"\([^"]*\)","found":"\([^"]*\)","remark":"\([^"]*\)".*/\1: \2 \3/p' >&2
gpu=$(sed -n 's/.*"devices":\[{[^]]*"name":"\([^"]*\)".*/\1/p' "$out/doctor.json")
total=$(sed -n 's/.*"devices":\[{[^]]*"total_bytes":\([0-9]*\).*/\1/p' "$out/doctor.json")
gib=$((${total:-0} / 1073741824))
row "libtorch and device" "ok: libtorch $(sed -n 's/.*"libtorch":{"version":"\([^"]*\)".*/\1/p' "$out/doctor.json"), ${gpu:-$device}" '' '' '' '' '' ''
row "flash attention" "$(sed 's/{"what"/\n&/g' "$out/doctor.json" | sed -n 's/.*"what":"flash attention","found":"\([^"]*\)","remark":"\([^"]*\)".*/\1: \2/p')" '' '' '' '' '' ''
keep doctor

# --- 2: golden numbers, and operations beside the CPU's -----------------------------------------------------------------------------------------------------------------------------------------------------------
rc=0
run golden "$zephyr" doctor --device "$device" --golden "$golden" --json || rc=$?
sed 's/.*"golden"://; s/{"what"/\n&/g' "$out/golden.json" | grep '"what"' >"$out/golden.rows"
for kind in '"dtype":"fp32","attention":"sdpa"' '"dtype":"bf16","attention":"sdpa"' '"dtype":"bf16","attention":"flash_attention_2"'; do
  all=$(grep -c "$kind" "$out/golden.rows")
  [ "$all" -gt 0 ] || continue
  good=$(grep "$kind" "$out/golden.rows" | grep -c '"holds":true')
  worst=$(grep "$kind" "$out/golden.rows" | sed 's/.*"difference":\([^,]*\),"bound":\([^,]*\),.*/\1 \2/p' | awk '{ if ($1 / $2 > most) most = $1 / $2 } END { printf "%.2f", most }')
  row "golden $(echo "$kind" | sed 's/"[a-z]*":"\([^"]*\)"/\1/g; s/,/, /')" "$good of $all within bounds; the worst takes $worst of its bound" '' '' '' '' '' ''
done
sed 's/.*"operations"://; s/"golden":.*//; s/{"what"/\n&/g' "$out/golden.json" | grep '"what"' >"$out/operations.rows"
if [ -s "$out/operations.rows" ]; then row "operations beside the CPU's" "$(grep -c '"holds":true' "$out/operations.rows") of $(grep -c . "$out/operations.rows") agree" '' '' '' '' '' ''; fi
grep '"holds":false' "$out/operations.rows" | sed 's/.*"what":"\([^"]*\)","difference":\([^,]*\),"bound":\([^,]*\),"problem":\(.*\),"holds".*/\1: \2, at most \3 \4/; s/ null$//' >"$out/operations.failed"
while IFS= read -r line; do row "  FAILED" "$line" '' '' '' '' '' ''; done <"$out/operations.failed"
grep '"holds":false' "$out/golden.rows" | sed 's/.*"what":"\([^"]*\)","window":"\([^"]*\)","dtype":"\([^"]*\)","attention":"\([^"]*\)","difference":\([^,]*\),"bound":\([^,]*\),"problem":\(.*\),"holds".*/\1 (\2, \3, \4): \5, at most \6 \7/; s/ null$//' >"$out/golden.failed"
while IFS= read -r line; do row "  FAILED" "$line" '' '' '' '' '' ''; done <"$out/golden.failed"
if [ ! -s "$out/golden.rows" ]; then row "golden" "$(why "$rc" golden)" '' '' '' '' '' ''; fi
[ "$rc" -eq 0 ] || failed=$((failed + 1))
keep golden

# --- 3: the tiny pipeline --------------------------------------------------------------------------------------------------------------------------------------------------------
rc=0
rm -rf "$out/tiny"
run tiny "$zephyr" demo --device "$device" --output_dir "$out/tiny" || rc=$?
if [ "$rc" -eq 0 ]; then
  # A metric of the first or last line that has it.
  of() { grep "\"$2\"" "$out/tiny/$1/metrics.jsonl" | sed -n "${3}p" | tr -d '{}"' | tr ',' '\n' | awk -F: -v key="$2" '$1 == key { print $2 }'; }
  words=$(printf 'sft loss %.4f -> %.4f, dpo accuracy %.4f' "$(of sft eval_loss 1)" "$(of sft eval_loss '$')" "$(of dpo eval_rewards/accuracies '$')")
  # What .ci/run asks of the demo.
  if awk -v before="$(of sft eval_loss 1)" -v after="$(of sft eval_loss '$')" -v accuracy="$(of dpo eval_rewards/accuracies '$')" 'BEGIN { exit !(after <= 0.7 * before && accuracy >= 0.75) }'
  then row "tiny pipeline" "ok: $words" '' '' '' '' '' ''; else row "tiny pipeline" "FAILED: $words" '' '' '' '' '' ''; failed=$((failed + 1)); fi
else
  row "tiny pipeline" "$(why "$rc" tiny)" '' '' '' '' '' ''
  failed=$((failed + 1))
fi
rm -f "$out/tiny.json" # A table; its numbers are in tiny/.

# --- 4: speeds -------------------------------------------------------------------------------------------------------------------------------------------------------------------
if [ -z "$pairs" ]; then
  row "7B steps" "left out: give --pairs" '' '' '' '' '' ''
  finish
fi
if [ -n "$cpu" ]; then
  size=bench58m small=bench58m warm=1 peer_warm=0 steps=1 block=256 common=(--device cpu --bf16 true) peak_words='the dense bf16 rate of the card (none is known of a CPU)'
  memory_words='peak MiB is the most that the process had resident, plan MiB what zephyr plan counts for the same rows, the program included.'
  PEER_FLAGS=${PEER_FLAGS:---size bench58m --device cpu --dtype bf16}
else
  size=mistral7b small=mistral7b-8layers warm=1 peer_warm=1 steps=3 block=2048 common=(--device "$device" --bf16 true --gradient_checkpointing true)
  peak_words="the published dense bf16 rate of the $gpu"
  PEER_FLAGS=${PEER_FLAGS:---size mistral7b --device cuda --pure-bf16 --grad-checkpoint}
fi

# What zephyr plan says that the options of a benchmark take on a card of this size: "fits MIB" or "too-large MIB"; nothing where it says nothing. Pairs count as long as they may be.
planned() {
  local name=$1 bytes
  shift
  "$zephyr" plan "$@" --device_memory "${gib}GiB" --json >"$out/$name.plan.json" 2>"$out/$name.plan.log"
  bytes=$(sed -n 's/.*"total_bytes":\([0-9]*\).*/\1/p' "$out/$name.plan.json")
  [ -z "$bytes" ] || echo "$(grep -q '"fits":true,"advice"' "$out/$name.plan.json" && echo fits || echo too-large) $((bytes / 1048576))"
}

# bench NAME WHAT STAGE OPTIONS...: a row, where by count the card has room. The plan's column is what the benchmark's own document says of the rows that it ran.
bench() {
  local name=$1 what=$2 stage=$3 rc=0 plan verdict
  shift 3
  if [ -z "$cpu" ]; then
    read -r verdict plan <<<"$(planned "$name" "$stage" "${common[@]}" "$@")"
    if [ "$verdict" = too-large ]; then row "$what" "left out: takes $((plan / 1024)) GiB by count, the card has $gib" '' '' '' '' '' "$plan"; return; fi
  fi
  run "$name" "$zephyr" bench "$stage" --pairs "$pairs" --warm "$warm" --steps "$steps" "${common[@]}" "$@" --json || rc=$?
  if [ "$rc" -ne 0 ]; then
    row "$what" "$(why "$rc" "$name")" '' '' '' '' '' "${plan:-}"
    [ "$rc" -eq 124 ] || failed=$((failed + 1))
    return
  fi
  plan=$(number planned_total_mib "$name")
  local words="ok"
  [ -n "$(number matmul_share "$name")" ] && words="ok; $(number matmul_share "$name") of the rate measured on its own shapes"
  row "$what" "$words" "$(number tokens_per_s "$name")" "$([ "$stage" = dpo ] && number pairs_per_s "$name")" "$(number mfu "$name")" \
    "$(number "$([ -n "$cpu" ] && echo peak_mib || echo device_peak_mib)" "$name")" "$(smi "$name")" "$plan"
  keep "$name" "$(smi "$name")" "$plan"
}

of_peer() {
  local name=$1 what=$2 stage=$3 rc=0
  shift 3
  [ -n "$peer" ] || return 0
  # shellcheck disable=SC2086 # Words of a command line.
  run "$name" $python "$peer" "$stage" --pairs "${PEER_PAIRS:-$pairs}" --warm "$peer_warm" --steps "$steps" $PEER_FLAGS "$@" || rc=$?
  if [ "$rc" -ne 0 ]; then row "$what" "$(why "$rc" "$name")" '' '' '' '' '' ''; return; fi
  row "$what" "ok: torch $(text torch "$name")" "$(number tokens_per_s "$name")" "$([ "$stage" = dpo ] && number pairs_per_s "$name")" '' "$(number peak_mib "$name")" "$(smi "$name")" ''
  keep "$name" "$(smi "$name")"
}

dpo=(dpo --size "$size" --per_device_train_batch_size 4)
sft=(sft --size "$size" --per_device_train_batch_size 4)
lora=(--use_peft true --lora_r 64 --lora_alpha 64 --lora_target_modules all-linear)
qlora=("${lora[@]}" --load_in_4bit true --use_bnb_nested_quant true)
bench sft_peer "sft, 4 x 512, full" "${sft[@]}" --max_seq_length 512
of_peer peer_sft "  transformers, the same rows" sft --rows 4 --block 512
bench dpo_cached "dpo, 4 pairs, shared prompt, cached reference, full" "${dpo[@]}" --pair_layout shared_prefix --reference cached
bench dpo_moments "  the same, moments in bf16" "${dpo[@]}" --pair_layout shared_prefix --reference cached --optim_state_dtype bfloat16
bench dpo_frozen "dpo, 4 pairs, four passes, state on the host, full" "${dpo[@]}" --optim_state_device host
of_peer peer_dpo "  transformers, the same pairs" dpo --rows 4
bench sft_lora "sft, 4 x $block, LoRA r 64" "${sft[@]}" --max_seq_length "$block" "${lora[@]}"
bench dpo_lora "dpo, 4 pairs, shared prompt, LoRA, adapter off as reference" "${dpo[@]}" --pair_layout shared_prefix --reference adapter "${lora[@]}"
bench sft_qlora "sft, 4 x $block, QLoRA r 64" "${sft[@]}" --max_seq_length "$block" "${qlora[@]}"
bench dpo_qlora "dpo, 4 pairs, shared prompt, QLoRA, adapter off as reference" "${dpo[@]}" --pair_layout shared_prefix --reference adapter "${qlora[@]}"
bench sft_long "sft, 4 x $block, full" "${sft[@]}" --max_seq_length "$block"
bench sft_layers "sft, 4 x $block, full, $small" sft --size "$small" --per_device_train_batch_size 4 --max_seq_length "$block"
bench dpo_layers "dpo, 4 pairs, shared prompt, frozen reference, full, $small" dpo --size "$small" --per_device_train_batch_size 4 --pair_layout shared_prefix
bench dpo_layers_sdpa "  the same, attention sequence by sequence" dpo --size "$small" --per_device_train_batch_size 4 --pair_layout shared_prefix --attn_implementation sdpa
finish
