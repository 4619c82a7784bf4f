// One action for sure.
import { UserError } from '../../base/index.ts';
import type { Rng, Tensor } from '../../torch/index.ts';
import type { Distribution } from './distribution.ts';

const noDensity = (what: string) =>
  new UserError('no-closed-form', `a deterministic policy has no ${what}`, {
    remedy: 'Use a stochastic policy, such as a Gaussian one, or an algorithm for deterministic ones (DDPG, TD3).',
  });

export class Deterministic implements Distribution {
  readonly kind = 'continuous';
  /** [..., A] */
  readonly action: Tensor;

  constructor(action: Tensor) {
    this.action = action;
  }

  get parameters(): readonly Tensor[] {
    return [this.action];
  }

  withParameters([action]: readonly Tensor[]): Deterministic {
    return new Deterministic(action!);
  }

  sample(_rng?: Rng): Tensor {
    return this.action;
  }

  mode(): Tensor {
    return this.action;
  }

  logProbability(): Tensor {
    throw noDensity('log-probability');
  }

  entropy(): Tensor {
    throw noDensity('entropy');
  }

  kl(): Tensor {
    throw noDensity('divergence from another');
  }
}
