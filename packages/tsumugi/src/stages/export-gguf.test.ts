// The stage that exports to GGUF: it writes what the library does with the same settings.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { ExportHome } from '../compress/export/gguf/gguf.testing.ts';
import { exportGgufConfig, exportGguf as exportModel } from '../compress/index.ts';
import { defineRecipe, given, runRecipe } from '../recipe/index.ts';
import { silent } from '../train/train.testing.ts';
import { exportGguf } from './index.ts';

const home = new ExportHome();
afterAll(() => home[Symbol.dispose]());
const { at } = home;

it('writes a file with the settings and texts that it is given', async () => {
  const model = home.model('model');
  writeFileSync(at('text.txt'), '吾輩は猫である。名前はまだ無い。'.repeat(20));
  const run = async (settings: Parameters<typeof exportGguf.stage>[1], texts: string[], out: string) => {
    const recipe = defineRecipe({
      name: 'exporting',
      summary: 'a model as a GGUF file',
      config: z.strictObject({}),
      stages: () => {
        const text = texts.map((path) => given('text', [path]));
        return [exportGguf.stage('gguf', settings, { model: given('model', model), text })];
      },
    });
    const { report } = await runRecipe(recipe, {}, { out: at(out), stream: silent });
    return { metrics: report.stages[0]!.metrics, bytes: readFileSync(join(at(out), 'gguf', 'gguf', 'model.gguf')) };
  };
  const settings = { type: 'Q4_0', context: 99, calibrationTokens: 50, gate: false } as const;
  const { bytes, metrics } = await run(settings, [at('text.txt')], 'run');
  const twin = exportGgufConfig.parse({ ...settings, model, text: [at('text.txt')], out: at('twin.gguf') });
  await exportModel(twin);
  expect(bytes.equals(readFileSync(at('twin.gguf')))).toBe(true);
  expect(metrics.map(({ name }) => name)).toEqual(['bits per weight', 'bytes']);
  expect((await run(settings, [], 'plain')).bytes.equals(bytes)).toBe(false);
  const gated = await run({ ...settings, gate: true }, [], 'gated');
  expect(gated.metrics[2]).toMatchObject({ name: 'next-token divergence', unit: 'nats' });
});
