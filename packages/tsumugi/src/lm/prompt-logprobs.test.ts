// What is told of a prompt's tokens, against `tokenLogprobs` and against the logits by hand; in pieces of any length; what is refused.
import { expect, it } from 'vitest';
import { atOnce } from '../base/index.ts';
import { noGrad, scope } from '../torch/index.ts';
import { idsRow, initialWeights, Plamo2, promptLogprobs, tokenLogprobs } from './index.ts';
import { smallConfig } from './lm.testing.ts';

const model = () => new Plamo2(smallConfig(), initialWeights(3));
const ids = Array.from({ length: 23 }, (_, i) => (i * 97 + 13) % 300);

it('tells of each token but the first what scoring the text does, in pieces of any length', () => {
  using built = model();
  const scored = tokenLogprobs(built, ids);
  for (const chunk of [1, 4, 22, 23, 256]) {
    const tokens = atOnce(promptLogprobs(built, ids, { chunk }));
    expect(tokens.map(({ top }) => top)).toEqual(Array(22).fill([]));
    expect(tokens).toHaveLength(22);
    for (const [i, { logprob }] of tokens.entries())
      expect(Math.abs(logprob - scored[i]!), `${chunk}`).toBeLessThan(1e-5);
  }
});

it('tells the likeliest beside each, the likeliest first, and gives the token that is one of them the same number', () => {
  using built = model();
  const rows = noGrad(() =>
    scope(
      () =>
        built
          .logits(built.forward(idsRow(ids)))
          .logSoftmax(-1)
          .squeeze(0)
          .tolist() as number[][],
    ),
  );
  const tokens = atOnce(promptLogprobs(built, ids, { top: 3, chunk: 7 }));
  for (const [i, { logprob, top }] of tokens.entries()) {
    const best = rows[i]!.map((value, id) => ({ id, value })).sort((a, b) => b.value - a.value);
    expect(top.map(({ id }) => id)).toEqual(best.slice(0, 3).map(({ id }) => id));
    for (const [k, each] of top.entries()) expect(Math.abs(each.logprob - best[k]!.value)).toBeLessThan(1e-5);
    const own = top.find(({ id }) => id === ids[i + 1]);
    if (own) expect(own.logprob).toBe(logprob);
  }
  const greedy = [ids[0]!, tokens[0]!.top[0]!.id];
  const [told] = atOnce(promptLogprobs(built, greedy, { top: 1 }));
  expect(told!.top[0]).toEqual({ id: greedy[1], logprob: told!.logprob });
});

it('has nothing to tell of one token, and refuses ids that there are not and weights that are no numbers', () => {
  using built = model();
  expect(atOnce(promptLogprobs(built, [5]))).toEqual([]);
  expect(() => atOnce(promptLogprobs(built, [1, 300]))).toThrow('id 300 at position 1');
  noGrad(() => built.model.norm.weight.fill_(Number.NaN));
  expect(() => atOnce(promptLogprobs(built, ids))).toThrow('model.norm.weight');
});
