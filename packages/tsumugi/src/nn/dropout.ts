// Dropout (Srivastava et al. 2014) from an explicit stream.
import { ConfigError } from '../base/index.ts';
import { empty, type Generator, type Tensor } from '../torch/index.ts';
import { Module } from './module.ts';

/** Sets elements to 0 with probability `p` and scales the others by 1 / (1 − p). Any shape. */
export function dropout(x: Tensor, p: number, generator: Generator): Tensor {
  if (p === 0) return x;
  const mask = empty(x.shape, { dtype: x.dtype, device: x.device }).bernoulli_(1 - p, { generator });
  return x.mul(mask.mul_(1 / (1 - p)));
}

/** Dropout as a layer: the identity after `eval()`. */
export class Dropout extends Module {
  readonly p: number;
  readonly generator: Generator;

  constructor(p: number, options: { generator: Generator }) {
    super();
    if (!(p >= 0 && p < 1))
      throw new ConfigError('out-of-range', `dropout probability must be in [0, 1), got ${p}`, { fields: { p } });
    this.p = p;
    this.generator = options.generator;
  }

  forward(x: Tensor): Tensor {
    return this.training ? dropout(x, this.p, this.generator) : x;
  }
}
