// Rows that lie over the ranks of a mesh, against the same rows in one process.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { solo } from '../../mesh/index.ts';
import { runRanks } from '../../mesh/ranks.testing.ts';
import { scope, zeros } from '../../torch/index.ts';
import { Cache, initialWeights, Plamo2 } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import type { Comparison } from './long-rows.testing.ts';

const script = fileURLToPath(new URL('long-rows.testing.ts', import.meta.url));
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

it.each([2, 3, 4])('have the loss and the gradients of one process over %i ranks', async (world) => {
  const results = await runRanks(script, world);
  expect(results.map(({ code, stderr }) => ({ code, stderr }))).toEqual(Array(world).fill({ code: 0, stderr: '' }));
  const { reached, held, ...cases } = JSON.parse(results[0]!.stdout);
  expect(Object.keys(cases)).toHaveLength(9);
  for (const [name, [double, single]] of Object.entries<[Comparison, Comparison?]>(cases)) {
    expect(double.loss, name).toBeLessThan(1e-14);
    expect(double.gradient, `${name}: ${double.worst}`).toBeLessThan(1e-12);
    if (!single) continue;
    expect(single.loss, name).toBeLessThan(1e-6);
    expect(single.gradient, `${name}: ${single.worst}`).toBeLessThan(1e-5);
  }
  // Tokens 13 to 26 are a document: nothing of it is seen outside of it, and all of it that comes later sees it.
  expect(reached).toEqual([range(15, 27), range(15, 27), [26]]);
  // Of the memory of one process, with a window and with full attention: about half.
  for (const share of held.flat()) expect(share).toBeLessThan(0.6);
});

it('are refused where they have too few tokens, or go on from a cache', () => {
  using model = new Plamo2(smallConfig(), initialWeights(1));
  const ids = scope(() => zeros([1, 2], { dtype: 'int64' }));
  const sequenceParallel = { ...solo, world: 3 };
  expect(() => model.forward(ids, { sequenceParallel })).toThrow(
    'rows of 2 tokens cannot lie over 3 ranks: each needs a token at least',
  );
  using cache = new Cache(model);
  expect(() => model.forward(ids, { sequenceParallel, cache })).toThrow('a cache holds whole rows');
  ids.dispose();
});
