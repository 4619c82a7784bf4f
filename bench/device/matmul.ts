// Matrix products of three sizes, in both types.
import { say } from '../../scripts/device-check/say.ts';
import { benchTypes, matmulRate } from './rates.ts';
import { isQuick } from './timing.ts';

for (const dtype of benchTypes)
  for (const n of isQuick ? [128, 256] : [2048, 4096, 8192])
    say({
      metric: { name: `matmul ${n}³, ${dtype}`, value: matmulRate(dtype, isQuick ? 0.1 : 1, n), unit: 'TFLOP/s' },
    });
