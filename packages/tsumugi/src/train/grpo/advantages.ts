// How much better each answer of a group is than the group (Shao et al. 2024, arXiv 2402.03300, section 4.1.2):
//
//   Â_i = (r_i − mean(r)) / (std(r) + 10⁻⁴)
//
// or, as in Dr. GRPO (Liu et al. 2025, arXiv 2503.20783, section 3.2), without the division, which gives groups that are nearly all right
// or nearly all wrong more weight. The paper does not say which std is meant: ours is the sample's (n − 1), with 10⁻⁴ beside it, as other
// implementations have it, so that rewards which differ by rounding alone are no signal.

const EPSILON = 1e-4;

export interface GroupRewards {
  mean: number;
  std: number;
  advantages: number[];
  /** Whether all rewards are the same: there is nothing to learn from them. */
  silent: boolean;
}

/** @param rewards of the answers to one prompt, at least two */
export function groupAdvantages(rewards: readonly number[], scaleRewards: boolean): GroupRewards {
  const n = rewards.length;
  const silent = rewards.every((reward) => reward === rewards[0]);
  const mean = silent ? rewards[0]! : rewards.reduce((a, b) => a + b, 0) / n;
  const std = silent ? 0 : Math.sqrt(rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / (n - 1));
  const advantages = rewards.map((reward) => (reward - mean) / (scaleRewards ? std + EPSILON : 1));
  return { mean, std, advantages, silent };
}
