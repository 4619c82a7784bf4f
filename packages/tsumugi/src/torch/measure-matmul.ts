// What this machine reaches in matrix products.
import type { Device, DType } from './dtype.ts';
import { randn } from './factories.ts';
import { Rng } from './random.ts';
import { scope } from './scope.ts';

/**
 * Floating-point operations per second of an n × n × n product: the best of those that fit into `seconds`, after one to warm up.
 */
export function measureMatmul(
  n: number,
  { device = 'cpu', dtype = 'float32', seconds = 0.5 }: { device?: Device; dtype?: DType; seconds?: number } = {},
): number {
  return scope(() => {
    const rng = new Rng(0);
    const left = randn([n, n], rng).to(dtype, device);
    const right = randn([n, n], rng).to(dtype, device);
    const once = () => {
      const began = performance.now();
      // Reading a number of the product waits for all of it.
      scope(() => left.matmul(right).select(0, 0).select(0, 0).item());
      return (performance.now() - began) / 1000;
    };
    once();
    let best = once();
    for (const end = performance.now() + seconds * 1000; performance.now() < end; ) best = Math.min(best, once());
    return (2 * n ** 3) / best;
  });
}
