// What an agent learns from, whether its samples are windows of steps or stretches of episodes: the tensors of N steps, and what
// a network says at their states and at those after them. A network with a memory is unrolled over the stretch, from the state
// that was kept with its first step.
import { type Device, fromBytes, type Tensor } from '../../torch/index.ts';
import type { Rows } from '../action-values/index.ts';
import type { QFunction, RecurrentQFunction } from '../networks/index.ts';
import type { ObservationInput } from '../observation-input.ts';
import type { Batch, EpisodeBatch } from '../replay/index.ts';
import { batchTensors } from '../replay/index.ts';

export interface Samples<V> {
  /** int64 [N], or [N, elements] */
  action: Tensor;
  /** [N] */
  reward: Tensor;
  /** γ^length · (1 − terminated), by which what follows counts. [N] */
  bootstrap: Tensor;
  /** Of importance sampling [N], where there is one. */
  weight: Tensor | undefined;
  /** Q(s, ·) */
  now(network: QFunction<V> | RecurrentQFunction<V>): V;
  /** Q(s', ·) */
  next(network: QFunction<V> | RecurrentQFunction<V>): V;
}

export function windowSamples<V>(batch: Batch, input: ObservationInput, device: Device): Samples<V> {
  const { observation, next, ...rest } = batchTensors(batch, input, device);
  return {
    ...rest,
    now: (network) => (network as QFunction<V>).forward(observation),
    next: (network) => (network as QFunction<V>).forward(next),
  };
}

/** @param gamma discount of a step */
export function episodeSamples<V extends Rows<V>>(
  batch: EpisodeBatch,
  input: ObservationInput,
  gamma: number,
  device: Device,
): Samples<V> {
  const { size, length, lengths, actions, rewards, terminated, extras } = batch;
  // The steps that there are, time first.
  const places: number[] = [];
  for (let t = 0; t < length; t++) for (let b = 0; b < size; b++) if (t < lengths[b]!) places.push(t * size + b);
  const picked = (of: (place: number) => number) =>
    fromBytes(Float32Array.from(places, of), 'float32', [places.length]).to(device);
  const index = (shift: number) =>
    fromBytes(
      Int32Array.from(places, (place) => place + shift),
      'int32',
      [places.length],
    ).to('int64', device);
  const width = actions.length / (length * size);
  const observations = input.fromRows(batch.observations, [length + 1, size]).to(device);
  const state = extras['state']!;
  const first = fromBytes(state.slice(0, state.length / length), 'float32', [size, state.length / (length * size)]).to(
    device,
  );
  // A network is unrolled once, over all observations, whatever is asked of it.
  const unrolled = new Map<object, V>();
  const over = (network: QFunction<V> | RecurrentQFunction<V>): V => {
    let values = unrolled.get(network);
    if (!values) {
      values = (network as RecurrentQFunction<V>).unroll(observations, first).values;
      unrolled.set(network, values);
    }
    return values;
  };
  return {
    action:
      actions instanceof Int32Array
        ? fromBytes(
            Int32Array.from(places, (place) => actions[place]!),
            'int32',
            [places.length],
          ).to('int64', device)
        : fromBytes(
            Float32Array.from(places.flatMap((place) => [...actions.subarray(place * width, (place + 1) * width)])),
            'float32',
            [places.length, width],
          ).to(device),
    reward: picked((place) => rewards[place]!),
    bootstrap: picked((place) => (terminated[place] ? 0 : gamma)),
    weight: undefined,
    now: (network) => over(network).rows(index(0)),
    next: (network) => over(network).rows(index(size)),
  };
}
