// The stage that grows: it does what the library does with the same settings.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { grow as growModel } from '../compress/index.ts';
import { SmallModels } from '../compress/merge/merge.testing.ts';
import { defineRecipe, given, runRecipe } from '../recipe/index.ts';
import { silent } from '../train/train.testing.ts';
import { grow } from './index.ts';

let small: SmallModels;
beforeAll(() => {
  small = new SmallModels();
  small.make('model', 1);
});
afterAll(() => small[Symbol.dispose]());

it('grows as the library does, twice after each other', async () => {
  const [first, second] = [
    { hidden_size: 48, seed: 3 },
    { num_hidden_layers: 6, noise: 0 },
  ];
  const recipe = defineRecipe({
    name: 'growing',
    summary: 'wider, then deeper',
    config: z.strictObject({}),
    stages: () => {
      const once = grow.stage('wider', first, { model: given('model', small.at('model')), tokenizer: [] });
      return [once, grow.stage('deeper', second, { model: once, tokenizer: [] })];
    },
  });
  const { report } = await runRecipe(recipe, {}, { out: small.at('run'), stream: silent });
  await growModel(small.at('model'), small.at('wider'), first);
  const { parameters, parametersBefore } = await growModel(small.at('wider'), small.at('deeper'), second);
  const weights = (folder: string) => readFileSync(join(folder, 'model.safetensors'));
  expect(weights(small.at('run', 'deeper', 'model')).equals(weights(small.at('deeper')))).toBe(true);
  expect(report.stages[1]!.metrics.map(({ value }) => value)).toEqual([parameters, parametersBefore]);
});

it('gives a model the tokenizer that it is given, and takes one at most', async () => {
  small.make('other', 2, {}, { characters: '犬猫山', padding: 0 });
  const tokenizer = given('tokenizer', small.at('other', 'tokenizer.jsonl'));
  const model = given('model', small.at('model'));
  const recipe = defineRecipe({
    name: 'renewing',
    summary: 'another tokenizer',
    config: z.strictObject({}),
    stages: () => [grow.stage('renewed', {}, { model, tokenizer: [tokenizer] })],
  });
  await runRecipe(recipe, {}, { out: small.at('renewed'), stream: silent });
  await growModel(small.at('model'), small.at('by-hand'), {}, { tokenizer: small.at('other') });
  const files = (folder: string) =>
    ['model.safetensors', 'tokenizer.jsonl', 'config.json'].map((name) => readFileSync(join(folder, name), 'utf8'));
  expect(files(small.at('renewed', 'renewed', 'model'))).toEqual(files(small.at('by-hand')));
  expect(() => grow.stage('two', {}, { model, tokenizer: [tokenizer, tokenizer] })).toThrow('2 tokenizers are given');
});
