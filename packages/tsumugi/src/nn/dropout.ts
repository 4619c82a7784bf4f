// Dropout (Srivastava et al. 2014) from an explicit stream.
import { ConfigError, checkOptions } from '../base/index.ts';
import { checkRng, defaultRng, empty, type Rng, type Tensor } from '../torch/index.ts';
import { Module } from './module.ts';
import { layerHints } from './weights.ts';

/** @throws ConfigError unless it is a probability */
export function checkProbability(p: number, what: string): void {
  if (p >= 0 && p <= 1) return;
  throw new ConfigError('out-of-range', `${what} must be in [0, 1], got ${p}`, { fields: { p } });
}

/**
 * Sets elements to 0 with probability `p`, whatever they are, and scales the others by 1 / (1 − p). Any shape.
 *
 * @example
 * ```ts
 * console.log(dropout(ones(3), 0, new Rng(0)).tolist()); // prints [1,1,1]
 * ```
 */
export function dropout(x: Tensor, p = 0.5, rng: Rng = defaultRng(x.device)): Tensor {
  checkProbability(p, 'dropout probability');
  if (p === 0) return x;
  const kept = empty(x.shape, { dtype: x.dtype, device: x.device }).bernoulli_(1 - p, { rng });
  return x.mul(p === 1 ? 0 : 1 / (1 - p)).maskedFill(kept.eq(0), 0);
}

/**
 * Dropout as a layer: the identity after `eval()`.
 *
 * @example
 * ```ts
 * const layer = new Dropout(0.5, { rng: new Rng(0) });
 * console.log(layer.forward(ones(100)).max().item()); // prints 2
 * console.log(layer.eval().forward(ones(3)).tolist()); // prints [1,1,1]
 * ```
 */
export class Dropout extends Module {
  readonly p: number;
  /** What it draws from; the default stream (`manualSeed`) when undefined. */
  readonly rng: Rng | undefined;

  constructor(p = 0.5, options: { rng?: Rng | undefined } = {}) {
    super();
    checkOptions('Dropout', options, { rng: true }, layerHints);
    checkProbability(p, 'dropout probability');
    this.p = p;
    this.rng = options.rng && checkRng('Dropout', options.rng);
  }

  forward(x: Tensor): Tensor {
    return this.training ? dropout(x, this.p, this.rng) : x;
  }
}
