// What is measured of a text, against the model's own outputs; and what is kept of it.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Plamo2, tokenLogprobs } from '../../lm/index.ts';
import { namedModules } from '../../nn/index.ts';
import { noGrad, scope, tensor } from '../../torch/index.ts';
import { SmallModels } from '../merge/merge.testing.ts';
import { livelyModel, reshapeConfig } from '../reshape/reshape.testing.ts';
import { choose, randomScores } from './choose.ts';
import { pruneForecast } from './forecast.ts';
import { measureImportance, readThrough } from './measure.ts';
import { prune, pruneTable } from './prune.ts';
import { type PruneSettingsInput, pruneConfig } from './prune-config.ts';
import type { CalibrationText } from './sequences.ts';

let small: SmallModels;
beforeAll(() => {
  small = new SmallModels();
  vi.stubEnv('XDG_CACHE_HOME', small.at('cache'));
  small.make('a', 1);
  small.make('b', 2);
  writeFileSync(small.at('text.txt'), '猫と犬と鳥。吾輩は猫である。名前はまだ無い。'.repeat(4));
});
afterAll(() => {
  vi.unstubAllEnvs();
  small[Symbol.dispose]();
});

const sequences = [
  [1, 5, 9, 33, 2, 7],
  [4, 4, 40, 41],
];
const text: CalibrationText = { sequences, tokens: 10, sources: [], hash: '' };

/** The residual stream of a text after each pair of layers, as numbers: [pair][token][channel]. */
const streams = (model: Plamo2, ids: readonly number[]): number[][][] =>
  scope(() =>
    noGrad(() => {
      const found: number[][][] = [];
      const onPart = (path: string, output: { tolist(): unknown }) => {
        if (/embed_tokens$|layers\.[135]$/.test(path)) found.push((output.tolist() as number[][][])[0]!);
      };
      model.forward(tensor([...ids], { dtype: 'int64', shape: [1, ids.length] }), { onPart });
      return found;
    }),
  );

it('is 1 − cosine before and after a pair, the mean over the tokens that are read, and the loss of those that are predicted', async () => {
  using model = livelyModel(reshapeConfig());
  const { influence, loss } = await measureImportance(model, text);
  const [sums, tokens] = [[0, 0, 0], sequences.flat().length - sequences.length];
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, each, i) => sum + each * y[i]!, 0);
  for (const ids of sequences) {
    const at = streams(model, ids.slice(0, -1));
    for (const pair of [0, 1, 2])
      for (const [t, x] of at[pair]!.entries()) {
        const y = at[pair + 1]![t]!;
        sums[pair]! += 1 - dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
      }
  }
  for (const [pair, sum] of sums.entries()) expect(influence[pair]).toBeCloseTo(sum / tokens, 6);
  const nats = sequences.flatMap((ids) => [...tokenLogprobs(model, ids)]).reduce((sum, each) => sum - each, 0);
  expect(loss).toBeCloseTo(nats / tokens, 5);
  expect(await readThrough(model, text)).toBe(loss);
});

it('leaves the model with the modules that it had, also when it is stopped', async () => {
  using model = livelyModel(reshapeConfig());
  const before = new Map(namedModules(model));
  await measureImportance(model, text);
  const stop = () => {
    throw new Error('stopped');
  };
  await expect(measureImportance(model, text, stop)).rejects.toThrow('stopped');
  const after = [...namedModules(model)];
  expect(after.map(([path]) => path)).toEqual([...before.keys()]);
  for (const [path, module] of after) expect(module === before.get(path), path).toBe(true);
});

it('chooses groups by the length of their scores together, and keeps layers that are no whole pair', () => {
  const before = reshapeConfig({ num_hidden_layers: 5 });
  const scores = randomScores(before, 0);
  scores.layers[1]!.query = [4, 4, 5, 0, 0, 0, 0, 0]; // √32 and 5
  const wanted = { ...before, num_hidden_layers: 3, num_attention_heads: 2, num_key_value_heads: 1 };
  const { layers, mapAt } = choose(before, wanted, { ...scores, influence: [2, 1] }, 'influence');
  expect(mapAt('kv', 1)!.from).toEqual([0]);
  expect(layers).toEqual([0, 1, 4]);
});

it('reads the text once more for each pair of layers that is left out, and is forecast so', () => {
  const [before, after] = [reshapeConfig(), reshapeConfig({ num_hidden_layers: 4 })];
  const seconds = (depth: 'influence' | 'loss', sequences: number) =>
    pruneForecast(before, after, { depth, sequences, sequenceLength: 512 }).seconds;
  const forText = (depth: 'influence' | 'loss') => seconds(depth, 2) - seconds(depth, 1);
  const small = pruneForecast(after, after, { depth: 'influence', sequences: 0, sequenceLength: 512 });
  const large = pruneForecast(before, after, { depth: 'influence', sequences: 0, sequenceLength: 512 });
  expect(large.memoryBytes).toBeGreaterThan(small.memoryBytes);
  // Both models are in memory at once.
  const kept = pruneForecast(before, before, { depth: 'influence', sequences: 0, sequenceLength: 512 });
  expect(kept.diskBytes).toBeGreaterThan(large.diskBytes);
  expect(kept.memoryBytes - large.memoryBytes).toBe(kept.diskBytes - large.diskBytes);
  // Once before and once after, and three times more of the model before.
  const one = (forText('loss') - forText('influence')) / 3;
  expect(one).toBeGreaterThan(0);
  expect(forText('influence')).toBeGreaterThan(one);
  expect(forText('influence')).toBeLessThan(2 * one);
});

const settings: PruneSettingsInput = { intermediate_size: 24, num_hidden_layers: 2, sequences: 3, sequenceLength: 24 };
const table = (name: string, more: PruneSettingsInput = {}) =>
  pruneTable(small.at(name), { ...settings, ...more }, { text: [small.at('text.txt')] });

it('is measured once for each model, and the losses without layers once when they are asked for', async () => {
  expect((await table('a')).kept).toBe(false);
  expect((await table('b')).kept).toBe(false);
  expect((await table('a')).kept).toBe(true);
  expect((await table('a', { depth: 'loss' })).kept).toBe(false);
  const [again, plain] = [await table('a', { depth: 'loss' }), await table('a')];
  expect([again.kept, plain.kept]).toEqual([true, true]);
  expect(pruneConfig.parse({}).depth).toBe('influence');
});

it('is of the model that was hashed', async () => {
  const path = small.at('b', 'model.safetensors');
  const changed = readFileSync(path);
  changed[changed.length - 1]! ^= 1;
  const pruned = prune(small.at('b'), small.at('changing'), settings, {
    text: [small.at('text.txt')],
    onProgress: ({ doing }) => {
      if (doing === 'writing') writeFileSync(path, changed);
    },
  });
  await expect(pruned).rejects.toThrow('was changed while it was in use');
});
