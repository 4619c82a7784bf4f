// Residual gradient (Baird 1995): no target network, and the gradient flows through both sides of Bellman's equation.
//
//   t = r + D (1 − d) maxₐ' Q(s', a'), whose gradient counts `gradScale` times
//
//   r, D and d as in dqn.ts
import { checkNumber } from '../../base/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import { DQN, type DQNOptions } from './dqn.ts';
import type { BatchLoss } from './q-agent.ts';
import type { Samples } from './samples.ts';
import { valueLoss } from './value-loss.ts';

export interface ResidualDQNOptions extends DQNOptions {
  /** Factor of the gradient through t. */
  gradScale: number;
}

export class ResidualDQN extends DQN {
  readonly #gradScale: number;

  constructor(options: ResidualDQNOptions) {
    super(options);
    this.#gradScale = checkNumber('ResidualDQN', 'gradScale', options.gradScale, { min: 0 });
  }

  protected override losses({ now, next, action, reward, bootstrap, weight }: Samples<ActionValues>): BatchLoss {
    const y = now(this.network).evaluateActions(action);
    const best = next(this.network).max();
    const held = best.detach();
    const t = reward.addcmul(bootstrap, held.add(best.sub(held).mul(this.#gradScale)));
    return { loss: valueLoss(y, t, weight, this.options), errors: () => y.detach().sub(t.detach()).abs() };
  }
}
