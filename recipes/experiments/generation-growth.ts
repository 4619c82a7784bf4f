// Time against size of writing and weighing texts: docs/results/2026-11-28-faults.md has the table.
//
//   OMP_NUM_THREADS=1 node recipes/experiments/generation-growth.ts [PART OF A NAME]
import { RunningText } from '../../packages/tsumugi/src/cli/running-text.ts';
import { Engine, generateIds, scoreBatch, TextStream, tokenLogprobs } from '../../packages/tsumugi/src/lm/index.ts';
import { TinyModel } from '../../packages/tsumugi/src/lm/tiny-model.testing.ts';
import { printGrowth } from './growth.ts';

using tiny = new TinyModel();
using model = tiny.load();
const tokenizer = tiny.loadTokenizer();
const ids = (length: number, k = 0) => Array.from({ length }, (_, i) => 5 + ((i * 97 + k * 31 + 13) % 290));

function decode(prompts: readonly number[][], maxTokens: number): void {
  using engine = new Engine(model);
  const told = { onId: () => false, onEnd: () => {}, onError: (error: unknown) => Promise.reject(error) };
  for (const prompt of prompts) engine.add({ prompt, maxTokens, ...told });
  while (engine.busy) engine.step();
}

function score(sequences: readonly number[][]): void {
  const requests = sequences.map((each) => ({ ids: each, wanted: [{ position: each.length - 1, id: 7 }] }));
  for (const _ of scoreBatch(model, requests));
}

function talk(turns: number): void {
  using text = new RunningText(model, tokenizer);
  for (let turn = 0; turn < turns; turn++) {
    text.append('猫は犬');
    for (const _ of text.continue({ maxTokens: 5, stop: ['終わり'], repetitionPenalty: 1.1 }));
  }
}

function decodeText(count: number, stop: string[]): void {
  const stream = new TextStream(tokenizer, stop);
  for (const id of ids(count)) stream.push(id);
}

const upTo = (n: number) => Array.from({ length: n }, (_, k) => k + 1);
const works: readonly [what: string, n: number, work: (n: number) => unknown][] = [
  ['write n tokens with a repetition penalty', 1000, (n) => [...generateIds(model, [1], { maxTokens: n, repetitionPenalty: 1.1, vocabularyLimit: tokenizer.vocabSize, stopIds: [] })]], // biome-ignore format: a table
  ['read a prompt of n tokens', 8000, (n) => [...generateIds(model, ids(n), { maxTokens: 1 })]],
  ['log-probabilities of n tokens', 32_000, (n) => tokenLogprobs(model, ids(n))],
  ['write n texts together', 500, (n) => decode(upTo(n).map((k) => ids(4, k)), 2)], // biome-ignore format: a table
  ['n prompts, each the one before and 40 tokens', 20, (n) => decode(upTo(n).map((k) => ids(40 * k)), 1)], // biome-ignore format: a table
  ['score n texts', 500, (n) => score(upTo(n).map((k) => ids(12, k)))],
  ['score n texts, each the one before and 20 tokens', 20, (n) => score(upTo(n).map((k) => ids(20 * k)))],
  ['n turns of a chat with a stop string', 50, talk],
  ['n ids to text', 100_000, (n) => decodeText(n, ['終わり'])],
];

await printGrowth(
  import.meta.url,
  works.map(([what, smallest, work]) => [what, smallest, (n) => () => work(n)]),
);
