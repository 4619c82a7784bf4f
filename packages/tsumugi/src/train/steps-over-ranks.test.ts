// Steps over ranks with gradients in many buckets, as of a large model; and who holds up whom in them.
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { layOutBackwards } from '../mesh/flat-layout.ts';
import { solo } from '../mesh/index.ts';
import { runRanks } from '../mesh/ranks.testing.ts';
import { trainable } from '../nn/index.ts';
import type { Shard } from './scale/shards.ts';
import { type StepsSettings, type StepsTaken, smallModel, takeSteps } from './steps.testing.ts';

const script = fileURLToPath(new URL('steps-ranks.testing.ts', import.meta.url));
const world = 2;
/** Of a model of 140 kB. */
const bucketBytes = 16_384;
const cut = ['none', 'zero1', 'zero2'] as const;
/** Long beside a step of the small model, also where the machine has much else to do. */
const slow = { rank: 1, milliseconds: 300 };

const cases: Readonly<Record<string, StepsSettings>> = {
  ...Object.fromEntries(
    [4, 1].flatMap((microRows) => [
      [`one bucket, ${microRows}`, { shard: 'none', microRows } as const],
      ...cut.map((shard) => [`${shard}, ${microRows}`, { shard, microRows, bucketBytes }] as const),
    ]),
  ),
  'slow, zero2': { shard: 'zero2', microRows: 4, slow },
  'slow, zero3': { shard: 'zero3', microRows: 4, slow },
  'slow, shared rows': { shard: 'none', microRows: 4, sharesRows: true, slow },
};

const found = new Map<string, StepsTaken>();
beforeAll(async () => {
  const ranks = await runRanks(script, world, { args: [JSON.stringify(Object.values(cases))] });
  for (const { code, signal, stderr } of ranks) expect(code, `${signal} ${stderr}`).toBe(0);
  const [first, ...others] = ranks.map(({ stdout }) => JSON.parse(stdout) as StepsTaken[]);
  for (const other of others) expect(other).toEqual(first);
  for (const [i, name] of Object.keys(cases).entries()) found.set(name, first![i]!);
}, 120_000);

const farthest = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((each, i) => Math.abs(each / b[i]! - 1)));

describe.each(cut)('%s, in many buckets', (shard: Shard) => {
  it('gives the bits of one bucket', () => {
    using model = smallModel();
    expect(layOutBackwards(trainable(model), world, bucketBytes).length).toBeGreaterThan(4);
    const [one, many] = [found.get('one bucket, 4')!, found.get(`${shard}, 4`)!];
    expect(many.losses).toEqual(one.losses);
    expect(many.weights).toBe(one.weights);
  });

  it('gives what one process gives, with several backwards in a step', () => {
    const { losses, norms } = takeSteps(solo, { shard: 'none', microRows: 1 });
    for (const microRows of [4, 1]) {
      const many = found.get(`${shard}, ${microRows}`)!;
      expect(farthest(many.losses, losses), `${microRows} rows at a time`).toBeLessThan(1e-6);
      expect(farthest(many.norms, norms), `${microRows} rows at a time`).toBeLessThan(1e-5);
    }
  });
});

it.each(Object.keys(cases).filter((name) => name.startsWith('slow')))(
  'names the rank that holds up the other: %s',
  (name) => {
    expect(found.get(name)!.note).toMatch(/rank 1 on .* is slow/);
  },
);
