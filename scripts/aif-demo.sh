#!/usr/bin/env bash
# aif from prompts over real HTTP, with nothing but this program: `zephyr serve` of a model is the pool and the judge. The run is killed (kill -9) at random moments and started again with
# the same command; then no answered call may have been made twice, and every prompt must end answered or with a reason. The same again with a server that is not ours, where its command is given:
# it must serve OpenAI's interface at 127.0.0.1:PORT, PORT being its argument.
#   scripts/aif-demo.sh MODEL_DIR [--prompts N] [--kills N] [--server NAME 'COMMAND with {port}']
# A model that is too small to judge in form gives no pair: that ends with exit code 1, a sentence with the counts, and a reason for each judgment in failures.jsonl.
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
case ${1:-} in
  -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
  '' | -*) echo "aif-demo.sh: found ${1:-nothing}, expected a model folder first; --help says more" >&2 && exit 2 ;;
esac
model=$1 prompts=24 kills=4 RANDOM=1 name= command=
[ -e "$model/config.json" ] || [ -e "$model/adapter_config.json" ] || { echo "aif-demo.sh: $model holds no model (config.json or adapter_config.json)" >&2; exit 2; }
shift
while [ $# -gt 0 ]; do
  case $1 in
    --kills) kills=${2:?--kills needs a number} && shift ;;
    --prompts) prompts=${2:?--prompts needs a number} && shift ;;
    --server) name=${2:?--server needs a name and a command} command=${3:?--server needs a command} && shift 2 ;;
    *) echo "aif-demo.sh: found $1, expected --prompts N, --kills N or --server NAME COMMAND" >&2 && exit 2 ;;
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
# The built-in rubrics are longer than what a tiny model reads.
mkdir "$work/rubrics"
printf 'A short question.\n=== user\n{{prompt}}\n{{answer}}\nHow good is it? {{code}}\n{{form}}\n' >"$work/rubrics/overall.txt"
printf 'A short correction.\n=== user\n{{problem}}\n{{form}}\n' >"$work/rubrics/correction.txt"
for i in $(seq "$prompts"); do echo "Tell me story $i of a cat and a dog."; done >"$work/prompts.txt"

lines() { [ ! -e "$1" ] && echo 0 || wc -l <"$1"; }

demo() { # NAME PORT MODEL_NAME LOG
  local out=$work/$1 code=0 killed=0 pid before
  local args=(aif --prompts "$work/prompts.txt" --models "http://127.0.0.1:$2/v1#$3" --judge "http://127.0.0.1:$2/v1#$3" --completions_per_prompt 3 --max_new_tokens 48
    --judgments overall --rubrics "$work/rubrics" --stop_after_failures 0 --judge_max_new_tokens 48 --max_reasks 1 --output_dir "$out")
  for _ in $(seq 300); do
    curl -sf "http://127.0.0.1:$2/v1/models" >/dev/null && break
    kill -0 "$server" 2>/dev/null || { tail -n 5 "$4" >&2; fail "$1 ended before it answered at port $2"; }
    sleep 0.2
  done
  "$zephyr" "${args[@]}" --dry-run | grep -E "^# (calls ahead|generate|judge|in all)"
  # Ended without a word after some more calls each time, as long as there are any.
  for _ in $(seq "$kills"); do
    before=$(lines "$out/calls.jsonl")
    "$zephyr" "${args[@]}" --quiet >/dev/null 2>&1 &
    pid=$!
    until [ "$(lines "$out/calls.jsonl")" -gt $((before + RANDOM % prompts)) ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
    ! kill -9 $pid 2>/dev/null || killed=$((killed + 1))
    wait $pid 2>/dev/null || true
    [ ! -e "$out/completions.jsonl" ] || break
  done
  : >"$work/error"
  [ -e "$out/completions.jsonl" ] || {
    "$zephyr" "${args[@]}" >"$work/table" 2>"$work/error" || code=$?
  }
  [ $code -eq 0 ] || { [ $code -eq 1 ] && [ -e "$out/completions.jsonl" ]; } || { cat "$work/error" >&2; fail "$1: exit code $code"; }
  local calls=$(($(wc -l <"$out/calls.jsonl") - 1)) keys rows reasons
  keys=$(tail -n +2 "$out/calls.jsonl" | grep -o '^{"key":"[0-9a-f]*"' | sort -u | wc -l)
  rows=$(wc -l <"$out/completions.jsonl") reasons=$(lines "$out/failures.jsonl")
  [ "$keys" -eq "$calls" ] || fail "$1: $calls calls in the journal are $keys different ones: some were made twice"
  [ "$rows" -eq "$prompts" ] || fail "$1: $prompts prompts became $rows rows"
  echo "aif-demo: $1: killed $killed times on its way to $calls calls, none of them made twice; $rows prompts, $reasons reasons for what could not be had, exit code $code"
  [ "$reasons" -eq 0 ] || { echo "aif-demo: the reasons, shortened:"; sed 's/.*"reason":"//; s/[0-9][0-9]*/N/g' "$out/failures.jsonl" | cut -c1-90 | sort | uniq -c | sort -rn | head -n 6; }
  tail -n 1 "$work/error" | sed "s|$work/||g"
}

"$zephyr" serve --model "$model" --model_name model --port 8391 >"$work/serve.log" 2>&1 &
server=$!
demo zephyr-serve 8391 model "$work/serve.log"
stop
# What the server has answered beyond what the journal has was under way when the run was killed.
answered=$(grep -cE 'POST /v1/chat/completions (200|400)' "$work/serve.log" || true) calls=$(($(wc -l <"$work/zephyr-serve/calls.jsonl") - 1))
[ "$answered" -le $((calls + kills * 32)) ] || fail "the server answered $answered calls for $calls in the journal"
echo "aif-demo: the server answered $answered calls: $((answered - calls)) were under way at a kill and were lost"
if [ -n "$name" ]; then
  bash -c "exec ${command//\{port\}/8392}" >"$work/peer.log" 2>&1 &
  server=$!
  demo "$name" 8392 model "$work/peer.log"
  stop
fi
echo "aif-demo: passed"
