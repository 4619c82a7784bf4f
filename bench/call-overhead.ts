// What one call costs: a 10-element add, without and with autograd, freeing the results included.
import { Rng, randn, scope, type Tensor } from 'tsumugi/torch';
import type { Context, PartResult } from './lib/part.ts';
import { row } from './lib/row.ts';
import { interleave, seconds } from './lib/sampling.ts';

const callsPerScope = 1000;

/** `calls` additions in scopes that free their results. */
function loop(a: Tensor, b: Tensor, calls: number): void {
  for (let done = 0; done < calls; done += callsPerScope)
    scope(() => {
      for (let i = 0; i < callsPerScope; i++) a.add(b);
    });
}

export async function run(context: Context): Promise<PartResult> {
  const calls = context.quick ? 10_000 : 100_000;
  const rounds = context.quick ? 3 : 15;
  using peer = await context.peer('call_overhead.py');
  const rng = new Rng(1);
  using b = randn([10], rng).keep();
  const { rows } = context;
  for (const name of ['plain', 'autograd'] as const) {
    using a = randn([10], rng).keep();
    if (name === 'autograd') a.requiresGrad_();
    const nanoseconds = await interleave(rounds, {
      ours: () => (seconds(() => loop(a, b, calls)) / calls) * 1e9,
      peer:
        peer &&
        (async () => ((await peer.ask<{ seconds: number }>('add', { case: name, calls })).seconds / calls) * 1e9),
    });
    rows.push(
      row({
        name: `10-element add, ${name}`,
        unit: 'ns per call',
        better: 'lower',
        ...nanoseconds,
        goal: { of: 'speed', bound: 1 },
      }),
    );
  }
  return {
    rows,
    notes: [`ours runs in scopes of ${callsPerScope} calls that free the results; the peer's loop is a + b`],
  };
}
