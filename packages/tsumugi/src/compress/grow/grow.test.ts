// Growing: the same function in a larger shape, on every axis, and then not quite the same.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadModel, preset, readModelConfig, saveModel } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import { SmallModels } from '../merge/merge.testing.ts';
import { answers, largestDifference, livelyModel, reshapeConfig } from '../reshape/reshape.testing.ts';
import { grow, planGrow } from './grow.ts';
import { type GrowSettingsInput, growConfig } from './grow-config.ts';
import { grownConfig, grownShape } from './target.ts';

let small: SmallModels;
let before: Float32Array;
beforeAll(() => {
  small = new SmallModels();
  using model = livelyModel(reshapeConfig({ full_attention_idx: [3] }));
  saveModel(small.at('小'), model);
  before = answers(model);
});
afterAll(() => small[Symbol.dispose]());

let made = 0;
async function difference(settings: GrowSettingsInput, source = '小', said = before): Promise<number> {
  const out = small.at(`out-${made++}`);
  const result = await grow(small.at(source), out, settings);
  using grown = loadModel(out);
  expect(grown.config).toEqual(result.config);
  expect(grown.parameters().reduce((sum, each) => sum + each.numel(), 0)).toBe(result.parameters);
  expect(result.parameters).toBeGreaterThan(result.parametersBefore);
  return largestDifference(answers(grown), said);
}

// Logits reach beyond 1.
it.each<[GrowSettingsInput]>([
  [{ num_hidden_layers: 8 }],
  [{ hidden_size: 192 }],
  [{ hidden_size: 100 }],
  [{ intermediate_size: 61 }],
  [{ num_attention_heads: 12 }],
  [{ num_key_value_heads: 8 }],
  [{ num_attention_heads: 16, num_key_value_heads: 4 }],
  [{ num_attention_heads: 18, num_key_value_heads: 6 }],
  [{ mamba_num_heads: 9 }],
  [{ hidden_size: 130, intermediate_size: 40, num_hidden_layers: 12, num_attention_heads: 12, mamba_num_heads: 8 }],
])('says the same after %j', async (target) => {
  expect(Math.max(...before)).toBeGreaterThan(1);
  expect(await difference({ ...target, noise: 0 })).toBeLessThan(1e-4);
});

it('says the same when the rank of Δ grows with the hidden size', async () => {
  using model = livelyModel(reshapeConfig({ hidden_size: 1024, num_hidden_layers: 2 }));
  saveModel(small.at('wide'), model);
  expect(await difference({ hidden_size: 1280, noise: 0 }, 'wide', answers(model))).toBeLessThan(1e-4);
});

it('parts the copies by noise, of a seed, and layers that repeat say something', async () => {
  const wide = { intermediate_size: 48 };
  const [a, b] = [await difference(wide), await difference({ ...wide, noise: 0.1 })];
  expect(a).toBeGreaterThan(1e-3);
  expect(b).toBeGreaterThan(3 * a);
  expect(await difference({ ...wide })).toBe(a);
  expect(await difference({ ...wide, seed: 1 })).not.toBe(a);
  expect(await difference({ num_hidden_layers: 8 })).toBe(0); // nothing is copied, so nothing is noisy
  expect(await difference({ num_hidden_layers: 8, depth: 'repeat' })).toBeGreaterThan(0.01);
  await grow(small.at('小'), small.at('noisy'), wide);
  const up = small.numbers('noisy', 'model.layers.layers.0.mlp.gate_up_proj.weight');
  expect(up[0]).not.toBe(up[24 * 96]); // channel 24 is a copy of channel 0
});

it('spreads new layers evenly, each after the one it copies', () => {
  const from = reshapeConfig({ full_attention_idx: [3] }); // 3 pairs
  const layersOf = (layers: number) => {
    const settings = growConfig.parse({ num_hidden_layers: layers });
    const reshape = grownShape(from, grownConfig(from, settings), 'identity');
    return { layers: reshape.layers, silent: [...reshape.silent!], full: reshape.after.full_attention_idx };
  };
  expect(layersOf(8)).toEqual({ layers: [0, 1, 2, 3, 4, 5, 4, 5], silent: [6, 7], full: [3] });
  expect(layersOf(10)).toEqual({ layers: [0, 1, 2, 3, 2, 3, 4, 5, 4, 5], silent: [4, 5, 8, 9], full: [3, 5] });
  expect(layersOf(12).layers).toEqual([0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5]);
});

it('writes equal bytes for equal settings, and where it comes from', async () => {
  const settings = { hidden_size: 128, num_hidden_layers: 8 };
  for (const name of ['大', 'twin']) await grow(small.at('小'), small.at(name), settings);
  const bytes = (name: string) => readFileSync(join(small.at(name), 'model.safetensors'));
  expect(bytes('大').equals(bytes('twin'))).toBe(true);
  const artefact = new Artefact(small.at('大'));
  expect(readModelConfig(artefact)).toMatchObject(settings);
  expect(artefact.lineage()).toMatchObject({
    stage: 'grow',
    config: { ...settings, noise: 0.01, depth: 'identity' },
    parents: [{ name: '小', sha256: await new Artefact(small.at('小')).hash() }],
  });
  const { parameters, diskBytes } = planGrow(small.at('小'), settings);
  expect([parameters, diskBytes]).toEqual([parameters, 4 * parameters]);
});

it('knows the way back from 2B to 8B', () => {
  const two = preset('8b', { hidden_size: 2048, intermediate_size: 5632 });
  const eight = grownConfig(two, growConfig.parse({ hidden_size: 4096, intermediate_size: 16384 }));
  expect(eight).toEqual(preset('8b'));
});

it.each<[GrowSettingsInput, string]>([
  [{ hidden_size: 64 }, 'hidden_size: the model has 96, so 64 is no larger model'],
  [{}, 'nothing is added'],
  [{ num_hidden_layers: 7 }, '6 layers cannot become 7: layers come in whole groups of 2'],
  [{ num_attention_heads: 9 }, '9 query heads are no whole groups of 2'],
  [{ num_attention_heads: 8, num_key_value_heads: 8 }, '8 query heads cannot be 8 groups of at least 2'],
])('refuses %j', async (target, message) => {
  await expect(grow(small.at('小'), small.at('refused'), target)).rejects.toThrow(message);
  await expect(grow(small.at('小'), small.at('小'), { hidden_size: 128 })).rejects.toThrow('is a model that is read');
  expect(existsSync(small.at('refused'))).toBe(false);
});
