// Many sequences in one cache give what each gives in its own: past windows, after others have left, in every dtype.
import { describe, expect, it } from 'vitest';
import { noGrad, scope, type Tensor } from '../torch/index.ts';
import { column, row, someIds } from './engine/writing.testing.ts';
import { BatchCache, Cache, initialWeights, Plamo2, type Plamo2Config } from './index.ts';
import { smallConfig } from './lm.testing.ts';

const prompts = [3, 40, 1, 12, 7].map((length, k) => someIds(length, k));
const kinds = [
  ['windows', {}],
  ['a full-attention layer', { full_attention_idx: [3] }],
] satisfies [string, Partial<Plamo2Config>][];

describe.each(kinds)('a batch of sequences with %s', (_name, changes) => {
  it.each([
    ['float32', 1e-5],
    ['float64', 1e-13],
  ] as const)('gives the logits of each alone in %s, to %f of the largest', (dtype, bound) => {
    scope(() =>
      noGrad(() => {
        const weights = initialWeights(3);
        using model = new Plamo2(smallConfig(changes), (name, shape) => weights(name, shape).to(dtype));
        using together = new BatchCache(model, { slots: 4 });
        const alone: Cache[] = [];
        const begin = (prompt: number[]) => {
          const cache = new Cache(model);
          model.forward(row(prompt), { cache });
          together.admit(cache);
          alone.push(cache);
        };
        const compare = () => {
          const ids = alone.map((_, i) => (i * 71 + together.lengths[i]! * 13) % 300);
          const hidden: Tensor = model.forward(column(ids), { cache: together });
          for (const [i, cache] of alone.entries()) {
            const expected = model.logits(model.forward(row([ids[i]!]), { cache }));
            const actual = model.logits(hidden.narrow(0, i, 1));
            expect(actual.dtype).toBe(dtype);
            const difference = actual.sub(expected).abs().max().item() / expected.abs().max().item();
            expect(difference).toBeLessThan(bound);
          }
        };
        const release = (index: number) => {
          together.release(index); // the last takes its place
          alone[index]!.dispose();
          const last = alone.pop()!;
          if (index < alone.length) alone[index] = last;
        };
        for (const prompt of prompts.slice(0, 3)) begin(prompt);
        for (let i = 0; i < 9; i++) compare();
        release(0);
        compare();
        for (const prompt of prompts.slice(3, 5)) begin(prompt);
        for (let i = 0; i < 70; i++) {
          compare(); // past the window and the first room
          if (i % 5 !== 3) continue;
          // One goes out, and comes in again as the last.
          const out = i % alone.length;
          using copy = together.extract(out);
          expect(copy.length).toBe(together.lengths[out]);
          const own = alone[out]!.fork();
          release(out);
          together.admit(copy);
          alone.push(own);
        }
        for (const cache of alone) cache.dispose();
      }),
    );
  });
});

it('refuses ids for another number of sequences', () => {
  scope(() => {
    using model = new Plamo2(smallConfig(), initialWeights(3));
    using cache = new BatchCache(model, { slots: 2 });
    expect(() => model.forward(column([1, 2]), { cache })).toThrow(
      'a batch of 0 sequences takes ids [0, 1], got [2, 1]',
    );
  });
});
