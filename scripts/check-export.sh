#!/usr/bin/env bash
# Does a model folder that Zephyr wrote say the same elsewhere? Loads it with transformers and, through its converter, with llama.cpp,
# and compares keys, token ids, log-probabilities and greedy text with Zephyr's own.
#   scripts/check-export.sh PEER MODEL [PROMPT]
# PEER holds forky/, a root file system with python3-transformers and llama.cpp, and run, which runs a command inside it.
set -euo pipefail
peer=$1 model=$2 prompt=${3:-Once upon a time}
zephyr=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/zephyr
name=check-export-$$
inside=/bench/$name outside=$peer/forky/bench/$name
trap 'rm -rf "$outside"' EXIT
mkdir -p "$outside" && cp -r "$model" "$outside/model"

cat >"$outside/check.py" <<'PYTHON'
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, prompt = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
ids = tokenizer(prompt, return_tensors="pt").input_ids
with torch.no_grad():
    greedy = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False, pad_token_id=0)
    logps = torch.log_softmax(model(greedy).logits[0, :-1].double(), -1).gather(1, greedy[0, 1:, None])[ids.shape[1] - 1:]
odd = ["", " ", " a", "  b", "a</s> b", " </s>", "\n", "<s> x", "é 😀\u3000中", "\t<unk> y", tokenizer.apply_chat_template(
    [{"role": "system", "content": ""}, {"role": "user", "content": " Hi "}], tokenize=False, add_generation_prompt=True)]
json.dump(dict(ids=ids[0].tolist(), completion=greedy[0, ids.shape[1]:].tolist(), logp=logps.sum().item(), odd=[[t, tokenizer(t).input_ids] for t in odd],
               text=tokenizer.decode(greedy[0], skip_special_tokens=True)), open("/bench/out.json", "w"))
PYTHON
"$peer/run" python3 "$inside/check.py" "$inside/model" "$prompt" >/dev/null 2>"$outside/log" || { cat "$outside/log"; exit 1; }
mv "$peer/forky/bench/out.json" "$outside/out.json"
field() { "$peer/run" python3 -c "import json; o = json.load(open('$inside/out.json')); print($1, end='')"; }
same() { if [ "$2" = "$3" ]; then echo "same    $1"; else printf 'DIFFERS %s\n  ours:   %s\n  theirs: %s\n' "$1" "$2" "$3"; failed=1; fi; }
failed=0

ids() { tr -d ' ' | sed -E 's/^\{"ids":(\[[^]]*\]).*/\1/'; }
count=$(field "len(o['odd'])")
for ((i = 0; i < count; i++)); do
  field "o['odd'][$i][0]" >"$outside/text"
  same "ids of odd text $i" "$("$zephyr" tokenize --tokenizer "$model" --text-file "$outside/text" --add_special_tokens --json | ids)" "$(field "o['odd'][$i][1]" | tr -d ' ')"
done
field "json.dumps(dict(prompt_ids=o['ids'], completion_ids=o['completion']))" >"$outside/ids.jsonl"
score=$("$zephyr" score --model "$model" --ids "$outside/ids.jsonl" --json | sed -E 's/.*"sum_logp":([-0-9.Ee]+).*/\1/')
same "log-probability (ours $score)" "$(field "abs($score - o['logp']) <= 1e-5 * abs(o['logp'])")" True
same "greedy text" "$("$zephyr" generate --model "$model" --prompt "$prompt" --raw --temperature 0 --max_new_tokens 40)" "$(field "o['text']")"

"$peer/run" python3 /usr/share/doc/llama.cpp-tools/scripts/convert_hf_to_gguf.py "$inside/model" --outfile "$inside/m.gguf" --outtype f32 >/dev/null 2>"$outside/log" || { tail -5 "$outside/log"; exit 1; }
llama=$("$peer/run" llama-completion -m "$inside/m.gguf" -p "$prompt" -n 40 --temp 0 -no-cnv </dev/null 2>/dev/null | sed 's/^ //; s/ *\[end of text\]$//')
same "greedy text of llama.cpp" "$("$zephyr" generate --model "$model" --prompt "$prompt" --raw --temperature 0 --max_new_tokens 40)" "$llama"
exit $failed
