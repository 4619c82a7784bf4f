// recipes/plamo2-mini.ts from end to end, with a model of 30,000 parameters: every stage makes what the next one takes.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { loadRecipe } from '../packages/tsumugi/src/cli/recipes.ts';
import { applySettings } from '../packages/tsumugi/src/cli/settings.ts';
import { loadModel } from '../packages/tsumugi/src/lm/index.ts';
import { runRecipe } from '../packages/tsumugi/src/recipe/index.ts';
import { Artefact } from '../packages/tsumugi/src/store/index.ts';
import { embeddedText } from '../packages/tsumugi/src/text/index.ts';
import { silent, tinyModel } from '../packages/tsumugi/src/train/train.testing.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-mini-'));
  vi.stubEnv('XDG_CACHE_HOME', join(home, 'cache'));
  writeFileSync(join(home, 'text.txt'), readFileSync(embeddedText()[1]!, 'utf8').slice(0, 6000));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const steps = { steps: 2, sequenceLength: 48, batchSize: 1, evaluateEvery: 2, evaluateTokens: 200 };

it('goes from a text to a small model in few bits and a GGUF file', async () => {
  const recipe = await loadRecipe('plamo2-mini');
  const settings = {
    text: [join(home, 'text.txt')],
    reading: { documentCharacters: 800 },
    tokenizer: { vocabularySize: 400 },
    data: { heldOutFraction: 0.15 },
    pretrain: { ...steps, modelChanges: tinyModel },
    extend: { phases: [{ sequenceLength: 96, steps: 2, batchSize: 1 }], evaluateEvery: 2, evaluateTokens: 200 },
    prune: { intermediate_size: 48, sequences: 2, sequenceLength: 48 },
    distill: steps,
    sibling: steps,
    quantize: { groupSize: 16, bits: 8 },
    evaluate: { sequenceLengths: [48], tasks: [], options: {} },
  };
  const out = join(home, 'out');
  const { report } = await runRecipe(recipe, applySettings(recipe.config, settings), { out, stream: silent });
  const models = ['pretrain', 'extend', 'merge', 'quantize'];
  const bits = report.stages.at(-1)!.metrics.filter(({ name }) => name.includes('bits per character'));
  for (const name of models)
    expect(
      bits.some((metric) => metric.name.includes(name)),
      name,
    ).toBe(true);
  const sizes = ['extend', 'prune', 'distill', 'sibling', 'merge'].map((name) => {
    using model = loadModel(join(out, name, 'model'));
    return model.config.intermediate_size;
  });
  expect(sizes).toEqual([64, 48, 48, 48, 48]);
  expect(new Artefact(join(out, 'merge', 'model')).lineage()!.parents).toHaveLength(2);
  expect(new Artefact(join(out, 'quantize', 'model')).config()).toHaveProperty('quantization_config');
  expect(existsSync(join(out, 'export', 'gguf', 'model.gguf'))).toBe(true);
}, 180_000);
