// KTO's loss of a micro-batch through a model: its gradient, and its value against plain numbers.
import { describe, expect, it } from 'vitest';
import { initialWeights, Plamo2, preset } from '../../lm/index.ts';
import { gradcheck } from '../../nn/index.ts';
import type { RatedExample } from '../../text/index.ts';
import { noGrad, scope, tensor } from '../../torch/index.ts';
import { dpoConfig } from '../dpo-config.ts';
import { tinyModel } from '../train.testing.ts';
import { ratedOutcome } from './rated-outcome.ts';
import { ratedBatches } from './rated-steps.ts';

const example = (prompt: number[], completion: number[], desirable: boolean): RatedExample => ({
  prompt: Int32Array.from(prompt),
  completion: Int32Array.from(completion),
  desirable,
  source: { file: 'rated.jsonl', row: 1 },
});
const examples = [example([1, 5, 6], [7, 2], true), example([1, 8], [3, 3, 2], false), example([1, 4], [6, 2], true)];
const objective = dpoConfig.parse({
  model: 'm',
  data: ['d'],
  out: 'o',
  loss: 'kto',
  beta: 0.6,
  desirableWeight: 1.5,
  undesirableWeight: 0.5,
  sftWeight: 0.25,
});
const reference = { logprobs: [-5.2, -8.1, -6.5], mismatched: [0.9, -0.1] };
const rows = { layout: 'padded', sequenceLength: 8, padding: 0, batchSize: 3 } as const;
const [batch] = [...ratedBatches(examples, rows)];
const make = () => new Plamo2(preset('mini', { ...tinyModel, vocab_size: 12 }), initialWeights(3)).to('float64');

/** log π(y|x), read off the logits of a text that goes through alone. */
const logprobOf = (model: Plamo2, { prompt, completion }: RatedExample): number =>
  noGrad(() =>
    scope(() => {
      const ids = [...prompt, ...completion];
      const hidden = model.forward(tensor([ids], { dtype: 'int64' }));
      const rows = model.logits(hidden).squeeze(0).logSoftmax(-1).tolist() as number[][];
      return completion.reduce((sum, id, i) => sum + rows[prompt.length + i - 1]![id]!, 0);
    }),
  );

describe('KTO of a micro-batch', () => {
  it('is the formula, with the mean of what is mismatched as z₀', () => {
    using model = make();
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    const logprobs = examples.map((each) => logprobOf(model, each));
    const ratios = logprobs.map((logprob, i) => logprob - reference.logprobs[i]!);
    const z0 = 0.4;
    const expected = ratios.reduce((sum, r, i) => {
      const { desirable, completion } = examples[i]!;
      if (!desirable) return sum + 0.5 * (1 - sigmoid(0.6 * (z0 - r)));
      return sum + 1.5 * (1 - sigmoid(0.6 * (r - z0))) - (0.25 * logprobs[i]!) / completion.length;
    }, 0);
    scope(() => {
      const { loss, count, parts } = ratedOutcome(model, batch!, examples, reference, objective);
      expect(loss.item()).toBeCloseTo(expected, 8);
      expect(count).toBe(3);
      const found = parts();
      const mean = (name: string) => found[name]![0] / found[name]![1];
      expect(mean('kl')).toBeCloseTo(ratios.reduce((a, b) => a + b) / 7, 8);
      expect(mean('mismatchedKl')).toBeCloseTo(z0, 12);
      expect(mean('chosenReward')).toBeCloseTo((0.6 * (ratios[0]! + ratios[2]!)) / 2, 8);
      expect(mean('rejectedReward')).toBeCloseTo(0.6 * ratios[1]!, 8);
      expect(mean('chosenLogprob')).toBeCloseTo((logprobs[0]! + logprobs[2]!) / 2, 8);
      const right = [ratios[0]! > z0, ratios[1]! < z0, ratios[2]! > z0].filter(Boolean).length;
      expect(mean('accuracy')).toBeCloseTo(right / 3, 12);
    });
  });

  it('has the gradient of its value in the parameters', () => {
    using model = make();
    const chosen = [...model.namedParameters()].filter(([name]) => /\.1\.mixer.*norm|final|norm\.weight$/.test(name));
    expect(chosen.length).toBeGreaterThan(1);
    gradcheck(
      () => ratedOutcome(model, batch!, examples, reference, objective).loss,
      chosen.map(([, parameter]) => parameter),
    );
  });
});
