// Growing: the same function in a larger shape, on every axis, and then not quite the same.
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { loadModel, preset, readModelConfig, saveModel } from '../../lm/index.ts';
import { tensorAt } from '../../nn/index.ts';
import { Artefact, type Safetensors } from '../../store/index.ts';
import { scope } from '../../torch/index.ts';
import { SmallModels } from '../merge/merge.testing.ts';
import { answers, largestDifference, livelyModel, reshapeConfig } from '../reshape/reshape.testing.ts';
import { planGrow } from './forecast.ts';
import { grow } from './grow.ts';
import { type GrowSettingsInput, growConfig } from './grow-config.ts';
import { grownConfig, grownShape } from './target.ts';

let small: SmallModels;
let before: Float64Array;
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

it('multiplies the weights of widened matrices by 1 + noise · N(0, 1), each by a number of its own', async () => {
  for (const [name, noise] of [
    ['exact', 0],
    ['shaken', 0.02],
  ] as const)
    await grow(small.at('小'), small.at(name), { hidden_size: 100, noise });
  const ratios = (tensor: string) => {
    const [exact, shaken] = [small.numbers('exact', tensor), small.numbers('shaken', tensor)];
    return exact.map((each, i) => shaken[i]! / each - 1);
  };
  const down = (layer: number) => ratios(`model.layers.layers.${layer}.mlp.down_proj.weight`); // 2,400 numbers
  const deviation = (x: readonly number[]) => Math.sqrt(x.reduce((sum, each) => sum + each * each, 0) / x.length);
  expect(Math.abs(deviation(down(0)) - 0.02)).toBeLessThan(0.002);
  const [first, second] = [down(0), down(1)];
  const product = first.reduce((sum, each, i) => sum + each * second[i]!, 0) / first.length;
  expect(Math.abs(product)).toBeLessThan(0.1 * 0.02 ** 2); // no more alike than by chance: 5 standard errors
  for (const vector of ['pre_mlp_norm.weight', 'post_mixer_norm.weight'])
    expect(
      ratios(`model.layers.layers.0.${vector}`).every((each) => each === 0),
      vector,
    ).toBe(true);
});

it('goes on with its noise from one piece of a matrix to the next', async () => {
  // gate_up_proj becomes [2082, 2048], of which a piece has 2048 rows.
  const shape = { hidden_size: 2048, intermediate_size: 1040, num_hidden_layers: 1, mamba_enabled: false };
  using model = livelyModel(reshapeConfig(shape));
  saveModel(small.at('tall'), model);
  await grow(small.at('tall'), small.at('taller'), { intermediate_size: 1041, noise: 0.02 });
  const [before, after] = ['tall', 'taller'].map((name) => new Artefact(small.at(name)).weights()) as [Safetensors, Safetensors]; // biome-ignore format: a pair
  const row = (weights: Safetensors, index: number) =>
    scope(() => [...(weights.elements('model.layers.layers.0.mlp.gate_up_proj.weight', index * 2048, 64).double().data() as Float64Array)]); // biome-ignore format: one line
  const noise = (from: number, to: number) => row(after, to).map((each, i) => each / row(before, from)[i]! - 1);
  const [first, next] = [noise(0, 0), noise(2047, 2048)]; // up begins a row later
  expect(Math.max(...next.map(Math.abs))).toBeLessThan(0.2);
  expect(next.some((each, i) => Math.abs(each - first[i]!) > 1e-4)).toBe(true);
  for (const each of [before, after]) each.close();
});

it('is of the model that was hashed, in shards of a size, with what else lies in its folder', async () => {
  const model = small.make('beside', 1);
  writeFileSync(join(model, 'generation_config.json'), '{"temperature":0.7}');
  await grow(model, small.at('with'), { intermediate_size: 50, seed: 5 }, { maxShardBytes: 20_000 });
  const artefact = new Artefact(small.at('with'));
  expect(artefact.generationConfig()).toEqual({ temperature: 0.7 });
  expect(artefact.tokenizerConfig()).toEqual(new Artefact(model).tokenizerConfig());
  expect(readFileSync(artefact.tokenizerPath)).toEqual(readFileSync(join(model, 'tokenizer.jsonl')));
  expect(artefact.lineage()).toMatchObject({ seed: 5 });
  expect(existsSync(small.at('with', 'model.safetensors.index.json'))).toBe(true);
  const path = join(model, 'model.safetensors');
  const changed = readFileSync(path);
  changed[changed.length - 1]! ^= 1;
  const onProgress = () => writeFileSync(path, changed);
  const grown = grow(model, small.at('of changing'), { intermediate_size: 50 }, { onProgress });
  await expect(grown).rejects.toThrow('was changed while it was in use');
  expect(existsSync(small.at('of changing'))).toBe(false);
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
    parents: [{ name: small.at('小'), sha256: await new Artefact(small.at('小')).hash() }],
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

it('refuses what is no setting, absurd sizes, its own source, and numbers that are none, by name', async () => {
  const refusals: [unknown, RegExp][] = [
    [{ hidden_size: '128' }, /grow: "hidden_size" is "128", expected a number/],
    [{ hiddensize: 128 }, /grow: there is no setting "hiddensize"\n.*"hidden_size"/],
    [null, /grow: the content is null, expected an object/],
    [{ num_hidden_layers: 20_000 }, /expected a whole number of at most 10000|expected a number of at most 10000/],
    [{ hidden_size: 2 ** 40 }, /and .* GB are free/],
  ];
  for (const [settings, problem] of refusals) {
    const made = grow(small.at('小'), small.at('none'), settings as GrowSettingsInput);
    await expect(made).rejects.toThrow(problem);
    await expect(made).rejects.toThrow(UserError);
  }
  symlinkSync(small.at('小'), small.at('link'));
  const deeper = { num_hidden_layers: 8 };
  await expect(grow(small.at('小'), small.at('link'), deeper)).rejects.toMatchObject({ code: 'into-source' });
  using model = loadModel(small.at('小'), { dtype: 'float32' });
  scope(() => void tensorAt(model, 'model.layers.layers.0.mlp.down_proj.weight').detach().fill_(Number.NaN));
  saveModel(small.at('broken'), model);
  await expect(grow(small.at('broken'), small.at('none'), deeper)).rejects.toMatchObject({ code: 'not-finite' });
  expect(existsSync(small.at('none'))).toBe(false);
});
