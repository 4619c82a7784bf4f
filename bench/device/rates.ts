// The yardstick: the rate of one large matrix product on the device, in TFLOP/s.
import { type DType, factoryDevice, noGrad, Rng, randn, scope } from 'tsumugi/torch';
import { callsPerSecond, isQuick } from './timing.ts';

export const benchTypes = ['bfloat16', 'float32'] as const;

/** TFLOP/s of n³ products, for about `seconds`. */
export function matmulRate(dtype: DType, seconds: number, n = isQuick ? 256 : 8192): number {
  return scope(() =>
    noGrad(() => {
      const rng = new Rng(1, factoryDevice());
      const [a, b] = [1, 2].map(() => randn([n, n], rng).to(dtype));
      return (2 * n ** 3 * callsPerSecond(() => scope(() => void a!.mm(b!)), seconds)) / 1e12;
    }),
  );
}
