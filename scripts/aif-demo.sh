#!/usr/bin/env bash
# aif from prompts over real HTTP, with nothing but this program: `zephyr serve` of a model is the pool and the judge. The run is killed half way (kill -9) and started again with the same
# command; then no answered call may have been made twice, and every prompt must end answered or with a reason. The same again with a server that is not ours, where its command is given:
# it must serve OpenAI's interface at 127.0.0.1:PORT, PORT being its argument.
#   scripts/aif-demo.sh MODEL_DIR [--prompts N] [--server NAME 'COMMAND with {port}']
# A model that is too small to judge in form gives no pair: that ends with exit code 1, a sentence with the counts, and a reason for each judgment in failures.jsonl.
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
model=${1:?aif-demo.sh needs a model folder} prompts=24 name= command=
shift
while [ $# -gt 0 ]; do
  case $1 in
    --prompts) prompts=${2:?--prompts needs a number} && shift ;;
    --server) name=${2:?--server needs a name and a command} command=${3:?--server needs a command} && shift 2 ;;
    *) echo "aif-demo.sh: found $1, expected --prompts N or --server NAME COMMAND" >&2 && exit 2 ;;
  esac
  shift
done
"$root/scripts/zephyr" --version >/dev/null
zephyr=$root/artifacts/bin/Zephyr.Cli/release_linux-x64/zephyr
[ -n "${DOTNET_ROOT:-}" ] || export DOTNET_ROOT=$(dirname -- "$(readlink -f -- "$(command -v dotnet)")")
work=$(mktemp -d) server=
stop() { [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; server=; }; }
trap 'stop; rm -rf "$work"' EXIT
fail() { echo "aif-demo: $*" >&2; exit 1; }
for i in $(seq "$prompts"); do echo "Tell me story $i of a cat and a dog."; done >"$work/prompts.txt"

demo() { # NAME PORT MODEL_NAME
  local out=$work/$1 code=0 pid lines
  local args=(aif --prompts "$work/prompts.txt" --models "http://127.0.0.1:$2/v1#$3" --judge "http://127.0.0.1:$2/v1#$3" --completions_per_prompt 3 --max_new_tokens 48
    --judgments overall --judge_max_new_tokens 48 --max_reasks 1 --output_dir "$out")
  for _ in $(seq 300); do curl -sf "http://127.0.0.1:$2/v1/models" >/dev/null && break; sleep 0.2; done
  "$zephyr" "${args[@]}" --dry-run | grep -E "^# (calls ahead|generate|judge|in all)"
  "$zephyr" "${args[@]}" --quiet >/dev/null 2>&1 &
  pid=$!
  until [ "$(wc -l <"$out/calls.jsonl" 2>/dev/null || echo 0)" -gt $((prompts * 2)) ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  lines=$(($(wc -l <"$out/calls.jsonl") - 1))
  "$zephyr" "${args[@]}" >"$work/table" 2>"$work/error" || code=$?
  [ $code -le 1 ] || { cat "$work/error" >&2; fail "$1: exit code $code"; }
  local calls=$(($(wc -l <"$out/calls.jsonl") - 1)) keys rows reasons
  keys=$(tail -n +2 "$out/calls.jsonl" | grep -o '^{"key":"[0-9a-f]*"' | sort -u | wc -l)
  rows=$(wc -l <"$out/completions.jsonl") reasons=$(cat "$out/failures.jsonl" 2>/dev/null | wc -l)
  [ "$keys" -eq "$calls" ] || fail "$1: $calls calls in the journal are $keys different ones: some were made twice"
  [ "$rows" -eq "$prompts" ] || fail "$1: $prompts prompts became $rows rows"
  echo "aif-demo: $1: killed after $lines calls, gone on to $calls, none twice; $rows prompts, $reasons reasons for what could not be had, exit code $code"
  tail -n 1 "$work/error" | sed "s|$work/||g"
}

"$zephyr" serve --model "$model" --model_name model --port 8391 --quiet 2>"$work/serve.log" &
server=$!
demo zephyr-serve 8391 model
stop
if [ -n "$name" ]; then
  bash -c "exec ${command//\{port\}/8392}" >"$work/peer.log" 2>&1 &
  server=$!
  demo "$name" 8392 model
  stop
fi
echo "aif-demo: passed"
