// Stages that no recipe of ours has, in a dry run: one small step, whatever the settings ask for.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { defineRecipe, dryRunRecipe, given } from '../recipe/index.ts';
import { type GrpoSetup, grpoSetup } from '../train/grpo/grpo.testing.ts';
import { pairsOf } from '../train/preference/preference.testing.ts';
import { jsonLines } from '../train/sft.testing.ts';
import { silent } from '../train/train.testing.ts';
import { grpo, reward, shrinkSource, synth } from './index.ts';

let setup: GrpoSetup;
beforeAll(async () => {
  setup = await grpoSetup();
  writeFileSync(setup.at('pairs.jsonl'), jsonLines(pairsOf()));
});
afterAll(() => setup[Symbol.dispose]());

const long = { epochs: 3, gradientAccumulation: 4, lora: 2, loraLayers: [0, 1] as [number, number], device: 'cuda' };

it('trains from rewards by one step of a few short answers, and a reward model by one step', async () => {
  const at = (name: string) => setup.at(name);
  const recipe = defineRecipe({
    name: 'rewards',
    summary: 'a reward model, and what it teaches',
    config: z.strictObject({ reward: reward.settings(long), grpo: grpo.settings({ ...long, score: 'reward' }) }),
    stages(config) {
      const model = given('model', at('base'));
      const judge = reward.stage('reward', config.reward, {
        model,
        pairs: given('examples', at('pairs.jsonl')),
        heldOut: [],
      });
      const prompts = given('examples', at('prompts.jsonl'));
      return [judge, grpo.stage('grpo', config.grpo, { model, prompts, heldOut: [], reward: [judge] })];
    },
  });
  const config = recipe.config.parse({ reward: {}, grpo: {} });
  const said: string[] = [];
  const stream = { write: (text: string) => said.push(text) };
  const { report } = await dryRunRecipe(recipe, config, { out: at('out'), stream, shrink: shrinkSource });
  expect(report.stages.map(({ name, state }) => [name, state])).toEqual([
    ['reward', 'made'],
    ['grpo', 'made'],
  ]);
  // The forecast is for the device that there is: a GPU that is not here is no reason to stop.
  for (const name of ['reward', 'grpo']) expect(said.join('')).toMatch(new RegExp(`^ {2}${name} +new +`, 'm'));
  const answers = report.stages[1]!.metrics.find(({ name }) => name === 'tokens of an answer')!;
  expect(answers.value).toBeLessThanOrEqual(4);
}, 60_000);

it('runs a pipeline as it is, on two of its rows', async () => {
  const recipe = defineRecipe({
    name: 'asking',
    summary: 'rows out of a model',
    config: z.strictObject({
      synth: synth.settings({
        rows: Array.from({ length: 40 }, (_, i) => ({ question: `第${i}の問い` })),
        steps: [{ ask: 'respond', maxTokens: 4, cut: 'keep', samples: 3 }],
        output: { user: 'question', assistant: 'answer' },
      }),
    }),
    stages: (config) => [synth.stage('synth', config.synth, { model: [given('model', setup.at('base'))], data: [] })],
  });
  const config = recipe.config.parse({ synth: {} });
  const options = { out: setup.at('asked'), stream: silent, shrink: shrinkSource };
  const { report } = await dryRunRecipe(recipe, config, options);
  const examples = report.stages[0]!.metrics.find(({ name }) => name === 'examples')!.value;
  expect(examples).toBeGreaterThan(0);
  expect(examples).toBeLessThanOrEqual(6);
}, 60_000);
