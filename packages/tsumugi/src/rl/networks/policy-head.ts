// What makes a policy of a body's features: the last layer, and the distribution of its outputs.
import type { Module } from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { Distribution } from '../distributions/index.ts';

export interface PolicyHead extends Module {
  /** features [..., H] */
  forward(features: Tensor): Distribution;
}
