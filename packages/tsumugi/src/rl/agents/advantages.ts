// Returns and advantages over rollouts, whose rows are step by step those of all environments: row t·N + i is environment i's
// step t.
//
//   γ discount   λ weight of longer estimates   δ one step's error: r + γ V(s') − V(s)

/** What an estimate is made of, row by row. */
export interface Estimated {
  rewards: ArrayLike<number>;
  /** V(s) */
  values: ArrayLike<number>;
  /** V(s'), also of a step that was cut off; anything where nothing follows. */
  nextValues: ArrayLike<number>;
  /** 1 where nothing follows: no value counts after it. */
  terminal: Uint8Array;
  /** 1 where an episode ends, for whatever reason: nothing of the next row is its. */
  last: Uint8Array;
  /** N */
  environments: number;
}

/**
 * Generalized advantage estimation (Schulman et al. 2016, arXiv 1506.02438): A = δ + γλ A' within an episode, A = δ at the end of
 * it and of the rollout. A + V is the target of the value function.
 */
export function generalizedAdvantages(rows: Estimated, gamma: number, lambda: number): Float64Array {
  const { rewards, values, nextValues, terminal, last, environments } = rows;
  const count = rewards.length;
  const advantages = new Float64Array(count);
  for (let row = count - 1; row >= 0; row--) {
    const next = terminal[row] ? 0 : gamma * nextValues[row]!;
    const delta = rewards[row]! + next - values[row]!;
    const goesOn = !last[row] && row + environments < count;
    advantages[row] = delta + (goesOn ? gamma * lambda * advantages[row + environments]! : 0);
  }
  return advantages;
}

/** R = r + γ R' within an episode; r + γ V(s') at the end of the rollout and where it was cut off; r where nothing follows. */
export function discountedReturns(rows: Omit<Estimated, 'values'>, gamma: number): Float64Array {
  const { rewards, nextValues, terminal, last, environments } = rows;
  const count = rewards.length;
  const returns = new Float64Array(count);
  for (let row = count - 1; row >= 0; row--) {
    const goesOn = !last[row] && row + environments < count;
    const after = terminal[row] ? 0 : goesOn ? returns[row + environments]! : nextValues[row]!;
    returns[row] = rewards[row]! + gamma * after;
  }
  return returns;
}

/** 1 − Var(target − V) / Var(target): 1 for a perfect value function, 0 for a constant one, NaN for constant targets. */
export function explainedVariance(values: ArrayLike<number>, targets: ArrayLike<number>): number {
  const of = (at: (i: number) => number) => {
    let [mean, squares] = [0, 0];
    for (let i = 0; i < targets.length; i++) mean += at(i) / targets.length;
    for (let i = 0; i < targets.length; i++) squares += (at(i) - mean) ** 2;
    return squares;
  };
  const total = of((i) => targets[i]!);
  return total === 0 ? Number.NaN : 1 - of((i) => targets[i]! - values[i]!) / total;
}

/** (x − mean) / (std + 1e-8), with the standard deviation of the numbers themselves (divided by n). */
export function standardized(numbers: Float64Array): Float64Array {
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length;
  return numbers.map((x) => (x - mean) / (Math.sqrt(variance) + 1e-8));
}
