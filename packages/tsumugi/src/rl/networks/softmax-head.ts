// Policies over the actions of a `Discrete` space.
import { checkNumber, checkOptions, type OptionNames } from '../../base/index.ts';
import { Linear, Module } from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { Categorical, Mellowmax } from '../distributions/index.ts';
import { affine } from './affine.ts';
import { type HeadOptions, headOptions, layerOptions } from './head-options.ts';

export interface SoftmaxHeadOptions extends HeadOptions {
  /** Inverse temperature; 1 when left out. */
  beta?: number;
  /** Of every action, so that none dies out; 0 when left out. */
  minProbability?: number;
}

const softmaxOptions: OptionNames<SoftmaxHeadOptions> = { ...headOptions, beta: true, minProbability: true };

/** softmax(β (W x + b)). */
export class SoftmaxHead extends Module {
  readonly linear: Linear;
  readonly beta: number;
  readonly minProbability: number;

  constructor(inFeatures: number, numActions: number, options: SoftmaxHeadOptions = {}) {
    super();
    checkOptions('SoftmaxHead', options, softmaxOptions);
    this.beta = checkNumber('SoftmaxHead', 'beta', options.beta ?? 1, { above: 0 });
    const range = { min: 0, max: 1 / numActions };
    this.minProbability = checkNumber('SoftmaxHead', 'minProbability', options.minProbability ?? 0, range);
    this.linear = new Linear(inFeatures, numActions, layerOptions(options));
  }

  forward(features: Tensor): Categorical {
    return new Categorical(affine(this.linear, features), this.beta, this.minProbability);
  }
}

export interface MellowmaxHeadOptions extends HeadOptions {
  /** 1 when left out. */
  omega?: number;
}

const mellowmaxOptions: OptionNames<MellowmaxHeadOptions> = { ...headOptions, omega: true };

/** The maximum-entropy mellowmax policy of q = W x + b. */
export class MellowmaxHead extends Module {
  readonly linear: Linear;
  readonly omega: number;

  constructor(inFeatures: number, numActions: number, options: MellowmaxHeadOptions = {}) {
    super();
    checkOptions('MellowmaxHead', options, mellowmaxOptions);
    this.omega = checkNumber('MellowmaxHead', 'omega', options.omega ?? 1, { above: 0 });
    this.linear = new Linear(inFeatures, numActions, layerOptions(options));
  }

  forward(features: Tensor): Mellowmax {
    return new Mellowmax(affine(this.linear, features), this.omega);
  }
}
