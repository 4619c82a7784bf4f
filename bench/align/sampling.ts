// Sampling several answers to prompts, as iterative preference training and GRPO do, beside the bare decoding of as many sequences.
import { RandomStream } from 'tsumugi/base';
import { CachePool, decodeRows, type Logits, type Plamo2, readPiece, roomFor, sampleAnswers } from 'tsumugi/lm';
import { scope } from 'tsumugi/torch';
import type { Context } from '../lib/part.ts';
import { row } from '../lib/row.ts';
import { interleave, seconds } from '../lib/sampling.ts';
import { median } from '../lib/statistics.ts';
import type { Trainer } from './trainer.ts';

/** Tokens per second of `count` steps of `slots` sequences that all went on from one prompt. */
function decode(model: Plamo2, prompt: readonly number[], slots: number, count: number): number {
  using pool = new CachePool(model, { bytes: roomFor(model.config, slots, prompt.length + count) });
  using read = pool.begin();
  readPiece(model, prompt, read);
  let rows = Array.from({ length: slots }, () => ({ sequence: read.fork(), ids: [1] }));
  const elapsed = seconds(() => {
    for (let i = 0; i < count; i++) {
      const logits = decodeRows(model, rows);
      rows = rows.map(({ sequence }, row) => ({ sequence, ids: [likeliest(logits[row]![0]!)] }));
    }
  });
  return (slots * count) / elapsed;
}

function likeliest(logits: Logits): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/** Returns what a reader must know of the rows. */
export async function sampling({ quick, log, rows }: Context, { model, config }: Trainer): Promise<string[]> {
  const [slots, samples, length, maxTokens] = quick ? [4, 4, 16, 8] : [16, 8, 64, 64];
  const random = new RandomStream(3);
  const prompts = Array.from({ length: 4 }, () => Array.from({ length }, () => random.below(config.vocab_size)));
  const rates = await interleave(quick ? 1 : 7, {
    decoding: () => scope(() => decode(model, prompts[0]!, slots, maxTokens)),
    sampling: async () => {
      const began = performance.now();
      const answers = await sampleAnswers(model, prompts, { samples, maxTokens, slots, stopIds: [], seed: 1 });
      const tokens = answers.flat().reduce((sum, { ids }) => sum + ids.length, 0);
      const rate = tokens / ((performance.now() - began) / 1e3);
      log(`sampling: ${rate.toFixed(0)} tokens/s`);
      return rate;
    },
  });
  const tokensPerSecond = { unit: 'tokens/s', better: 'higher' } as const;
  rows.push(
    row({ name: `decoding ${slots} sequences, greedy`, ...tokensPerSecond, ours: rates.decoding }),
    row({
      name: `    sampling ${samples} answers to each of ${prompts.length} prompts`,
      ...tokensPerSecond,
      ours: rates.sampling,
      peak: { of: 'decoding', value: median(rates.decoding) },
    }),
  );
  return [
    `sampling: prompts of ${length} tokens, which are read in this time, too; answers of ${maxTokens}, drawn at temperature 1, with the log-probability of each token, ${slots} at a time`,
  ];
}
