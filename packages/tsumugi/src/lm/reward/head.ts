// The head of a reward model: r(x, y) = w · h, where h is what the last norm gives at the last token of the answer, its end. No bias:
// it would be the same for both answers of a pair.
import { Linear } from '../../nn/index.ts';
import { type Device, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import type { Plamo2 } from '../model.ts';

/** The head's name in checkpoints, as models that classify texts have it. */
export const REWARD_HEAD = 'score.weight';

/** A language model with a head beside its own. */
export interface Plamo2WithReward extends Plamo2 {
  /** [1, D] */
  score: Linear;
}

export const rewardHeadShape = (hiddenSize: number): readonly [number, number] => [1, hiddenSize];

/** Puts a head on a model, which takes the weight over. */
export function addRewardHead(model: Plamo2, weight: Tensor): Plamo2WithReward {
  const score = new Linear(model.config.hidden_size, 1, { weight, bias: false });
  return Object.assign(model, { score });
}

/**
 * Weights of a head that has learned nothing, from N(0, 1/(D + 1)): rewards of about 1 in size (Stiennon et al. 2020, arXiv 2009.01325,
 * which begins with such heads).
 */
export const initialRewardHead = (hiddenSize: number, seed: number, device: Device): Tensor =>
  scope(() => randn(rewardHeadShape(hiddenSize), new Rng(seed, device), { device }).mul((hiddenSize + 1) ** -0.5));

/**
 * The rewards of texts: [S], in f32 at least.
 *
 * @param hidden [B, T, D] from `model.forward`
 * @param ends of the last token of each text, among the B·T
 */
export function rewardsAt({ score }: Plamo2WithReward, hidden: Tensor, ends: readonly number[]): Tensor {
  return scope(() => {
    const places = tensor(ends, { dtype: 'int64', device: hidden.device });
    const last = hidden.reshape([-1, hidden.size(-1)]).indexSelect(0, places); // [S, D]
    return score.forward(last.dtype === 'float64' ? last : last.float()).squeeze(-1);
  });
}
