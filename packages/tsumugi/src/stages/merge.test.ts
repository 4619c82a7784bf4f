// The stage that merges: its settings reach the merge, and a recipe can use what it made.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { mergeModels } from '../compress/index.ts';
import { SmallModels } from '../compress/merge/merge.testing.ts';
import { defineRecipe, given, runRecipe } from '../recipe/index.ts';
import { silent } from '../train/train.testing.ts';
import { merge } from './index.ts';

let small: SmallModels;
beforeAll(() => {
  small = new SmallModels();
  for (const [i, name] of ['base', 'a', 'b'].entries()) small.make(name, i + 1);
});
afterAll(() => small[Symbol.dispose]());

const models = () => ['base', 'a', 'b'].map((name) => given('model', small.at(name)));
type Settings = Parameters<typeof merge.stage>[1];
const settings: Settings = {
  merge_method: 'dare_linear',
  base: true,
  parameters: { density: 0.5 },
  models: [{ parameters: { weight: 0.7 } }, { parameters: { weight: [0.1, 0.5] } }],
  out_dtype: 'bfloat16',
  seed: 3,
  gate: false, // has a test of its own
};

/** Where the recipe is run. */
async function made(config: Settings, out: string): Promise<string> {
  const recipe = defineRecipe({
    name: 'merging',
    summary: 'two merges, the second of what the first made',
    config: z.strictObject({}),
    stages: () => {
      const first = merge.stage('first', config, { models: models() });
      const last = { merge_method: 'linear', parameters: { weight: 1 }, gate: false };
      return [first, merge.stage('second', last, { models: [first, given('model', small.at('a'))] })];
    },
  });
  const { report } = await runRecipe(recipe, {}, { out: small.at(out), stream: silent });
  expect(report.stages.map(({ metrics }) => metrics[1])).toEqual([
    expect.objectContaining({ name: 'tensors', value: 56 }),
    expect.objectContaining({ name: 'tensors', value: 56 }),
  ]);
  return small.at(out);
}

const weights = (folder: string) => readFileSync(join(folder, 'model.safetensors'));

it('merges as the library does with the same settings', async () => {
  const out = await made(settings, 'run');
  const yaml = `merge_method: dare_linear
base_model: base
parameters: {density: 0.5}
models: [{model: a, parameters: {weight: 0.7}}, {model: b, parameters: {weight: [0.1, 0.5]}}]
out_dtype: bfloat16
`;
  await mergeModels(small.yaml(yaml), small.at('twin'), { seed: 3, gate: false });
  const first = join(out, 'first', 'model');
  expect(existsSync(first)).toBe(true);
  expect(weights(first).equals(weights(small.at('twin')))).toBe(true);
});

it('gives every setting an effect', async () => {
  for (const [i, change] of [
    { seed: 4 },
    { parameters: { density: 0.6 } },
    { out_dtype: 'float32' as const },
    { merge_method: 'dare_ties' },
    { models: [{ parameters: { weight: 0.7 } }, { parameters: { weight: 0.1 } }] },
  ].entries()) {
    const out = await made({ ...settings, ...change }, `changed-${i}`);
    expect(weights(join(out, 'first', 'model')).equals(weights(small.at('twin'))), JSON.stringify(change)).toBe(false);
  }
});

it('compares what it made with its models, unless it is told not to', async () => {
  const loud: Settings = { merge_method: 'linear', parameters: { weight: 8, normalize: false } };
  const run = (gate: boolean, out: string) => {
    const recipe = defineRecipe({
      name: 'loud',
      summary: 'a merge that is worse than its models',
      config: z.strictObject({}),
      stages: () => [merge.stage('merge', { ...loud, gate }, { models: models() })],
    });
    return runRecipe(recipe, {}, { out: small.at(out), stream: silent });
  };
  await expect(run(true, 'gated')).rejects.toThrow('bits per character of the fixed prompts');
  const { report } = await run(false, 'open');
  expect(report.stages[0]!.metrics.map(({ name }) => name)).toEqual(['parameters', 'tensors']);
});

it('refuses settings that do not go together as soon as it is used', () => {
  const use = (config: Settings) => () => merge.stage('m', config, { models: models() });
  expect(use({ merge_method: 'slerp', base: true, parameters: { t: 0 } })).toThrow(
    'stage "m": slerp merges 1 model beside the base, got 2',
  );
  expect(use({ merge_method: 'ties' })).toThrow('stage "m": ties needs a base model');
  expect(use({ merge_method: 'tis' })).toThrow('stage "m"');
  expect(use({ merge_method: 'ties', base: true, models: [{}] })).toThrow(
    'there are parameters of 1 models, and 2 are merged',
  );
});
