// Minibatches of a rollout for a model, recurrent or not.
import type { RandomStream } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { isRecurrentModel, type PolicyValues } from '../networks/index.ts';
import { minibatches, sequenceBatches, sequencesOf } from './minibatches.ts';
import type { ActorCriticModel } from './policy-stepper.ts';
import type { Rollout } from './rollout.ts';
import { indexOf, unrolledSequences } from './sequence-batch.ts';

export interface BatchSettings {
  minibatchSize: number;
  epochs: number;
  /** Longest sequence that a recurrent model learns from at a time; null: whole episodes of the rollout. */
  maxSequenceLength: number | null;
}

/**
 * Rows of every minibatch, and what the model says of them, when asked. What a batch holds is freed when the next is asked for.
 *
 * @param x observations as the model takes them [T·N, …]
 */
export function* rolloutBatches(
  model: ActorCriticModel,
  x: Tensor,
  rollout: Rollout,
  { minibatchSize, epochs, maxSequenceLength }: BatchSettings,
  order: RandomStream,
): Generator<{ index: Tensor; output: () => PolicyValues }> {
  if (!isRecurrentModel(model)) {
    for (const rows of minibatches(rollout.rows, minibatchSize, epochs, order)) {
      using index = indexOf(rows, x.device);
      yield { index, output: () => model.forward(x.indexSelect(0, index)) };
    }
    return;
  }
  const { environments } = rollout;
  const pieces = sequencesOf(rollout.last(), environments, maxSequenceLength ?? Infinity);
  for (const batch of sequenceBatches(pieces, environments, minibatchSize, epochs, order)) {
    const { rows, output } = unrolledSequences(model, x, batch, rollout);
    using index = indexOf(rows, x.device);
    yield { index, output };
  }
}
