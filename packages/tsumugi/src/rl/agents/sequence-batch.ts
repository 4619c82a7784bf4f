// Sequences of a rollout as one batch for a recurrent model: side by side, the short ones filled up.
import { type Device, fromBytes, type Tensor } from '../../torch/index.ts';
import type { PolicyValues, RecurrentActorCriticModule } from '../networks/index.ts';
import { onDevice } from '../on-device.ts';
import type { Sequence } from './minibatches.ts';
import type { Rollout } from './rollout.ts';

/** Rows as what `indexSelect` takes. */
export const indexOf = (rows: ArrayLike<number>, device: Device): Tensor => {
  const numbers = BigInt64Array.from({ length: rows.length }, (_, i) => BigInt(rows[i]!));
  return onDevice(fromBytes(numbers, 'int64', [rows.length]), device);
};

/**
 * The rows of all sequences, one sequence after the other, and the model's word on them in the same order. Each sequence begins
 * with the memory that the policy had there when it acted.
 *
 * @param x observations as the model takes them [T·N, …]
 */
export function unrolledSequences(
  model: RecurrentActorCriticModule,
  x: Tensor,
  sequences: readonly Sequence[],
  { environments, memories, stateSize }: Rollout,
): { rows: number[]; output: () => PolicyValues } {
  const longest = Math.max(...sequences.map(({ length }) => length));
  const padded = new Int32Array(longest * sequences.length);
  const places: number[] = [];
  const rows: number[] = [];
  const state = new Float32Array(sequences.length * stateSize);
  sequences.forEach(({ first, length }, b) => {
    state.set(memories.subarray(first * stateSize, (first + 1) * stateSize), b * stateSize);
    for (let t = 0; t < longest; t++) {
      const row = first + Math.min(t, length - 1) * environments;
      padded[t * sequences.length + b] = row;
      if (t >= length) continue;
      places.push(t * sequences.length + b);
      rows.push(row);
    }
  });
  const output = () => {
    const together = x.indexSelect(0, indexOf(padded, x.device)).unflatten(0, [longest, sequences.length]);
    const { distribution, values } = model.unroll(
      together,
      onDevice(fromBytes(state, 'float32', [sequences.length, stateSize]), x.device),
    );
    const index = indexOf(places, x.device);
    const picked = (of: Tensor) => of.flatten(0, 1).indexSelect(0, index);
    return {
      distribution: distribution.withParameters(distribution.parameters.map(picked)),
      values: picked(values),
    };
  };
  return { rows, output };
}
