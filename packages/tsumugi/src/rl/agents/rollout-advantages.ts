// Advantages, targets and how good the value function was, of a rollout.
import { explainedVariance, generalizedAdvantages, standardized } from './advantages.ts';
import type { Rollout } from './rollout.ts';

export interface AdvantageSettings {
  /** Discount (γ). */
  gamma: number;
  /** Of GAE (λ). */
  lambda: number;
  standardizeAdvantages: boolean;
}

export interface Advantages {
  /** What the policy learns from: standardized where the settings say so. */
  standardized: Float64Array;
  /** A + V */
  targets: Float64Array;
  explainedVariance: number;
}

/** @param values V(s) of every row @param nextValues V(s') */
export function advantagesOf(
  rollout: Rollout,
  values: ArrayLike<number>,
  nextValues: ArrayLike<number>,
  { gamma, lambda, standardizeAdvantages }: AdvantageSettings,
): Advantages {
  const rows = {
    rewards: rollout.rewards.subarray(0, rollout.rows),
    values,
    nextValues,
    terminal: rollout.terminated,
    last: rollout.last(),
    environments: rollout.environments,
  };
  const advantages = generalizedAdvantages(rows, gamma, lambda);
  const targets = advantages.map((advantage, row) => advantage + values[row]!);
  return {
    standardized: standardizeAdvantages ? standardized(advantages) : advantages,
    targets,
    explainedVariance: explainedVariance(values, targets),
  };
}
