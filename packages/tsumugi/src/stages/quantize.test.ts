// The stage that quantizes: its settings reach the work, its result is a model, and what was done is not done again.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { quantizeModel } from '../compress/index.ts';
import { tinyModelOfFile } from '../lm/tiny-model.testing.ts';
import { defineRecipe, given, runRecipe } from '../recipe/index.ts';
import { silent } from '../train/train.testing.ts';
import { quantize } from './index.ts';

const tiny = tinyModelOfFile();
const home = mkdtempSync(join(tmpdir(), 'tsumugi-quantize-stage-'));
afterAll(() => rmSync(home, { recursive: true }));

it('quantizes as the library does with the same settings', async () => {
  const text = join(home, 'text.txt');
  writeFileSync(text, '吾輩は猫である。名前はまだない。\n'.repeat(20));
  const settings = { method: 'gptq', groupSize: 16, tokens: 200, sequenceLength: 50 } as const;
  const recipe = defineRecipe({
    name: 'quantizing',
    summary: 'a model in few bits',
    config: z.strictObject({}),
    stages: () => [
      quantize.stage('few', settings, { model: given('model', tiny.folder), text: [given('text', text)] }),
    ],
  });
  const { report } = await runRecipe(recipe, {}, { out: join(home, 'run'), stream: silent });
  expect(report.stages[0]!.metrics.map(({ name }) => name)).toEqual([
    'bits per weight',
    'bytes of the weights',
    'divergence from the model',
    'same likeliest token',
    'divergence on the text',
    'same likeliest token on the text',
    'bits per character of the source',
    'bits per character',
  ]);
  const twin = await quantizeModel(tiny.folder, join(home, 'twin'), settings, { text: [text] });
  const { meanKl, top1Agreement, text: onText } = twin!.gate!;
  expect(report.stages[0]!.metrics.map(({ value }) => value)).toEqual([
    twin!.bitsPerWeight,
    twin!.bytes,
    meanKl,
    top1Agreement,
    onText!.meanKl,
    onText!.top1Agreement,
    onText!.bitsPerCharacter.source,
    onText!.bitsPerCharacter.artefact,
  ]);
  const weights = (folder: string) => readFileSync(join(folder, 'model.safetensors'));
  expect(weights(join(home, 'run', 'few', 'model')).equals(weights(join(home, 'twin')))).toBe(true);
});

it('refuses a method without its text before anything is done', async () => {
  const recipe = defineRecipe({
    name: 'quantizing',
    summary: 'a model in few bits',
    config: z.strictObject({}),
    stages: () => [quantize.stage('few', { method: 'awq' }, { model: given('model', tiny.folder), text: [] })],
  });
  await expect(runRecipe(recipe, {}, { out: join(home, 'refused'), stream: silent })).rejects.toThrow(
    /awq needs a text/,
  );
});
