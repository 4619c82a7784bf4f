// The stage that prunes: it does what the library does, and says of what shape its model will be.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { prune as pruneModel } from '../compress/index.ts';
import { SmallModels } from '../compress/merge/merge.testing.ts';
import { defineRecipe, given, runRecipe } from '../recipe/index.ts';
import { silent } from '../train/train.testing.ts';
import { prune } from './index.ts';

let small: SmallModels;
beforeAll(() => {
  small = new SmallModels();
  vi.stubEnv('XDG_CACHE_HOME', small.at('cache'));
  small.make('model', 1);
  writeFileSync(small.at('text.txt'), '吾輩は猫である。名前はまだ無い。'.repeat(4));
});
afterAll(() => {
  vi.unstubAllEnvs();
  small[Symbol.dispose]();
});

it('prunes as the library does, twice after each other', async () => {
  const first = { hidden_size: 24, sequences: 2, sequenceLength: 16 };
  const second = { ...first, hidden_size: 16, num_hidden_layers: 2 };
  const recipe = defineRecipe({
    name: 'pruning',
    summary: 'in two rounds',
    config: z.strictObject({}),
    stages: () => {
      const text = given('text', [small.at('text.txt')]);
      const once = prune.stage('once', first, { model: given('model', small.at('model')), text });
      return [once, prune.stage('twice', second, { model: once, text })];
    },
  });
  const { report } = await runRecipe(recipe, {}, { out: small.at('run'), stream: silent });
  const text = [small.at('text.txt')];
  await pruneModel(small.at('model'), small.at('once'), first, { text });
  const { rows } = await pruneModel(small.at('once'), small.at('twice'), second, { text });
  const weights = (folder: string) => readFileSync(join(folder, 'model.safetensors'));
  expect(weights(small.at('run', 'twice', 'model')).equals(weights(small.at('twice')))).toBe(true);
  expect(report.stages[1]!.metrics.map(({ value }) => value)).toEqual([
    rows[1].parameters,
    rows[0].parameters,
    rows[1].loss,
    rows[0].loss,
  ]);
});
