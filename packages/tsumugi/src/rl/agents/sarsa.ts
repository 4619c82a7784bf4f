// SARSA from replay: the next action is what exploration takes at s', by the target network's values.
//
//   t = r + D (1 − d) Q⁻(s', a'), a' drawn by the explorer
import { fromBytes, type Tensor } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import type { Discrete } from '../spaces/index.ts';
import { choicesOf } from './choices.ts';
import { DQN } from './dqn.ts';
import type { Samples } from './samples.ts';

export class SARSA extends DQN {
  protected override targets({ reward, bootstrap, next }: Samples<ActionValues>): Tensor {
    const values = next(this.target.network);
    const taken = choicesOf(values, this.actionSpace).map(({ greedy, values: q }, i) =>
      this.explorer.select(this.t, i, greedy, q),
    );
    return reward.addcmul(bootstrap, values.evaluateActions(this.#tensor(taken).to(reward.device)));
  }

  #tensor(actions: readonly (number | Float32Array)[]): Tensor {
    if (this.actionSpace.kind === 'Discrete') {
      const { start } = this.actionSpace as Discrete;
      const counted = Int32Array.from(actions as number[], (action) => action - start);
      return fromBytes(counted, 'int32', [counted.length]).to('int64');
    }
    const flat = Float32Array.from((actions as Float32Array[]).flatMap((action) => [...action]));
    return fromBytes(flat, 'float32', [actions.length, flat.length / actions.length]);
  }
}
