// The maximum-entropy mellowmax policy. Asadi & Littman 2017, arXiv 1612.05628: among all policies whose expected value is
//
//   mm_ω(q) = log(1/A Σ_a exp(ω q_a)) / ω
//
// it is the one of the largest entropy: softmax(β q), with β the root of Σ_a exp(β adv_a) adv_a, adv = q − mm_ω(q).
import { type Tensor, tensor } from '../../torch/index.ts';
import { Categorical } from './categorical.ts';

/** Beyond it the policy is all but greedy, and exp() near its end. */
const LARGEST_BETA = 10;

/** mm_ω of numbers. */
export function mellowmax(values: ArrayLike<number>, omega: number): number {
  let largest = -Infinity;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, omega * values[i]!);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(omega * values[i]! - largest);
  return (largest + Math.log(sum / values.length)) / omega;
}

/**
 * The root β ≥ 0. The sum grows with β and is at most 0 at 0, since mm_ω is at least the mean: so bisection finds it. Where it
 * lies beyond 10 we stop there; ChainerRL gives up and takes 0, the uniform policy, for its opposite.
 */
export function mellowmaxBeta(values: ArrayLike<number>, omega: number): number {
  const center = mellowmax(values, omega);
  const excess = (beta: number) => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) {
      const advantage = values[i]! - center;
      sum += Math.exp(beta * advantage) * advantage;
    }
    return sum;
  };
  if (excess(0) >= 0) return 0;
  if (excess(LARGEST_BETA) <= 0) return LARGEST_BETA;
  let [low, high] = [0, LARGEST_BETA];
  for (let halving = 0; halving < 60; halving++) {
    const middle = (low + high) / 2;
    if (excess(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Every row's values times its β, which counts as a constant in backward. */
function sharpened(values: Tensor, omega: number): Tensor {
  const actions = values.shape.at(-1)!;
  const flat = values.detach().data() as Float32Array | Float64Array;
  const betas = Float64Array.from({ length: flat.length / actions }, (_, row) =>
    mellowmaxBeta(flat.subarray(row * actions, (row + 1) * actions), omega),
  );
  const shape = [...values.shape.slice(0, -1), 1];
  return values.mul(tensor(betas, { shape, dtype: values.dtype, device: values.device }));
}

/**
 * softmax(β q) with the β of each row. ω is honoured; ChainerRL keeps the one that it is given and computes with 1, which is
 * therefore the default.
 */
export class Mellowmax extends Categorical {
  readonly values: Tensor;
  readonly omega: number;

  /** @param values q [..., A] */
  constructor(values: Tensor, omega = 1) {
    super(sharpened(values, omega));
    this.values = values;
    this.omega = omega;
  }

  override get parameters(): readonly Tensor[] {
    return [this.values];
  }

  override withParameters([values]: readonly Tensor[]): Mellowmax {
    return new Mellowmax(values!, this.omega);
  }
}
