// Acts by the values of a network: it knows what is greedy, and remembers each environment's episode where the network has a
// memory.
import { invariant } from '../../base/index.ts';
import { type Device, fromBytes, noGrad, scope } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import type { Observation } from '../environment.ts';
import { isRecurrent, type QFunction, type RecurrentQFunction } from '../networks/index.ts';
import type { ObservationInput } from '../observation-input.ts';
import type { Space } from '../spaces/index.ts';
import { type Choice, choicesOf } from './choices.ts';

export interface ValueActorParts<V> {
  network: QFunction<V> | RecurrentQFunction<V>;
  input: ObservationInput;
  actionSpace: Space;
  device: Device;
  /** The values to act by. */
  valuesOf(output: V): ActionValues;
}

export class ValueActor<V> {
  readonly #parts: ValueActorParts<V>;
  /** By environment: the memory, where it has one; before the last choice, and now. */
  #before: Float32Array[] = [];
  #states: Float32Array[] = [];
  #observations: readonly Observation[] = [];
  readonly #choose: () => Choice[];

  constructor(parts: ValueActorParts<V>) {
    this.#parts = parts;
    // Made once: acting in one environment is a hot path.
    const choose = isRecurrent(parts.network) ? () => this.#recall() : () => this.#see();
    const scoped = () => scope(choose);
    this.#choose = () => noGrad(scoped);
  }

  /** For each environment. */
  choices(observations: readonly Observation[]): Choice[] {
    this.#observations = observations;
    return this.#choose();
  }

  #see(): Choice[] {
    const { network, input, actionSpace, device, valuesOf } = this.#parts;
    const output = (network as QFunction<V>).forward(input.tensor(this.#observations, device));
    return choicesOf(valuesOf(output), actionSpace);
  }

  #recall(): Choice[] {
    const { input, actionSpace, device, valuesOf } = this.#parts;
    const network = this.#parts.network as RecurrentQFunction<V>;
    const { stateSize } = network;
    const count = this.#observations.length;
    while (this.#states.length < count) this.#states.push(new Float32Array(stateSize));
    const states = new Float32Array(count * stateSize);
    for (let i = 0; i < count; i++) states.set(this.#states[i]!, i * stateSize);
    const observations = input.tensor(this.#observations, device).unsqueeze(0);
    const made = network.unroll(observations, fromBytes(states, 'float32', [count, stateSize]).to(device));
    const after = made.state.data() as Float32Array;
    this.#before = this.#states;
    this.#states = Array.from({ length: count }, (_, i) => after.slice(i * stateSize, (i + 1) * stateSize));
    return choicesOf(valuesOf(made.values), actionSpace);
  }

  /** What environment `i` was remembered with when the last choice was made. */
  stateBefore(i: number): Float32Array {
    const state = this.#before[i];
    invariant(state, 'a network without memory has no state');
    return state;
  }

  /** The episode of environment `i` is over. */
  reset(i: number): void {
    this.#states[i]?.fill(0);
  }

  get states(): number[][] {
    return this.#states.map((state) => [...state]);
  }

  set states(states: readonly (readonly number[])[]) {
    this.#states = states.map((state) => Float32Array.from(state));
  }
}
