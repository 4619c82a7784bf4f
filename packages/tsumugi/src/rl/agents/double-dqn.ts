// Double DQN (van Hasselt et al. 2016, arXiv 1509.06461): the network says which action is best, the target network its value.
//
//   t = r + D (1 − d) Q⁻(s', argmaxₐ' Q(s', a'))
//
//   r, D, d and Q⁻ as in dqn.ts
import type { Tensor } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import { DQN } from './dqn.ts';
import type { Samples } from './samples.ts';

type Network = DQN['network'];

/** t [N] */
export function doubleTargets(
  { reward, bootstrap, next }: Samples<ActionValues>,
  network: Network,
  target: Network,
): Tensor {
  const best = next(network).greedyActions();
  return reward.addcmul(bootstrap, next(target).evaluateActions(best));
}

export class DoubleDQN extends DQN {
  protected override targets(samples: Samples<ActionValues>): Tensor {
    return doubleTargets(samples, this.network, this.target.network);
  }
}
