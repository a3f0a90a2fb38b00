#!/usr/bin/env python3
"""The peer of the benchmarks: transformers' MistralForCausalLM, trained on given token ids the way TRL trains it.

    peer.py init --size bench58m --model DIR                          random weights as a model folder, for both sides to start from
    peer.py dpo  --model DIR --pairs FILE [--dtype fp32|bf16]         one padded batch of chosen and rejected answers, logits for every position,
                                                                      a second model as the reference
    peer.py sft  --model DIR --pairs FILE [--dtype fp32|bf16]         packed blocks, loss on all tokens

bf16 is autocast over fp32 weights, as TRL's bf16: true. Rows are taken in the order of the file, as zephyr bench takes them. Prints one JSON line.
"""
import argparse, contextlib, itertools, json, resource, statistics, time
import torch
from torch.nn.functional import cross_entropy, logsigmoid
from transformers import MistralConfig, MistralForCausalLM

SHAPES = {"bench58m": dict(hidden_size=512, intermediate_size=1536, num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=4, head_dim=64)}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["init", "sft", "dpo"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--size", choices=SHAPES, default="bench58m")
    parser.add_argument("--pairs")
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--attention", default="sdpa")
    parser.add_argument("--rows", type=int, default=4, help="pairs or blocks a step")
    parser.add_argument("--block", type=int, default=512)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--warm", type=int, default=1)
    parser.add_argument("--rate", type=float, default=5e-7)
    parser.add_argument("--beta", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def padded(sequences, value):
    longest = max(len(sequence) for sequence in sequences)
    return torch.tensor([sequence + [value] * (longest - len(sequence)) for sequence in sequences])


def answer_log_probs(model, ids, seen, is_answer):
    """The sum over each row's answer of log p(token | what is before it): from the logits of all positions, as TRL has it."""
    logits = model(input_ids=ids, attention_mask=seen, use_cache=False).logits[:, :-1].float()
    each = -cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none").view(ids.shape[0], -1)
    return (each * is_answer[:, 1:]).sum(1)


def dpo_loss(policy, reference, pairs, options):
    answers = [pair[side] for side in ("chosen_ids", "rejected_ids") for pair in pairs]
    prompts = [pair["prompt_ids"] for pair in pairs] * 2
    rows = [prompt + answer for prompt, answer in zip(prompts, answers)]
    ids, seen = padded(rows, 0), padded([[1] * len(row) for row in rows], 0)
    is_answer = padded([[0] * len(prompt) + [1] * len(answer) for prompt, answer in zip(prompts, answers)], 0)
    with torch.no_grad():
        expected = answer_log_probs(reference, ids, seen, is_answer)
    chosen, rejected = (answer_log_probs(policy, ids, seen, is_answer) - expected).chunk(2)
    return -logsigmoid(options.beta * (chosen - rejected)).mean(), sum(map(len, rows))


def sft_loss(policy, blocks):
    ids = torch.tensor(blocks)
    return policy(input_ids=ids, labels=ids, use_cache=False).loss, ids.numel()


def load(options, trainable):
    model = MistralForCausalLM.from_pretrained(options.model, dtype=torch.float32, attn_implementation=options.attention)
    return model.train() if trainable else model.eval().requires_grad_(False)


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    if options.stage == "init":
        torch.manual_seed(0)
        shape = MistralConfig(**SHAPES[options.size], vocab_size=32000, max_position_embeddings=4096, rms_norm_eps=1e-5, sliding_window=None, tie_word_embeddings=False)
        MistralForCausalLM(shape).save_pretrained(options.model)
        return
    pairs = [json.loads(line) for line in open(options.pairs)]
    policy, reference = load(options, True), load(options, False) if options.stage == "dpo" else None
    optimizer = torch.optim.AdamW(policy.parameters(), lr=options.rate, weight_decay=0.0, fused=True)
    if options.stage == "dpo":
        rows = itertools.cycle(pairs)
    else:
        stream = [token for pair in pairs for token in pair["prompt_ids"] + pair["chosen_ids"]]
        rows = itertools.cycle([stream[at:at + options.block] for at in range(0, len(stream) - options.block + 1, options.block)])
    precision = torch.autocast("cpu", dtype=torch.bfloat16) if options.dtype == "bf16" else contextlib.nullcontext()
    seconds, tokens, losses = [], [], []
    for _ in range(options.warm + options.steps):
        begin = time.perf_counter()
        batch = list(itertools.islice(rows, options.rows))
        with precision:
            loss, count = dpo_loss(policy, reference, batch, options) if options.stage == "dpo" else sft_loss(policy, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        seconds.append(time.perf_counter() - begin)
        tokens.append(count)
    seconds, tokens = seconds[options.warm:], tokens[options.warm:]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(dict(stage=options.stage, dtype=options.dtype, torch=torch.__version__, tokens_per_s=sum(tokens) / sum(seconds),
                          pairs_per_s=options.rows * len(seconds) / sum(seconds) if options.stage == "dpo" else 0.0, step_s=[round(one, 3) for one in seconds],
                          median_step_s=statistics.median(seconds), peak_mib=round(peak), loss=losses)))


main()
