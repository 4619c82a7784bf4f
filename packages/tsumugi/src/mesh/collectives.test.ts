// c10d's collectives between processes of this machine: what comes out, on every rank.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runRanks } from './ranks.testing.ts';

const script = fileURLToPath(new URL('collectives.testing.ts', import.meta.url));

it.each([2, 3])('are right among %i ranks', async (world) => {
  const results = await runRanks(script, world);
  expect(results.map(({ code, stderr }) => ({ code, stderr }))).toEqual(Array(world).fill({ code: 0, stderr: '' }));
  const ranks = [...Array(world).keys()];
  const total = (world * (world + 1)) / 2;
  const found = results.map(({ stdout }) => JSON.parse(stdout));
  // Of the two, the one that did not come late has waited, even on a busy machine.
  const waited = found.map(({ waitedSeconds }) => waitedSeconds);
  expect(waited[0]).toBeGreaterThan(0.1);
  expect(waited[0]).toBeGreaterThan(waited[world - 1]);
  for (const { rank } of results) {
    const half = ranks.filter((each) => each % 2 === rank % 2).reduce((sum, each) => sum + each, 0);
    expect(found[rank]).toEqual({
      sum: [total, total, total],
      max: [world - 1, 0, 7],
      broadcast: [world - 1, world - 1],
      allGather: ranks.flatMap((each) => [each, 10 * each]),
      reduceScatter: [total + world * 2 * rank, total + world * (2 * rank + 1)],
      ring: [(rank + world - 1) % world],
      numbers: [total - world, expect.closeTo(0.1 * world, 14)],
      json: ranks.map((each) => 'あ'.repeat(each)),
      records: Object.fromEntries([['all', total - world], ...ranks.map((each) => [`own${each}`, 'NaN'])]),
      half: [half, half],
      waitedSeconds: expect.any(Number),
    });
  }
});
