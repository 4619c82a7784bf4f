// Dynamic policy programming (Azar et al. 2012; Tsurumine et al. 2019), with three softenings M of the maximum:
//
//   t = Q⁻(s, a) + r + D (1 − d) M Q⁻(s', ·) − M Q⁻(s, ·)
//
//   DPP         M Q = Σ softmax(η Q) Q
//   DPPL        M Q = log Σ exp(η Q) / η
//   DPPGreedy   M Q = max Q
//
//   r, D, d and Q⁻ as in dqn.ts
import { checkNumber } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { ActionValues, DiscreteValues } from '../action-values/index.ts';
import { DQN, type DQNOptions } from './dqn.ts';
import type { Samples } from './samples.ts';

export interface DPPOptions extends DQNOptions {
  /** Inverse temperature (η). */
  eta: number;
}

abstract class DynamicPolicyProgramming extends DQN {
  /** M Q [N] */
  protected abstract soften(values: ActionValues): Tensor;

  protected override targets({ now, next, action, reward, bootstrap }: Samples<ActionValues>): Tensor {
    const [here, there] = [now(this.target.network), next(this.target.network)];
    const kept = here.evaluateActions(action).sub(this.soften(here));
    return kept.add(reward).addcmul(bootstrap, this.soften(there));
  }
}

export class DPP extends DynamicPolicyProgramming {
  readonly #eta: number;

  constructor(options: DPPOptions) {
    super(options);
    this.#eta = checkNumber('DPP', 'eta', options.eta, { above: 0 });
  }

  protected override soften(values: ActionValues): Tensor {
    return (values as DiscreteValues).expectation(this.#eta);
  }
}

export class DPPL extends DynamicPolicyProgramming {
  readonly #eta: number;

  constructor(options: DPPOptions) {
    super(options);
    this.#eta = checkNumber('DPPL', 'eta', options.eta, { above: 0 });
  }

  protected override soften(values: ActionValues): Tensor {
    return (values as DiscreteValues).q.mul(this.#eta).logsumexp(1).div(this.#eta);
  }
}

export class DPPGreedy extends DynamicPolicyProgramming {
  protected override soften(values: ActionValues): Tensor {
    return values.max();
  }
}
