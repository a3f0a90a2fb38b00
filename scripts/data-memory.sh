#!/usr/bin/env bash
# What the number of rows costs in memory and time: the same short synthetic rows, 20,000 and 200,000 of them, through two steps of sft and dpo; a first run,
# which tokenizes, and a second one, which finds its rows. The model is a demo's: scripts/data-memory.sh runs/demo [ROWS...]
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
demo=$(readlink -f -- "${1:?the folder of a demo (scripts/zephyr demo), please}")
shift
[ $# -gt 0 ] || set -- 20000 200000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

rows() { # STAGE COUNT
  awk -v stage="$1" -v count="$2" 'BEGIN {
    n = split("the oak river bread keeps fresh in a cool dry place and old people say that stars shine when night comes over hills with quiet rain", word, " ")
    srand(7)
    for (i = 0; i < count; i++) {
      q = "Question " i ":" text(12) "?"; a = text(20 + int(rand() * 60)); b = text(20 + int(rand() * 60))
      if (stage == "sft") printf "{\"messages\": [{\"role\": \"user\", \"content\": \"%s\"}, {\"role\": \"assistant\", \"content\": \"%s\"}]}\n", q, a
      else printf "{\"prompt\": \"%s\", \"chosen\": \"%s\", \"rejected\": \"%s\"}\n", q, a, b
    }
  }
  function text(length_, t) { t = ""; while (length_-- > 0) t = t " " word[1 + int(rand() * n)]; return t }'
}

# The highest VmHWM that was seen: it only grows, so no more than the last 20 ms can be missing.
peak() { # COMMAND...
  local start=$EPOCHREALTIME seen=0 now
  "$@" >/dev/null 2>"$work/error" &
  local pid=$!
  while now=$(awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do seen=$now; sleep 0.02; done
  wait "$pid" || { cat "$work/error" >&2; return 1; }
  printf '%5d MiB %6.2f s' "$seen" "$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')"
}

"$root/scripts/zephyr" --version >/dev/null
program=$root/artifacts/bin/Zephyr.Cli/release_linux-x64/zephyr
[ -n "${DOTNET_ROOT:-}" ] || export DOTNET_ROOT=$(dirname -- "$(readlink -f -- "$(command -v dotnet)")")
printf '%-28s %10s   %-20s %-20s\n' what rows first second
for stage in sft "sft --packing true" "sft --packing true --packing_strategy bfd" dpo; do
  for count in "$@"; do
    file=$work/${stage%% *}-$count.jsonl
    [ -e "$file" ] || rows "${stage%% *}" "$count" >"$file"
    run=("$program" $stage --model_name_or_path "$demo/base" --dataset "$file" --max_length 256 --max_steps 2 --save_strategy no --device cpu
      --dataset_cache_dir "$work/cache" --output_dir "$work/out" --overwrite_output_dir true)
    [ "$stage" != dpo ] || run+=(--max_prompt_length 128)
    printf '%-28s %10d   %-20s %-20s\n' "${stage/--packing_strategy /}" "$count" "$(peak "${run[@]}")" "$(peak "${run[@]}")"
  done
done
