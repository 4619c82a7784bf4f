// f32 products as a share of the CPU's measured peak, and matrix–vector products as a share of the memory's bandwidth.
import { noGrad, Rng, randn, scope } from 'tsumugi/torch';
import type { Context, PartResult } from './lib/part.ts';
import { row } from './lib/row.ts';
import { interleave, seconds } from './lib/sampling.ts';

interface Case {
  name: string;
  /** [m, k] · [k, n]; n = 0 means a vector of k. */
  m: number;
  k: number;
  n: number;
}

const square = (n: number): Case => ({ name: `${n}³`, m: n, k: n, n });

// Square ones, those of the bench model's layers at 4,096 tokens (hidden 384, FFN 1,024), and one weight times one token.
const cases = (quick: boolean): Case[] =>
  quick
    ? [square(256), { name: 'mv 1024²', m: 1024, k: 1024, n: 0 }]
    : [
        square(512),
        square(1024),
        square(2048),
        { name: '4096 tokens, 384 → 2048', m: 4096, k: 384, n: 2048 },
        { name: '4096 tokens, 1024 → 384', m: 4096, k: 1024, n: 384 },
        { name: 'mv 4096² (64 MiB)', m: 4096, k: 4096, n: 0 },
        { name: 'mv 16384² (1 GiB)', m: 16384, k: 16384, n: 0 },
      ];

export async function run(context: Context): Promise<PartResult> {
  using peer = await context.peer('matmul.py');
  const rng = new Rng(1);
  const { rows } = context;
  for (const { name, m, k, n } of cases(context.quick)) {
    const isProduct = n > 0;
    using a = randn([m, k], rng).keep();
    using b = randn(isProduct ? [k, n] : [k], rng).keep();
    await peer?.ask('prepare', { case: name, shape: [m, k, n] });
    // Billions of operations, or of bytes, per call; and enough calls for some 50 ms.
    const amount = (isProduct ? 2 * m * k * n : 4 * m * k) / 1e9;
    const pace = isProduct ? context.machine.matmulGflops : context.machine.bandwidthGBs;
    const count = Math.max(1, Math.round(((context.quick ? 0.01 : 0.05) * pace) / amount));
    const work = () => {
      for (let i = 0; i < count; i++) scope(() => void (isProduct ? a.mm(b) : a.mv(b)));
    };
    const rates = await interleave(context.quick ? 3 : 9, {
      ours: () => noGrad(() => (amount * count) / seconds(work)),
      peer:
        peer &&
        (async () => (amount * count) / (await peer.ask<{ seconds: number }>('sample', { case: name, count })).seconds),
    });
    const peak = isProduct
      ? { of: 'FMA peak', value: context.machine.fmaGflops }
      : { of: 'bandwidth', value: context.machine.bandwidthGBs };
    rows.push(row({ name, unit: isProduct ? 'GFLOP/s' : 'GB/s', better: 'higher', ...rates, peak }));
  }
  return { rows, notes: ['a matrix that fits the last cache can be read faster than memory'] };
}
