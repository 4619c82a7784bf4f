// `tsumugi extend` on a tiny model: its options, its result, its errors.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pretrain } from '../train/index.ts';
import { silent, type TinySetup, tinySetup } from '../train/train.testing.ts';
import { runCli } from './cli.testing.ts';

let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);
beforeAll(async () => {
  setup = await tinySetup();
  await pretrain(setup.config('base', { steps: 4 }), { stream: silent });
});
afterAll(() => setup[Symbol.dispose]());

const phases = '[{"sequenceLength":64,"steps":2},{"sequenceLength":128,"steps":2}]';
const extend = (out: string, ...more: string[]) =>
  runCli(['extend', '--model', at('base', 'model'), '--data', at('data'), '--out', at(out), ...more]);

it('extends a model, shows what it does, and prints the result', async () => {
  const { code, stdout, stderr } = await extend('long', '--set', `phases=${phases}`, '--set', 'layers=[1]');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^held-out bits per character in rows of 128: [\d.]+ before, [\d.]+ after → .*model\n$/);
  expect(stderr).toMatch(/attention: layer 1 full, RoPE base 1000000/);
  expect(stderr).toMatch(/phase 2: 2 steps of 1 × 128 tokens\n.*% filled; \d+ of \d+ documents/);
  expect(existsSync(at('long', 'model', 'config.json'))).toBe(true);
  const json = await extend('json', '--set', `phases=${phases}`, '--json');
  expect(Object.keys(JSON.parse(json.stdout))).toEqual(['interrupted', 'folder', 'before', 'after']);
});

it('names the attention layers, and mistakes in settings', async () => {
  const wrong = await extend('wrong', '--set', 'layers=[0]', '--set', `phases=${phases}`);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('Name some of the layers 1, or "all".')]);
  const unknown = await extend('wrong', '--set', 'layer=[1]');
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('"layers"')]);
  expect(existsSync(at('wrong'))).toBe(false);
});

it('explains its settings', async () => {
  const { stdout } = await runCli(['extend', '--help']);
  for (const key of ['layers', 'ropeTheta', 'ropeLocalTheta', 'windowSize', 'phases', 'mix', 'learningRate'])
    expect(stdout).toContain(`\n  ${key} `);
});
