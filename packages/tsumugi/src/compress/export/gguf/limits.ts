// How far a GGUF file of each type may go from its source, in nats of next-token divergence. Our choice: several times what sound
// files of small models show, far below what broken ones do.
import type { GateLimits } from '../../gate/index.ts';
import type { GgufFileType } from './types.ts';

export const gateLimits: Readonly<Record<GgufFileType, GateLimits>> = {
  F32: { meanKl: 1e-3, maxKl: 1e-3 },
  F16: { meanKl: 0.01 }, BF16: { meanKl: 0.02 }, Q8_0: { meanKl: 0.05 },
  Q6_K: { meanKl: 0.1 }, Q5_0: { meanKl: 0.2 }, Q5_1: { meanKl: 0.2 }, Q5_K: { meanKl: 0.2 }, Q5_K_M: { meanKl: 0.2 },
  Q4_0: { meanKl: 0.5 }, Q4_1: { meanKl: 0.5 }, Q4_K: { meanKl: 0.5 }, Q4_K_M: { meanKl: 0.5 },
}; // biome-ignore format: a table
