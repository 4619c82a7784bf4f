// Double DQN (van Hasselt et al. 2016, arXiv 1509.06461): the network says which action is best, the target network its value.
//
//   t = r + D (1 − d) Q⁻(s', argmaxₐ' Q(s', a'))
import type { Tensor } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import { DQN } from './dqn.ts';
import type { Samples } from './samples.ts';

export class DoubleDQN extends DQN {
  protected override targets({ reward, bootstrap, next }: Samples<ActionValues>): Tensor {
    const best = next(this.network).greedyActions();
    return reward.addcmul(bootstrap, next(this.target.network).evaluateActions(best));
  }
}
