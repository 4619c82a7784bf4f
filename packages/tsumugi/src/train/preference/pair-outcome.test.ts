// What is told of a micro-batch of pairs: a reference that is so much above or below the policy gives rewards that are known.
import { expect, it } from 'vitest';
import { initialWeights, Plamo2, preset } from '../../lm/index.ts';
import { noGrad, scope } from '../../torch/index.ts';
import { dpoConfig } from '../dpo-config.ts';
import { tinyModel } from '../train.testing.ts';
import { answerLogprobs } from './answer-logprobs.ts';
import { pairOutcome } from './pair-outcome.ts';
import { pairBatches } from './preference-steps.ts';

const pair = (prompt: number[], chosen: number[], rejected: number[]) => ({
  prompt: Int32Array.from(prompt),
  chosen: Int32Array.from(chosen),
  rejected: Int32Array.from(rejected),
  source: { file: 'pairs.jsonl', row: 1 },
});
const pairs = [pair([1, 5, 6], [7, 2], [8, 4, 2]), pair([1, 8], [3, 2], [2]), pair([1, 4], [6, 5, 3, 2], [9, 2])];
const tokens = 2 + 3 + 2 + 1 + 4 + 2;
const rows = { layout: 'padded', sequenceLength: 8, padding: 0, batchSize: 3 } as const;

/** Of H-DPO at α = 1, where the policy is so far above its reference; means by name. */
function outcome(aboveChosen: readonly number[], aboveRejected: readonly number[]) {
  using model = new Plamo2(preset('mini', { ...tinyModel, vocab_size: 12 }), initialWeights(3)).to('float64');
  const config = dpoConfig.parse({ model: 'm', data: ['d'], out: 'o', beta: 0.5 });
  return scope(() =>
    noGrad(() => {
      const [batch] = [...pairBatches(pairs, rows)];
      const own = answerLogprobs(model, batch!.batch).logprobs.tolist() as number[];
      const references = {
        chosen: Float64Array.from(aboveChosen, (above, i) => own[i]! - above),
        rejected: Float64Array.from(aboveRejected, (above, i) => own[3 + i]! - above),
      };
      const { loss, count, parts } = pairOutcome(model, batch!, references, config);
      const means = Object.fromEntries(Object.entries(parts()).map(([name, [sum, weight]]) => [name, sum / weight]));
      return { own, loss: loss.item(), count, means };
    }),
  );
}

it('tells rewards, how often the chosen one has the higher, log-probabilities, and the KL for each token', () => {
  const { own, loss, count, means } = outcome([2, -1, 0.5], [-1, 3, 0.25]);
  expect(count).toBe(3);
  const margins = [1.5, -2, 0.125]; // β times the differences
  expect(loss).toBeCloseTo(
    margins.reduce((sum, h) => sum + Math.log1p(Math.exp(-h)), 0),
    8,
  );
  expect(means['accuracy']).toBeCloseTo(2 / 3, 12);
  expect(means['chosenReward']).toBeCloseTo((0.5 * 1.5) / 3, 8);
  expect(means['rejectedReward']).toBeCloseTo((0.5 * 2.25) / 3, 8);
  expect(means['kl']).toBeCloseTo(3.75 / tokens, 8);
  expect(means['chosenLogprob']).toBeCloseTo((own[0]! + own[1]! + own[2]!) / 3, 8);
  expect(means['rejectedLogprob']).toBeCloseTo((own[3]! + own[4]! + own[5]!) / 3, 8);
});

it('takes a tie for no success', () => {
  const { loss, means } = outcome([0, 0, 0], [0, 0, 0]);
  expect(loss).toBeCloseTo(3 * Math.LN2, 12);
  expect(means['accuracy']).toBe(0);
});
