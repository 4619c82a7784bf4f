// The settings' losses and rewards of a pair, against their formulas in plain numbers: whole answers or means over tokens, what stands
// beside the loss, the defaults.
import { expect, it } from 'vitest';
import { scope, tensor } from '../../torch/index.ts';
import { type DpoInput, dpoConfig } from '../dpo-config.ts';
import { preferenceOutcome } from './preference-objective.ts';

// Sums over 2 and over 5 tokens.
const chosen = { policy: -3, reference: -3.5, tokens: 2 };
const rejected = { policy: -6, reference: -5, tokens: 5 };
const [lengthW, lengthL] = [chosen.tokens, rejected.tokens];

const softplus = (x: number) => Math.log1p(Math.exp(x)); // −log σ(−x)
const logOdds = (logprob: number) => logprob - Math.log(1 - Math.exp(logprob));
const [meanW, meanL] = [chosen.policy / lengthW, rejected.policy / lengthL]; // −1.5, −1.2
const [ratioW, ratioL] = [0.5, -1]; // log π − log π_ref
const alphaRatioW = (alpha: number) => alpha * chosen.policy - chosen.reference;
const alphaRatioL = (alpha: number) => alpha * rejected.policy - rejected.reference;

type Row = [settings: Partial<DpoInput>, loss: number, chosenReward: number, rejectedReward: number];
it.each<Row>([
  [{ beta: 0.4 }, softplus(-0.4 * 1.5), 0.4 * ratioW, 0.4 * ratioL],
  [{}, softplus(-0.1 * 1.5), 0.1 * ratioW, 0.1 * ratioL],
  [{ loss: 'hdpo' }, softplus(-0.1 * (0.9 * 3 - 1.5)), 0.1 * alphaRatioW(0.9), 0.1 * alphaRatioL(0.9)],
  [
    { loss: 'hdpo', alpha: 1.2, beta: 0.4 },
    softplus(-0.4 * (1.2 * 3 - 1.5)),
    0.4 * alphaRatioW(1.2),
    0.4 * alphaRatioL(1.2),
  ],
  [{ beta: 2, labelSmoothing: 0.2 }, 0.8 * softplus(-2 * 1.5) + 0.2 * softplus(2 * 1.5), 2 * ratioW, 2 * ratioL],
  [
    { beta: 2, labelSmoothing: 0.2, smoothing: 'robust' },
    (0.8 * softplus(-2 * 1.5) - 0.2 * softplus(2 * 1.5)) / 0.6,
    2 * ratioW,
    2 * ratioL,
  ],
  [
    { beta: 2, lengthNormalized: true },
    softplus(-2 * (ratioW / lengthW - ratioL / lengthL)),
    (2 * ratioW) / lengthW,
    (2 * ratioL) / lengthL,
  ],
  [
    { loss: 'hdpo', alpha: 0.8, beta: 2, lengthNormalized: true },
    softplus(-2 * (alphaRatioW(0.8) / lengthW - alphaRatioL(0.8) / lengthL)),
    (2 * alphaRatioW(0.8)) / lengthW,
    (2 * alphaRatioL(0.8)) / lengthL,
  ],
  [{ loss: 'ipo', beta: 0.5 }, (1.5 - 1) ** 2, 0.5 * ratioW, 0.5 * ratioL],
  [
    { loss: 'ipo', beta: 0.5, lengthNormalized: true },
    (ratioW / lengthW - ratioL / lengthL - 1) ** 2,
    (0.5 * ratioW) / lengthW,
    (0.5 * ratioL) / lengthL,
  ],
  [{ loss: 'simpo', beta: 2, gamma: 0.3 }, softplus(-(2 * (meanW - meanL) - 0.3)), 2 * meanW, 2 * meanL],
  [{ loss: 'simpo' }, softplus(-(0.1 * (meanW - meanL) - 1)), 0.1 * meanW, 0.1 * meanL],
  [{ loss: 'orpo', oddsWeight: 0.7 }, 0.7 * softplus(logOdds(meanL) - logOdds(meanW)) - meanW, meanW, meanL],
  [{ loss: 'orpo' }, 0.1 * softplus(logOdds(meanL) - logOdds(meanW)) - meanW, meanW, meanL],
  [{ beta: 0.4, sftWeight: 0.5 }, softplus(-0.4 * 1.5) - 0.5 * meanW, 0.4 * ratioW, 0.4 * ratioL],
])('%o', (settings, loss, chosenReward, rejectedReward) => {
  const config = dpoConfig.parse({ model: 'm', data: ['d'], out: 'o', ...settings });
  const hasReference = settings.loss !== 'simpo' && settings.loss !== 'orpo';
  scope(() => {
    const side = ({ policy, reference, tokens }: typeof chosen) => ({
      policy: tensor([policy], { dtype: 'float64' }),
      reference: hasReference ? tensor([reference], { dtype: 'float64' }) : undefined,
      tokens: tensor([tokens], { dtype: 'float64' }),
    });
    const found = preferenceOutcome(side(chosen), side(rejected), config);
    expect(found.losses.shape).toEqual([1]);
    expect(found.losses.item()).toBeCloseTo(loss, 12);
    expect(found.chosenReward.item()).toBeCloseTo(chosenReward, 12);
    expect(found.rejectedReward.item()).toBeCloseTo(rejectedReward, 12);
  });
});
