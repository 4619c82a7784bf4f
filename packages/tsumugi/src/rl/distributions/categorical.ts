// A choice among A actions: the softmax of preferences.
import type { Rng, Tensor } from '../../torch/index.ts';
import type { Distribution } from './distribution.ts';

/**
 * π(a) = softmax(β · logits)(1 − A · minProbability) + minProbability. β is the inverse of a temperature; with a least
 * probability no action dies out.
 */
export class Categorical implements Distribution {
  readonly kind = 'discrete';
  /** [..., A] */
  readonly logits: Tensor;
  /** log π of every action [..., A] */
  readonly logProbabilities: Tensor;
  readonly beta: number;
  readonly minProbability: number;

  /** @param minProbability from 0 to 1/A */
  constructor(logits: Tensor, beta = 1, minProbability = 0) {
    this.logits = logits;
    this.beta = beta;
    this.minProbability = minProbability;
    const scaled = beta === 1 ? logits : logits.mul(beta);
    if (minProbability === 0) this.logProbabilities = scaled.logSoftmax(-1);
    else {
      const rest = 1 - minProbability * logits.shape.at(-1)!;
      this.logProbabilities = scaled.softmax(-1).mul(rest).add(minProbability).log();
    }
  }

  get parameters(): readonly Tensor[] {
    return [this.logits];
  }

  withParameters([logits]: readonly Tensor[]): Categorical {
    return new Categorical(logits!, this.beta, this.minProbability);
  }

  /** π of every action [..., A] */
  get probabilities(): Tensor {
    return this.logProbabilities.exp();
  }

  /** One operator for the whole batch: acting on one observation is mostly calls. */
  sample(rng: Rng): Tensor {
    const { probabilities } = this;
    const rows = probabilities.ndim <= 2 ? probabilities : probabilities.flatten(0, -2);
    const drawn = rows.multinomial(1, true, { rng });
    return drawn.reshape(probabilities.shape.slice(0, -1));
  }

  mode(): Tensor {
    return this.logProbabilities.argmax(-1);
  }

  logProbability(actions: Tensor): Tensor {
    return this.logProbabilities.gather(-1, actions.unsqueeze(-1)).squeeze(-1);
  }

  entropy(): Tensor {
    return this.probabilities.mul(this.logProbabilities).sum(-1).neg();
  }

  kl(other: Categorical): Tensor {
    return this.probabilities.mul(this.logProbabilities.sub(other.logProbabilities)).sum(-1);
  }
}
