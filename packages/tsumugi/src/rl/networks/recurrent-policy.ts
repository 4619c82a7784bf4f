// A policy alone that remembers: a body, a recurrent core and the head.
//
//   T time steps   B environments   S numbers of state
import { Module } from '../../nn/index.ts';
import { type Tensor, zeros } from '../../torch/index.ts';
import type { Body } from './body.ts';
import type { PolicyHead } from './policy-head.ts';
import type { RecurrentCore } from './recurrent.ts';
import type { RecurrentPolicyModule, UnrolledPolicy } from './recurrent-actor-critic.ts';

export class RecurrentPolicy<H extends PolicyHead = PolicyHead> extends Module implements RecurrentPolicyModule {
  readonly body: Body;
  readonly core: RecurrentCore;
  readonly head: H;

  constructor(body: Body, core: RecurrentCore, head: H) {
    super();
    this.body = body;
    this.core = core;
    this.head = head;
  }

  get stateSize(): number {
    return this.core.stateSize;
  }

  initialState(batch: number): Tensor {
    return zeros([batch, this.stateSize], { device: this.parameters()[0]!.device });
  }

  /** observations [T, B, …], state [B, S] */
  unroll(observations: Tensor, state: Tensor, starts?: Uint8Array): UnrolledPolicy {
    const [length, batch] = observations.shape as [number, number];
    const features = this.body.forward(observations.flatten(0, 1)).unflatten(0, [length, batch]);
    const { output, state: after } = this.core.unroll(features, state, starts);
    return { distribution: this.head.forward(output), state: after };
  }
}
