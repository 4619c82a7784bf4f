// SARSA from replay: the next action is what exploration takes at s', by the target network's values.
//
//   t = r + D (1 − d) Q⁻(s', a'), a' drawn by the explorer
//
//   r, D, d and Q⁻ as in dqn.ts
import type { Tensor } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import { actionTensor } from './action-tensor.ts';
import { choicesOf } from './choices.ts';
import { DQN } from './dqn.ts';
import type { Samples } from './samples.ts';

export class SARSA extends DQN {
  protected override targets({ reward, bootstrap, next }: Samples<ActionValues>): Tensor {
    const values = next(this.target.network);
    const taken = choicesOf(values, this.actionSpace).map(({ greedy, values: q }, i) =>
      this.explorer.select(this.t, i, greedy, q),
    );
    return reward.addcmul(bootstrap, values.evaluateActions(actionTensor(taken, this.actionSpace, reward.device)));
  }
}
