// Advantage learning, persistent and double (Bellemare et al. 2016, arXiv 1512.04860): what is not the best action loses value,
// which widens the gap between actions.
//
//   AL          t = T + α A⁻(s, a)                         A(s, a) = Q(s, a) − max Q(s, ·), at most 0
//   PAL         t = T + α max(A⁻(s, a), A⁻(s', a))         the same action in s'
//   DoublePAL   T of Double DQN, and PAL's second term
//
//   T = r + D (1 − d) max Q⁻(s', ·)
import { checkNumber } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import { DoubleDQN } from './double-dqn.ts';
import { DQN, type DQNOptions } from './dqn.ts';
import type { Samples } from './samples.ts';

export interface AdvantageLearningOptions extends DQNOptions {
  /** How much an advantage counts (α). */
  alpha: number;
}

export class AL extends DQN {
  readonly #alpha: number;

  constructor(options: AdvantageLearningOptions) {
    super(options);
    this.#alpha = checkNumber('AL', 'alpha', options.alpha, { min: 0, max: 1 });
  }

  protected override targets(samples: Samples<ActionValues>): Tensor {
    const advantage = samples.now(this.target.network).advantage(samples.action);
    return super.targets(samples).add(advantage.mul(this.#alpha));
  }
}

/** max(A⁻(s, a), A⁻(s', a)) */
function persistent({ now, next, action }: Samples<ActionValues>, network: DQN['target']['network']): Tensor {
  return now(network).advantage(action).maximum(next(network).advantage(action));
}

export class PAL extends DQN {
  readonly #alpha: number;

  constructor(options: AdvantageLearningOptions) {
    super(options);
    this.#alpha = checkNumber('PAL', 'alpha', options.alpha, { min: 0, max: 1 });
  }

  protected override targets(samples: Samples<ActionValues>): Tensor {
    return super.targets(samples).add(persistent(samples, this.target.network).mul(this.#alpha));
  }
}

export class DoublePAL extends DoubleDQN {
  readonly #alpha: number;

  constructor(options: AdvantageLearningOptions) {
    super(options);
    this.#alpha = checkNumber('DoublePAL', 'alpha', options.alpha, { min: 0, max: 1 });
  }

  protected override targets(samples: Samples<ActionValues>): Tensor {
    return super.targets(samples).add(persistent(samples, this.target.network).mul(this.#alpha));
  }
}
