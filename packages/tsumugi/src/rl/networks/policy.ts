// A policy alone: a body, and the head that makes a distribution of its features.
import { Module } from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { Body } from './body.ts';
import type { PolicyHead } from './policy-head.ts';

export class Policy<H extends PolicyHead = PolicyHead> extends Module {
  readonly body: Body;
  readonly head: H;

  constructor(body: Body, head: H) {
    super();
    this.body = body;
    this.head = head;
  }

  /** The same as `forward`: what agents with a policy call. */
  policyOf(observations: Tensor): ReturnType<H['forward']> {
    return this.forward(observations);
  }

  /** observations [B, …] */
  forward(observations: Tensor): ReturnType<H['forward']> {
    return this.head.forward(this.body.forward(observations)) as ReturnType<H['forward']>;
  }
}
