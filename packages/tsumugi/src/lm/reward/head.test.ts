// Rewards against numbers by hand, and their gradients.
import { expect, it } from 'vitest';
import { gradcheck, Linear } from '../../nn/index.ts';
import { Rng, randn, scope, tensor } from '../../torch/index.ts';
import { initialRewardHead, type Plamo2WithReward, rewardsAt } from './head.ts';

const headOf = (weight: number[]) =>
  new Linear(weight.length, 1, { weight: tensor([weight], { dtype: 'float64' }), bias: false });
const rewarding = (score: Linear) => ({ score }) as unknown as Plamo2WithReward;

it('is w · h at the last token of each text, in the order that is asked', () => {
  scope(() => {
    using score = headOf([2, -1]);
    const model = rewarding(score);
    const texts = [1, 1, 3, 5, 0, 2, 4, 4, 7, 1, 9, 9]; // two rows of three tokens of two numbers
    const hidden = tensor(texts, { shape: [2, 3, 2], dtype: 'float64' });
    expect(rewardsAt(model, hidden, [4, 1, 5, 2]).tolist()).toEqual([13, 1, 9, -2]);
  });
});

it('has the gradient of its value, of the hidden states and of the head', () => {
  scope(() => {
    using score = headOf([0.3, -0.2, 0.7]);
    const model = rewarding(score);
    const hidden = randn([2, 4, 3], new Rng(1), { dtype: 'float64' }).requiresGrad_();
    gradcheck((h) => rewardsAt(model, h, [0, 6, 7]), [hidden]);
    gradcheck(() => rewardsAt(model, hidden.detach(), [0, 6, 7]), [score.weight]);
  });
});

it('begins small, and with the seed', () => {
  scope(() => {
    const heads = [1, 1, 2].map((seed) => initialRewardHead(400, seed, 'cpu').tolist() as number[][]);
    expect(heads[0]).toEqual(heads[1]);
    expect(heads[0]).not.toEqual(heads[2]);
    const meanSquare = heads[0]![0]!.reduce((sum, each) => sum + each * each, 0) / 400;
    expect(meanSquare * 401).toBeGreaterThan(0.8);
    expect(meanSquare * 401).toBeLessThan(1.25);
  });
});
