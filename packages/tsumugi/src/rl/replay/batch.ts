// What replay gives: windows of steps as arrays, and as tensors.
import { type Device, fromBytes, type Tensor } from '../../torch/index.ts';
import type { ObservationInput, ObservationRows } from '../observation-input.ts';
import { onDevice } from '../on-device.ts';

/** B windows of up to n steps. The arrays are the buffer's: they hold until its next sample. */
export interface Batch {
  readonly size: number;
  /** Where the windows begin. [B, width] */
  readonly observations: ObservationRows;
  /** The first action of each: its number counted from 0, or its elements. */
  readonly actions: Int32Array | Float32Array;
  /** Σ γⁱ rᵢ over the window. */
  readonly rewards: Float32Array;
  /** After its last step. [B, width] */
  readonly nexts: ObservationRows;
  /** Whether the task ended with it: 0 or 1. */
  readonly terminated: Uint8Array;
  /** γ to the power of its length, ended windows are shorter than n. */
  readonly discounts: Float32Array;
  /** Of its first step, by name. */
  readonly extras: Readonly<Record<string, Float32Array>>;
  /** Of importance sampling, where samples are prioritized. */
  readonly weights: Float32Array | undefined;
}

/** A batch as tensors. */
export interface TensorBatch {
  /** [B, …shape] */
  observation: Tensor;
  /** int64 [B], or [B, elements] */
  action: Tensor;
  /** [B] */
  reward: Tensor;
  /** [B, …shape] */
  next: Tensor;
  /** γ^length · (1 − terminated), by which the value of `next` counts. [B] */
  bootstrap: Tensor;
  /** [B], where samples are prioritized. */
  weight: Tensor | undefined;
}

/** Counted from 0, as the low halves of int64. */
function widened(actions: Int32Array): Int32Array {
  const halves = new Int32Array(2 * actions.length);
  for (let i = 0; i < actions.length; i++) halves[2 * i] = actions[i]!;
  return halves;
}

export function batchTensors(batch: Batch, input: ObservationInput, device: Device = 'cpu'): TensorBatch {
  const { size, actions, discounts, terminated, weights } = batch;
  const bootstrap = new Float32Array(size);
  for (let i = 0; i < size; i++) bootstrap[i] = terminated[i] ? 0 : discounts[i]!;
  const floats = (values: Float32Array) => onDevice(fromBytes(values, 'float32', [size]), device);
  return {
    observation: input.fromRows(batch.observations, [size], device),
    action:
      actions instanceof Int32Array
        ? onDevice(fromBytes(widened(actions), 'int64', [size]), device)
        : onDevice(fromBytes(actions, 'float32', [size, actions.length / size]), device),
    reward: floats(batch.rewards),
    next: input.fromRows(batch.nexts, [size], device),
    bootstrap: floats(bootstrap),
    weight: weights && floats(weights),
  };
}
