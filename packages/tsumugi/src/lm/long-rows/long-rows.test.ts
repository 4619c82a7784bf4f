// Rows that lie over the ranks of a mesh, against the same rows in one process.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { inTime } from '../../base/thorough.testing.ts';
import { solo } from '../../mesh/index.ts';
import { runRanks } from '../../mesh/ranks.testing.ts';
import { toldMesh } from '../../mesh/told-mesh.testing.ts';
import { scope, type Tensor, tensor, zeros } from '../../torch/index.ts';
import { Cache, initialWeights, Plamo2 } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import type { LossParts } from '../types.ts';
import type { Comparison } from './long-rows.testing.ts';
import { lossOfPart } from './loss.ts';
import { RowParts } from './parts.ts';

const script = fileURLToPath(new URL('long-rows.testing.ts', import.meta.url));
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

it.each(inTime([3], [2, 3, 4]))('have the loss and the gradients of one process over %i ranks', async (world) => {
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

it('know the documents of each row by itself, and what of other parts is in reach', () => {
  scope(() => {
    // The document that ends a row has the number of the one that begins the next.
    const documents = tensor([0, 1, 1, 1, 1, 1, 1, 1, 0, 0], { dtype: 'int32', shape: [2, 5] });
    const parts = new RowParts(toldMesh(1, 2), [2, 5], documents);
    expect([parts.from, parts.to, parts.of(0)]).toEqual([2, 5, { from: 0, to: 2 }]);
    const starts = (b: number) => range(0, 5).map((t) => parts.start(b, t));
    expect([starts(0), starts(1)]).toEqual([[0, 1, 1, 1, 1], [0, 0, 0, 3, 3]]); // biome-ignore format: rows
    expect([parts.open(0), parts.open(1)]).toEqual([3, 1]);
    expect([1, 2, 9, null].map((window) => parts.inReach(1, 0, window))).toEqual([1, 0, 0, 0].map((from) => ({ from, to: 2 }))); // biome-ignore format: one line
    expect([parts.inReach(0, 1, null), parts.inReach(2, 0, null)]).toEqual([{ from: 0, to: 0 }, { from: 0, to: 0 }]); // biome-ignore format: one line
  });
});

it('share a loss that is a mean over the targets of the whole rows', () => {
  scope(() => {
    const targets = tensor([5, -100, 7, 8, 9], { dtype: 'int64', shape: [1, 5] });
    const sumOf = (own: Tensor) => {
      const loss = own.ne(-100).sum().to('float64');
      return { loss, crossEntropy: loss.mul(2) } as unknown as LossParts;
    };
    const of = (rank: number, reduction: 'sum' | 'mean') => lossOfPart(toldMesh(rank, 2), targets, reduction, sumOf);
    expect([0, 1].map((rank) => of(rank, 'sum').loss.item())).toEqual([1, 3]);
    expect([0, 1].map((rank) => [of(rank, 'mean').loss.item(), of(rank, 'mean').crossEntropy.item()])).toEqual([[0.25, 0.5], [0.75, 1.5]]); // biome-ignore format: one line
  });
});
