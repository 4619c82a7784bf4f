// Advantage learning, persistent and double (Bellemare et al. 2016, arXiv 1512.04860): what is not the best action loses value,
// which widens the gap between actions.
//
//   AL          t = T + α A⁻(s, a)                         A(s, a) = Q(s, a) − max Q(s, ·), at most 0
//   PAL         t = T + α max(A⁻(s, a), A⁻(s', a))         the same action in s'
//   DoublePAL   T of Double DQN, and PAL's second term
//
//   T = r + D (1 − d) max Q⁻(s', ·)     A⁻ is A by the target network; r, D, d and Q⁻ as in dqn.ts
import { checkNumber } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import { doubleTargets } from './double-dqn.ts';
import { DQN, type DQNOptions } from './dqn.ts';
import type { Samples } from './samples.ts';

export interface AdvantageLearningOptions extends DQNOptions {
  /** How much an advantage counts (α). */
  alpha: number;
}

abstract class AdvantageLearning extends DQN {
  protected readonly alpha: number;

  constructor(options: AdvantageLearningOptions) {
    super(options);
    this.alpha = checkNumber(new.target.name, 'alpha', options.alpha, { min: 0, max: 1 });
  }

  /** T */
  protected plainTargets(samples: Samples<ActionValues>): Tensor {
    return super.targets(samples);
  }

  /** What α counts. */
  protected abstract gap(samples: Samples<ActionValues>): Tensor;

  protected override targets(samples: Samples<ActionValues>): Tensor {
    return this.plainTargets(samples).add(this.gap(samples).mul(this.alpha));
  }
}

export class AL extends AdvantageLearning {
  protected override gap({ now, action }: Samples<ActionValues>): Tensor {
    return now(this.target.network).advantage(action);
  }
}

export class PAL extends AdvantageLearning {
  protected override gap({ now, next, action }: Samples<ActionValues>): Tensor {
    const { network } = this.target;
    return now(network).advantage(action).maximum(next(network).advantage(action));
  }
}

export class DoublePAL extends PAL {
  protected override plainTargets(samples: Samples<ActionValues>): Tensor {
    return doubleTargets(samples, this.network, this.target.network);
  }
}
