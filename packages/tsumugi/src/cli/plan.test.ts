// `--plan` of the commands that train language models: what it would take is said, nothing is written. `minutes` that cut the
// steps are said too.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parameterTable, preset } from '../lm/index.ts';
import { readEvents } from '../run/index.ts';
import { pretrain } from '../train/index.ts';
import { silent, type TinySetup, tinyModel, tinySetup } from '../train/train.testing.ts';
import { runCli } from './cli.testing.ts';

let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);
const sets = (...changes: string[]) => changes.flatMap((change) => ['--set', change]);
const pretraining = (...more: string[]) =>
  runCli([
    ...['pretrain', '--data', at('data'), '--tokenizer', at('tokenizer'), '--out', at('planned')],
    ...sets(`modelChanges=${JSON.stringify(tinyModel)}`, 'sequenceLength=48', 'batchSize=2', 'keepLast=3'),
    ...more,
  ]);
beforeAll(async () => {
  setup = await tinySetup();
  await pretrain(setup.config('base', { steps: 1 }), { stream: silent });
}, 60_000);
afterAll(() => setup[Symbol.dispose]());

it('plans pre-training', async () => {
  const there = readdirSync(setup.folder);
  const { code, stdout, stderr } = await pretraining('--plan', ...sets('steps=2000'));
  expect([code, stdout]).toEqual([0, '']);
  expect(stderr).toMatch(
    /trainable parameters\n(.*\n)+pretrain: 2,000 steps, 192K tokens\n +time .*\n +memory (.*\n)+ +disk .*, in .*planned\n/,
  );
  expect(stderr).toMatch(/checkpoints: 5, with the best and one being written.*\n.*model/);
  const forecast = JSON.parse((await pretraining('--plan', '--json', ...sets('steps=2000'))).stdout);
  const shape = preset('mini', { ...tinyModel, vocab_size: 500 });
  const parameters = parameterTable(shape).reduce((sum, each) => sum + each.parameters, 0);
  expect(forecast).toMatchObject({ label: 'pretrain', steps: 2000, tokens: 2000 * 96, out: at('planned') });
  expect(forecast.disk.map(({ bytes }: { bytes: number }) => bytes)).toEqual([60 * parameters, 4 * parameters]);
  expect(forecast.secondsPerStep).toBeGreaterThan(0);
  expect(readdirSync(setup.folder)).toEqual(there);
});

it('plans for one of the ranks that the environment speaks of, without meeting them', async () => {
  const place = { WORLD_SIZE: '2', LOCAL_WORLD_SIZE: '2', MASTER_ADDR: '127.0.0.1', MASTER_PORT: '1' };
  for (const [name, value] of Object.entries(place)) vi.stubEnv(name, value);
  try {
    const plan = async (rank: string) => {
      vi.stubEnv('RANK', rank);
      return await pretraining('--plan', '--json', ...sets('steps=2000'));
    };
    const { code, stdout, stderr } = await plan('0');
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/of each of 2 ranks: weights/);
    expect(JSON.parse(stdout)).toMatchObject({ steps: 2000, tokens: 2000 * 96 });
    expect(await plan('1')).toEqual({ code: 0, stdout: '', stderr: '' });
  } finally {
    vi.unstubAllEnvs();
  }
});

it('plans extension', async () => {
  const phases = '[{"sequenceLength":64,"steps":2},{"sequenceLength":128,"steps":3}]';
  const { code, stdout, stderr } = await runCli([
    ...['extend', '--model', at('base', 'model'), '--data', at('data'), '--out', at('planned'), '--plan', '--json'],
    ...sets(`phases=${phases}`),
  ]);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/phase 2: 3 steps of 1 × 128 tokens/);
  expect(JSON.parse(stdout)).toMatchObject({ label: 'extend', steps: 5, tokens: 2 * 64 + 3 * 128 });
  expect(existsSync(at('planned'))).toBe(false);
});

it('refuses what the run would refuse, and options beside it', async () => {
  const huge = await pretraining('--plan', ...sets('batchSize=100000000'));
  expect([huge.code, huge.stderr]).toEqual([2, expect.stringMatching(/will need about .* of memory/)]);
  for (const command of ['pretrain', 'extend']) {
    const { code, stderr } = await runCli([command, '--plan', '--resume']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--resume has no effect: --plan prints and ends')]);
  }
});

it('says when minutes cut the steps: in the plan, at the start, at the end, and in the log', async () => {
  const short = sets('steps=2000', 'minutes=0.000001');
  const cut = /warning: minutes=0\.000001 is enough for 1 of the 2,000 steps/g;
  expect((await pretraining('--plan', ...short)).stderr.match(cut)).toHaveLength(1);
  const { code, stderr } = await pretraining(...short);
  expect(code).toBe(0);
  expect(stderr.match(cut)).toHaveLength(2);
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(cut);
  const warnings = readEvents(at('planned', 'events.jsonl')).filter(({ type }) => type === 'warning');
  expect(warnings).toMatchObject([{ code: 'fewer-steps', step: 0 }]);
  // Minutes that are enough say nothing.
  const enough = await pretraining('--plan', ...sets('steps=2', 'minutes=600'));
  expect(enough.stderr).not.toContain('minutes');
});
