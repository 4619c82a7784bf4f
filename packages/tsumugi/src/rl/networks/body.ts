// What a network begins with: observations [B, …shape] → features [B, F].
import type { UnaryModule } from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';

export interface Body extends UnaryModule {
  /** F */
  readonly features: number;
}

/** Pixels of one byte as float32 in [0, 1]; everything else as it is. */
export const scaled = (x: Tensor): Tensor => (x.dtype === 'uint8' ? x.to('float32').mul(1 / 255) : x);
