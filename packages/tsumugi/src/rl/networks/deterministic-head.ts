// A policy that knows one action.
import { checkOptions, type OptionNames } from '../../base/index.ts';
import { Linear, Module } from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { Deterministic } from '../distributions/index.ts';
import type { Box } from '../spaces/index.ts';
import { affine } from './affine.ts';
import { BoundByTanh } from './bound-by-tanh.ts';
import { type HeadOptions, headOptions, layerOptions } from './head-options.ts';

export interface DeterministicHeadOptions extends HeadOptions {
  /** The box that tanh brings the action into; none when left out: a = W x + b. */
  bound?: Box;
}

const options: OptionNames<DeterministicHeadOptions> = { ...headOptions, bound: true };

/** a = bound(W x + b). */
export class DeterministicHead extends Module {
  readonly linear: Linear;
  readonly bound: BoundByTanh | null;

  constructor(inFeatures: number, size: number, given: DeterministicHeadOptions = {}) {
    super();
    checkOptions('DeterministicHead', given, options);
    this.linear = new Linear(inFeatures, size, layerOptions(given));
    this.bound = given.bound ? new BoundByTanh(given.bound, this.linear.weight.device) : null;
  }

  forward(features: Tensor): Deterministic {
    const x = affine(this.linear, features);
    return new Deterministic(this.bound ? this.bound.forward(x) : x);
  }
}
