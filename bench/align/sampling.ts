// Sampling several answers to prompts, as iterative preference training and GRPO do, beside the bare decoding of as many sequences.
import { RandomStream } from 'tsumugi/base';
import { BatchCache, Cache, type Plamo2, sampleAnswers } from 'tsumugi/lm';
import { noGrad, scope, type Tensor, tensor } from 'tsumugi/torch';
import type { Context } from '../lib/part.ts';
import { row } from '../lib/row.ts';
import { interleave, seconds } from '../lib/sampling.ts';
import { median } from '../lib/statistics.ts';
import type { Trainer } from './trainer.ts';

/** The likeliest token after each of these: [B, 1] */
function next(model: Plamo2, ids: Tensor, cache: Cache | BatchCache): Tensor {
  return scope(() => noGrad(() => model.logits(model.forward(ids, { cache })).argmax(-1)));
}

/** Tokens per second of `count` steps of `slots` sequences that all went on from one prompt. */
function decode(model: Plamo2, prompt: readonly number[], slots: number, count: number): number {
  using read = new Cache(model);
  next(model, tensor(prompt, { shape: [1, prompt.length], dtype: 'int64' }), read).dispose();
  using cache = new BatchCache(model, { slots });
  for (let i = 0; i < slots; i++) cache.admit(read);
  let ids = tensor(new Array(slots).fill(1), { shape: [slots, 1], dtype: 'int64' });
  const elapsed = seconds(() => {
    for (let i = 0; i < count; i++) {
      const following = next(model, ids, cache);
      ids.dispose();
      ids = following;
    }
  });
  ids.dispose();
  return (slots * count) / elapsed;
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
