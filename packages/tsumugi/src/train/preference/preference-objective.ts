// The loss that the settings name, of the pairs of a micro-batch, and the rewards that go with it.
import type { Tensor } from '../../torch/index.ts';
import { DEFAULT_ALPHA, DEFAULT_BETA, DEFAULT_GAMMA, DEFAULT_ODDS_WEIGHT, type DpoConfig } from '../dpo-config.ts';
import { hdpoLoss, impliedReward } from './dpo.ts';
import { ipoLoss } from './ipo.ts';
import { orpoLoss } from './orpo.ts';
import { simpoLoss } from './simpo.ts';

/** Of one side of N pairs. */
export interface SideLogprobs {
  /** log π(y|x): [N] */
  policy: Tensor;
  /** log π_ref(y|x): [N]; undefined for losses without a reference. */
  reference: Tensor | undefined;
  /** [N] */
  tokens: Tensor;
}

export interface PreferenceOutcome {
  /** [N] each: what is learned from, and the rewards that the policy implies, by which answers are compared. */
  losses: Tensor;
  chosenReward: Tensor;
  rejectedReward: Tensor;
}

export type Objective = Pick<
  DpoConfig,
  | 'loss'
  | 'alpha'
  | 'beta'
  | 'labelSmoothing'
  | 'smoothing'
  | 'lengthNormalized'
  | 'gamma'
  | 'oddsWeight'
  | 'desirableWeight'
  | 'undesirableWeight'
  | 'sftWeight'
>;

export function preferenceOutcome(chosen: SideLogprobs, rejected: SideLogprobs, config: Objective): PreferenceOutcome {
  const found = compared(chosen, rejected, config);
  const sftWeight = config.loss === 'orpo' ? 1 : config.sftWeight;
  if (sftWeight === 0) return found;
  const crossEntropy = chosen.policy.div(chosen.tokens).neg(); // of a token
  return { ...found, losses: found.losses.add(crossEntropy.mul(sftWeight)) };
}

const perToken = ({ policy, reference, tokens }: SideLogprobs): SideLogprobs => ({
  policy: policy.div(tokens),
  reference: reference?.div(tokens),
  tokens,
});

function compared(chosen: SideLogprobs, rejected: SideLogprobs, config: Objective): PreferenceOutcome {
  const { loss, beta = DEFAULT_BETA, labelSmoothing, smoothing } = config;
  const options = { beta, reduction: 'none' } as const;
  const isNormalized = config.lengthNormalized || loss === 'simpo' || loss === 'orpo';
  const [w, l] = isNormalized ? [perToken(chosen), perToken(rejected)] : [chosen, rejected];
  if (loss === 'simpo') {
    const { gamma = DEFAULT_GAMMA } = config;
    const losses = simpoLoss(w.policy, l.policy, { ...options, gamma });
    return { losses, chosenReward: w.policy.mul(beta), rejectedReward: l.policy.mul(beta) };
  }
  if (loss === 'orpo') {
    const { oddsWeight = DEFAULT_ODDS_WEIGHT } = config;
    const losses = orpoLoss(w.policy, l.policy, { reduction: 'none' }).mul(oddsWeight);
    return { losses, chosenReward: w.policy, rejectedReward: l.policy };
  }
  const alpha = loss === 'hdpo' ? (config.alpha ?? DEFAULT_ALPHA) : 1;
  const all = [w.policy, l.policy, w.reference!, l.reference!] as const;
  return {
    losses:
      loss === 'ipo' ? ipoLoss(...all, options) : hdpoLoss(...all, { ...options, alpha, labelSmoothing, smoothing }),
    chosenReward: impliedReward(w.policy, w.reference!, { alpha, beta }),
    rejectedReward: impliedReward(l.policy, l.reference!, { alpha, beta }),
  };
}
