#!/usr/bin/env bash
# Holds streamed conversations with `zephyr serve` through the npm package openai, as a user of it would.
# scripts/serve-clients.sh MODEL_DIR      needs node and npm (Debian: apt-get install nodejs npm); says so and ends with 0 where they are not there
set -euo pipefail

root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
model=${1:-$root/../shared/models/stories260k}
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "skipped: node and npm are not installed"
  exit 0
fi
if [[ ! -e $model/config.json ]]; then
  echo "skipped: there is no model in $model"
  exit 0
fi

work=$(mktemp -d)
server=
cleanup() {
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

(cd "$work" && npm install --silent --no-audit --no-fund openai >/dev/null)
export ZEPHYR_TEST_KEY=a-key-for-this-run
mkfifo "$work/address"
"$root/scripts/zephyr" serve --model "$model" --model_name stories --port 0 --api_key_env ZEPHYR_TEST_KEY >"$work/address" 2>"$work/log" &
server=$!
read -r address <"$work/address"
cat >"$work/talk.mjs" <<'JS'
import assert from 'node:assert/strict';
import OpenAI, { APIError } from 'openai';

const [baseURL] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: process.env.ZEPHYR_TEST_KEY, maxRetries: 0 });
const model = (await client.models.list()).data[0].id;
const messages = [{ role: 'system', content: 'You tell stories.' }];
for (const question of ['Tell me about a dog.', 'And then?', 'How does it end?']) {
  messages.push({ role: 'user', content: question });
  const options = { model, messages, temperature: 0, max_tokens: 40, seed: 1 };
  const stream = await client.chat.completions.create({ ...options, stream: true, stream_options: { include_usage: true } });
  let text = '', usage = null, pieces = 0, reason = null;
  for await (const piece of stream) {
    text += piece.choices[0]?.delta?.content ?? '';
    reason = piece.choices[0]?.finish_reason ?? reason;
    usage = piece.usage ?? usage;
    pieces++;
  }
  const whole = await client.chat.completions.create(options);
  assert.equal(text, whole.choices[0].message.content);
  assert.deepEqual(usage, whole.usage);
  assert.ok(pieces > 5 && (reason === 'length' || reason === 'stop'));
  messages.push({ role: 'assistant', content: text });
  console.log(`${question} -> ${JSON.stringify(text)} (${pieces} pieces, ${usage.completion_tokens} tokens, ${reason})`);
}
// The package's own reader of streams, which puts the pieces together again.
const runner = client.chat.completions.stream({ model, messages: messages.slice(0, 2), temperature: 0, max_tokens: 20, logprobs: true, top_logprobs: 2 });
const final = await runner.finalChatCompletion();
assert.equal(final.choices[0].logprobs.content.length, 20);
const texts = await client.completions.create({ model, prompt: ['Once upon a time', 'A dog'], max_tokens: 10, n: 2, temperature: 0.8, seed: 3 });
assert.equal(texts.choices.length, 4);
// Leaving in the middle: the server goes on.
const left = await client.chat.completions.create({ model, messages: messages.slice(0, 2), stream: true });
for await (const _ of left) break;
await assert.rejects(client.chat.completions.create({ model, messages: [], temperature: 0 }), error => error instanceof APIError && error.status === 400 && error.param === 'messages');
await assert.rejects(new OpenAI({ baseURL, apiKey: 'wrong', maxRetries: 0 }).models.list(), error => error.status === 401 && error.code === 'invalid_api_key');
console.log('npm openai', JSON.parse(await (await import('node:fs/promises')).readFile(new URL('./node_modules/openai/package.json', import.meta.url))).version, 'held its conversations');
JS
(cd "$work" && node talk.mjs "$address")
kill -TERM "$server"
code=0
wait "$server" || code=$?
server=
echo "the server ended with $code"
exit "$code"
