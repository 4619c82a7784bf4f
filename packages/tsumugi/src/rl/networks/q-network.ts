// Q-functions: a body, perhaps a recurrent core, and a head.
import { Module } from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import type { Body } from './body.ts';
import type { Head } from './heads.ts';
import { MLP } from './mlp.ts';
import type { RecurrentCore } from './recurrent.ts';

/** Observations [B, …shape] → the values of actions. */
export interface QFunction<V = ActionValues> extends Module {
  forward(observations: Tensor): V;
}

/** Remembers: it is unrolled over time, and what it gives is of T · B observations, those of the first step first. */
export interface RecurrentQFunction<V = ActionValues> extends Module {
  /** Numbers of a state. */
  readonly stateSize: number;
  initialState(batch: number): Tensor;
  /** Observations [T, B, …shape], state [B, S], starts as `RecurrentCore.unroll` takes them. */
  unroll(observations: Tensor, state: Tensor, starts?: Uint8Array): { values: V; state: Tensor };
}

export const isRecurrent = <V>(network: QFunction<V> | RecurrentQFunction<V>): network is RecurrentQFunction<V> =>
  'unroll' in network;

export class QNetwork<V = ActionValues> extends Module implements QFunction<V> {
  body: Body;
  head: Head<V>;

  constructor(body: Body, head: Head<V>) {
    super();
    this.body = body;
    this.head = head;
  }

  forward(observations: Tensor): V {
    return this.body instanceof MLP && this.head.onMLP
      ? this.head.onMLP(this.body, observations)
      : this.head.forward(this.body.forward(observations));
  }
}

export class RecurrentQNetwork<V = ActionValues> extends Module implements RecurrentQFunction<V> {
  body: Body;
  core: RecurrentCore;
  head: Head<V>;

  constructor(body: Body, core: RecurrentCore, head: Head<V>) {
    super();
    this.body = body;
    this.core = core;
    this.head = head;
  }

  get stateSize(): number {
    return this.core.stateSize;
  }

  initialState(batch: number): Tensor {
    return this.core.initialState(batch);
  }

  unroll(observations: Tensor, state: Tensor, starts?: Uint8Array): { values: V; state: Tensor } {
    const [length, batch] = observations.shape as [number, number];
    const features = this.body.forward(observations.flatten(0, 1)).unflatten(0, [length, batch]);
    const { output, state: last } = this.core.unroll(features, state, starts);
    return { values: this.head.forward(output.flatten(0, 1)), state: last };
  }
}
