// Q-functions: a body, perhaps a recurrent core, and a head.
import { Module } from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import type { Body } from './body.ts';
import type { Head } from './heads.ts';
import type { RecurrentCore } from './recurrent.ts';

/** Observations [B, …shape] → the values of actions. */
export interface QFunction extends Module {
  forward(observations: Tensor): ActionValues;
}

/** Remembers: it is unrolled over time, and what it gives is of T · B observations, those of the first step first. */
export interface RecurrentQFunction extends Module {
  /** Numbers of a state. */
  readonly stateSize: number;
  initialState(batch: number): Tensor;
  /** Observations [T, B, …shape], state [B, S], starts as `RecurrentCore.unroll` takes them. */
  unroll(observations: Tensor, state: Tensor, starts?: Uint8Array): { values: ActionValues; state: Tensor };
}

export const isRecurrent = (network: Module): network is RecurrentQFunction => 'unroll' in network;

export class QNetwork extends Module implements QFunction {
  body: Body;
  head: Head;

  constructor(body: Body, head: Head) {
    super();
    this.body = body;
    this.head = head;
  }

  forward(observations: Tensor): ActionValues {
    return this.head.forward(this.body.forward(observations));
  }
}

export class RecurrentQNetwork extends Module implements RecurrentQFunction {
  body: Body;
  core: RecurrentCore;
  head: Head;

  constructor(body: Body, core: RecurrentCore, head: Head) {
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

  unroll(observations: Tensor, state: Tensor, starts?: Uint8Array): { values: ActionValues; state: Tensor } {
    const [length, batch] = observations.shape as [number, number];
    const features = this.body.forward(observations.flatten(0, 1)).unflatten(0, [length, batch]);
    const { output, state: last } = this.core.unroll(features, state, starts);
    return { values: this.head.forward(output.flatten(0, 1)), state: last };
  }
}
