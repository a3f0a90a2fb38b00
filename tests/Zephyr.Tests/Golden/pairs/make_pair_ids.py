#!/usr/bin/env python3
"""Token ids of real preference pairs as other programs make them: pair_ids.json, which PairTokenizationGoldenTests compares with.

    make_pair_ids.py SHARED_FOLDER > pair_ids.json

Needs transformers. Ids come from Hugging Face's fast tokenizer of Mistral-7B-v0.1. What TRL 0.7.7 with the handbook at v0.3, and TRL 1.x
do with them was read from their sources (DPOTrainer.tokenize_row; DPOTrainer._prepare_dataset and DataCollatorForPreference) and is written anew.
"""
import hashlib
import json
import sys
from pathlib import Path

from transformers import PreTrainedTokenizerFast

SHARED = Path(sys.argv[1])
TOKENIZER = PreTrainedTokenizerFast(
    tokenizer_file=str(SHARED / "golden/tokenizer/mistral-7b-v0.1.tokenizer.json"), bos_token="<s>", eos_token="</s>", unk_token="<unk>")
BOS, EOS = TOKENIZER.bos_token_id, TOKENIZER.eos_token_id
TOKENIZER.chat_template = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}")


def text(messages, generation_prompt=False):
    return TOKENIZER.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation_prompt)


def encode(content, special=False):
    return TOKENIZER(content, add_special_tokens=special)["input_ids"]


def turns(row):
    """Prompt and the two answers as messages; in these files each answer is the last turn."""
    if isinstance(row["chosen"], str):
        return ([{"role": "user", "content": row["prompt"]}],
                [{"role": "assistant", "content": row["chosen"]}], [{"role": "assistant", "content": row["rejected"]}])
    assert row["chosen"][:-1] == row["rejected"][:-1]
    return row["chosen"][:-1], row["chosen"][-1:], row["rejected"][-1:]


def zephyr(prompt, chosen, rejected, limit, prompt_limit, keep_end):
    head = encode(text(prompt, True), special=True)
    tails = []
    for answer in (chosen, rejected):
        whole = encode(text(prompt + answer)[:-1], special=True)
        assert whole[:len(head)] == head
        tails.append(whole[len(head):])
    if len(head) > prompt_limit:
        head = [BOS] + head[len(head) - prompt_limit + 1:] if keep_end else head[:prompt_limit]
    return head, *(tail[:limit - len(head)] for tail in tails)


def handbook(prompt, chosen, rejected, limit, prompt_limit, keep_end):
    parts = []
    alone = encode(text(prompt))
    for answer in (chosen, rejected):
        whole = encode(text(prompt) + text(answer))
        split = len(alone) if whole[:len(alone)] == alone else len(alone) - 1
        parts.append(([BOS] + whole[:split], whole[split:] + [EOS]))
    longest = max(len(tail) for _, tail in parts)
    cut = []
    for head, tail in parts:
        if len(head) + longest > limit:
            head = head[-prompt_limit:] if keep_end else head[:prompt_limit]
        if len(head) + longest > limit:
            tail = tail[:limit - prompt_limit]
        cut.append((head, tail))
    assert cut[0][0] == cut[1][0]
    return cut[0][0], cut[0][1], cut[1][1]


def trl(prompt, chosen, rejected, limit, prompt_limit, keep_end):
    ids = lambda messages, **more: TOKENIZER.apply_chat_template(messages, tokenize=True, return_dict=True, **more)["input_ids"]
    head = ids(prompt, add_generation_prompt=True)
    wholes = [ids(prompt + answer) for answer in (chosen, rejected)]
    if len(head) >= limit:
        return None
    assert all(whole[:len(head)] == head for whole in wholes)
    return head, *(whole[:limit][len(head):] for whole in wholes)


def main():
    results = {}
    for name in ("ultrafeedback_trl_train_1000", "ultrafeedback_trl_eval_200", "tulu3_preference_sample_100"):
        rows = [json.loads(line) for line in (SHARED / f"data/preference/{name}.jsonl").read_text().splitlines()]
        for make in (zephyr, handbook, trl):
            for keep_end in (True, False):
                if make is trl and keep_end:
                    continue
                digest, counts = hashlib.sha256(), {"pairs": 0, "without_answer": 0, "dropped": 0, "tokens": 0}
                for row in rows:
                    prompt, chosen, rejected = turns(row)
                    if not chosen[0]["content"] or not rejected[0]["content"]:
                        counts["without_answer"] += 1
                        continue
                    made = make(prompt, chosen, rejected, 512, 256, keep_end)
                    if made is None:
                        counts["dropped"] += 1
                        continue
                    counts["pairs"] += 1
                    counts["tokens"] += sum(map(len, made))
                    digest.update(("|".join(",".join(map(str, ids)) for ids in made) + "\n").encode())
                mode = {"zephyr": "zephyr", "handbook": "handbook-v0.3", "trl": "trl"}[make.__name__]
                results[f"{name} {mode} {'keep_end' if keep_end else 'keep_start'}"] = counts | {"sha256": digest.hexdigest()}
    print(json.dumps({"max_length": 512, "max_prompt_length": 256, "results": results}, indent=1))


main()
