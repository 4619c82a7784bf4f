// `tsumugi sft`: one training however its examples are dealt out, what it shows and says, and mistakes.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEvents } from '../run/index.ts';
import { type Instruction, instructions, jsonLines, type SftSetup, sftSetup } from '../train/sft.testing.ts';
import { distance, savedWeights } from '../train/updates-by-hand.testing.ts';
import { runCli } from './cli.testing.ts';

let setup: SftSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await sftSetup();
}, 60_000);
afterAll(() => setup[Symbol.dispose]());

const sets = (settings: Record<string, unknown>) =>
  Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
const tune = (out: string, settings: Record<string, unknown> = {}, ...more: string[]) =>
  runCli([
    ...['sft', '--model', at('base'), '--data', at('rows.jsonl'), '--out', at(out)],
    ...sets({ steps: 2, sequenceLength: 128, batchSize: 4, evaluateEvery: 0, evaluateTokens: 300, ...settings }),
    ...more,
  ]);

describe('a batch of eight, eight times one accumulated, packed and padded', () => {
  // A large epsilon makes an update follow the size of a gradient and not its sign, which rounding can turn.
  const same = { steps: 12, learningRate: 0.003, epsilon: 0.01, checkpointEvery: 0 };
  const ways = {
    'eight, packed': { batchSize: 8 },
    'eight, padded': { batchSize: 8, packing: false },
    'eight times one, packed': { batchSize: 1, gradientAccumulation: 8 },
    'eight times one, padded': { batchSize: 1, gradientAccumulation: 8, packing: false },
    'four and four': { batchSize: 4, gradientAccumulation: 2, sequenceLength: 80 },
  };
  const losses = new Map<string, number[]>();
  beforeAll(async () => {
    for (const [name, way] of Object.entries(ways)) {
      const { code, stderr } = await tune(name, { ...same, ...way });
      expect(code, stderr).toBe(0);
      const steps = readEvents(at(name, 'events.jsonl')).filter((event) => event.type === 'step');
      losses.set(
        name,
        steps.map(({ loss }) => loss as number),
      );
    }
  }, 180_000);

  const [first, ...others] = Object.keys(ways) as [string, ...string[]];
  it.each(others)('are one training: %s', (name) => {
    const [a, b] = [losses.get(first)!, losses.get(name)!];
    expect(a).toHaveLength(12);
    expect(a.at(-1)).toBeLessThan(a[0]! - 0.2);
    const residuals = a.map((loss, step) => b[step]! - loss);
    for (const residual of residuals) expect(Math.abs(residual)).toBeLessThan(1e-5);
    // To both sides: what drifts to one is no rounding.
    expect(Math.abs(residuals.reduce((sum, each) => sum + each, 0) / residuals.length)).toBeLessThan(2e-6);
    expect(distance(savedWeights(at(name)), savedWeights(at(first)))).toBeLessThan(2e-5);
  });
});

it('says what it came to', async () => {
  const { code, stdout, stderr } = await tune('said');
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(
      /^held-out loss of an answer's token from [\d.]+ to [\d.]+, [\d.]+ % of them right before, [\d.]+ % after → .*said\/model\n$/,
    ),
  ]);
  expect(stderr).toContain('learned from: 190 examples, held out: 10\n');
  const { stdout: json } = await tune('said-json', {}, '--json');
  expect(JSON.parse(json)).toMatchObject({
    interrupted: false,
    folder: at('said-json', 'model'),
    before: { crossEntropy: expect.any(Number), accuracy: expect.any(Number) },
    after: { predicted: expect.any(Number) },
  });
});

it('shows examples with what is learned, and ends', async () => {
  const there = readdirSync(setup.folder);
  const show = (...more: string[]) =>
    runCli(['sft', '--model', at('base'), '--data', at('rows.jsonl'), '--show', '2', ...more]);
  const { code, stdout, stderr } = await show();
  expect(code, stderr).toBe(0);
  const [{ instruction, input, output }] = instructions() as [Instruction, ...Instruction[]];
  expect(stdout).toMatch(/^.*rows.jsonl, row 1: \d+ tokens, \d+ of them learned\n[\s\S]*rows.jsonl, row 2: /);
  expect(stdout).toContain(`### 指示:⏎\n${instruction}`);
  expect(stdout).toContain(input);
  expect(stdout).toMatch(new RegExp(`### 応答:⏎\n⟦${output}‹<\\|plamo:eos\\|>›⟧\n`));
  expect(stdout).not.toContain('row 3');
  expect(stderr).toMatch(/chat template: instruction-ja\n.*rows.jsonl: instruction, 200 rows\n/);
  const lines = (await show('--json')).stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(2);
  const { row, ids, learned, text } = JSON.parse(lines[0]!);
  expect([row, learned.length, learned.at(-1), ids[0]]).toEqual([1, ids.length, 1, 1]);
  expect(stdout).toContain(text);
  // What training refuses can be looked at.
  expect((await show('--set', 'sequenceLength=8')).code).toBe(0);
  expect(readdirSync(setup.folder)).toEqual(there);
});

it('plans', async () => {
  const { code, stdout, stderr } = await tune('planned', { steps: 100 }, '--plan', '--json');
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ label: 'sft', steps: 100, out: at('planned') });
  expect(existsSync(at('planned'))).toBe(false);
});

describe('a mistake ends with one sentence and what to do:', () => {
  it.each<[string, () => ReturnType<typeof runCli>, RegExp]>([
    ['no model', () => runCli(['sft', '--data', 'x', '--out', 'y']), /model is missing\n.*Write --model/],
    ['no data', () => runCli(['sft', '--model', at('base'), '--out', at('no')]), /data is missing\n.*Write --data/],
    ['data that is not there', () => tune('no', {}, '--data', at('rowz.jsonl')), /rowz.jsonl/],
    ['a key that is not there', () => tune('no', { pakcing: true }), /"pakcing"[\s\S]*"packing"/],
    ['a share of all', () => tune('no', { heldOut: 1 }), /heldOut: expected less than 1, got "1"/],
    [
      'no share',
      () => tune('no', { heldOut: '' }),
      /heldOut: expected a share of the examples between 0 and 1, or files/,
    ],
    ['--show beside --resume', () => tune('no', {}, '--show', '1', '--resume'), /--resume has no effect: --show/],
    ['--plan beside --resume', () => tune('no', {}, '--plan', '--resume'), /--resume has no effect: --plan/],
  ])('%s', async (_, run, message) => {
    const { code, stderr } = await run();
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(existsSync(at('no'))).toBe(false);
  });

  it('a run that is there', async () => {
    expect((await tune('there')).code).toBe(0);
    const { code, stderr } = await tune('there');
    expect([code, stderr]).toEqual([2, expect.stringMatching(/there/)]);
  });

  it('a row that is broken, by file and row', async () => {
    writeFileSync(
      at('broken.jsonl'),
      `${jsonLines([{ instruction: 'a', input: '', output: 'b' }])}{"instruction": 3}\n`,
    );
    const { code, stderr } = await tune('no', {}, '--data', at('broken.jsonl'));
    expect([code, stderr]).toEqual([2, expect.stringMatching(/broken.jsonl.*2/)]);
  });
});
