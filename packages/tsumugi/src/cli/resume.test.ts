// `--out X --resume` goes on with the settings of the run; what may change on the way, and what is refused.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTime } from '../base/thorough.testing.ts';
import { tinyGan } from '../gan/gan.testing.ts';
import { readEvents } from '../run/index.ts';
import { nextTokenLoss, pretrain } from '../train/index.ts';
import { pairsOf } from '../train/preference/preference.testing.ts';
import { instructions, jsonLines } from '../train/sft.testing.ts';
import { silent, type TinySetup, tinyModel, tinySetup } from '../train/train.testing.ts';
import { runCli } from './cli.testing.ts';

let setup: TinySetup;
let images: ReturnType<typeof tinyGan>;
const at = (...names: string[]) => join(setup.folder, ...names);
const sets = (...changes: string[]) => changes.flatMap((change) => ['--set', change]);
const phases = JSON.stringify([48, 64].map((sequenceLength) => ({ sequenceLength, steps: 3 })));

/** How each kind of run is begun. */
const kinds: Record<string, { words: string[]; begin: () => string[]; longer: string; last: number }> = {
  pretrain: {
    words: ['pretrain'],
    begin: () => [
      ...['--data', at('data'), '--tokenizer', at('tokenizer')],
      ...sets(
        `modelChanges=${JSON.stringify(tinyModel)}`,
        'steps=6',
        'sequenceLength=48',
        'batchSize=2',
        'schedule=wsd',
      ),
      ...sets('checkpointEvery=3', 'evaluateEvery=0', 'learningRate=0.01'),
    ],
    longer: 'steps=8',
    last: 8,
  },
  extend: {
    words: ['extend'],
    begin: () => [
      ...['--model', at('base', 'model'), '--data', at('data')],
      ...sets(`phases=${phases}`, 'checkpointEvery=3', 'evaluateEvery=0', 'learningRate=0.01'),
    ],
    longer: `phases=${phases.replace(/3}]$/, '4}]')}`,
    last: 7,
  },
  distill: {
    words: ['distill'],
    begin: () => [
      ...['--teacher', at('base', 'model'), '--model', at('base', 'model'), '--data', at('data')],
      ...sets('logitWeight=0', 'languageWeight=1', 'steps=6', 'sequenceLength=48', 'batchSize=2', 'schedule=wsd'),
      ...sets('checkpointEvery=3', 'evaluateEvery=0', 'learningRate=0.01'),
    ],
    longer: 'steps=8',
    last: 8,
  },
  sft: {
    words: ['sft'],
    begin: () => [
      ...['--model', at('base', 'model'), '--data', at('rows.jsonl'), '--template', 'chatml'],
      ...sets('steps=6', 'sequenceLength=128', 'batchSize=2', 'schedule=wsd', 'neftune=5'),
      ...sets('checkpointEvery=3', 'evaluateEvery=0', 'learningRate=0.01'),
    ],
    longer: 'steps=8',
    last: 8,
  },
  dpo: {
    words: ['dpo'],
    begin: () => [
      ...['--model', at('base', 'model'), '--data', at('pairs.jsonl'), '--template', 'chatml'],
      ...sets('steps=6', 'sequenceLength=128', 'batchSize=2', 'schedule=wsd', 'loss=hdpo'),
      ...sets('checkpointEvery=3', 'evaluateEvery=0', 'learningRate=0.01'),
    ],
    longer: 'steps=8',
    last: 8,
  },
  reward: {
    words: ['reward'],
    begin: () => [
      ...['--model', at('base', 'model'), '--data', at('pairs.jsonl'), '--template', 'chatml'],
      ...sets('steps=6', 'sequenceLength=128', 'batchSize=2', 'schedule=wsd', 'centering=0.1'),
      ...sets('checkpointEvery=3', 'evaluateEvery=0', 'learningRate=0.01'),
    ],
    longer: 'steps=8',
    last: 8,
  },
  grpo: {
    words: ['grpo'],
    begin: () => [
      ...['--model', at('base', 'model'), '--data', at('prompts.jsonl'), '--template', 'chatml'],
      ...sets('steps=6', 'sequenceLength=128', 'batchSize=2', 'schedule=wsd', 'updates=2'),
      ...sets('samples=2', 'maxTokens=4', 'field=right'),
      ...sets('checkpointEvery=3', 'evaluateEvery=0', 'learningRate=0.01'),
    ],
    longer: 'steps=8',
    last: 8,
  },
  gan: {
    words: ['gan', 'train'],
    begin: () => [
      ...['--recipe', 'mnist-sngan-mini', '--data', images.at('images')],
      ...sets(
        'size=8',
        'width=0.0625',
        'batchSize=4',
        'steps=6',
        'gridImages=4',
        'checkpointEvery=3',
        'learningRate=0.1',
      ),
    ],
    longer: 'steps=8',
    last: 8,
  },
};

/** Text, text in phases, answers that are half learned from, images; `npm run test:long` has all. */
const quick = ['pretrain', 'extend', 'grpo', 'gan'];
const tried = Object.entries(kinds).filter(([kind]) => inTime(quick, [kind]).includes(kind));

beforeAll(async () => {
  setup = await tinySetup();
  images = tinyGan();
  await pretrain(setup.config('base', { steps: 1 }), { stream: silent });
  writeFileSync(at('rows.jsonl'), jsonLines(instructions().slice(0, 30)));
  writeFileSync(at('pairs.jsonl'), jsonLines(pairsOf().slice(0, 30)));
  const asked = pairsOf()
    .slice(0, 30)
    .map(({ prompt }) => ({ prompt, right: '1' }));
  writeFileSync(at('prompts.jsonl'), jsonLines(asked));
  for (const [kind, { words, begin }] of tried) {
    const { code, stderr } = await runCli([...words, ...begin(), '--out', at(kind)]);
    expect(code, stderr).toBe(0);
  }
}, 120_000);
afterAll(() => {
  setup[Symbol.dispose]();
  images[Symbol.dispose]();
});

/** The run as a kill after its third step would have left it. */
function cutBack(kind: string, name: string): string {
  cpSync(at(kind), at(name), { recursive: true });
  rmSync(at(name, 'model'), { recursive: true });
  for (const entry of readdirSync(at(name, 'checkpoints')))
    if (Number(entry.slice(5)) > 3) rmSync(at(name, 'checkpoints', entry), { recursive: true });
  return at(name);
}
const stepsOf = (name: string) =>
  readEvents(at(name, 'events.jsonl')).flatMap(({ type, step }) => (type === 'step' ? [step] : []));
const weightsOf = (name: string) =>
  readdirSync(at(name, 'model'))
    .filter((file) => file.endsWith('.safetensors'))
    .map((file) => readFileSync(at(name, 'model', file)));

describe.each(tried)('%s', (kind, { words, longer, last }) => {
  const resume = (out: string, ...more: string[]) => runCli([...words, '--out', out, '--resume', ...more]);

  it('goes on with --out and --resume alone, to the same bytes', async () => {
    const { code, stderr } = await resume(cutBack(kind, `${kind}-alone`));
    expect(code, stderr).toBe(0);
    expect(weightsOf(`${kind}-alone`)).toEqual(weightsOf(kind));
    const lineage = (name: string) => JSON.parse(readFileSync(at(name, 'model', 'lineage.json'), 'utf8'));
    expect(lineage(`${kind}-alone`).recipe).toBe(lineage(kind).recipe);
  });

  it('takes more steps, and says so', async () => {
    const name = `${kind}-longer`;
    const { code, stderr } = await resume(cutBack(kind, name), '--set', longer, '--set', 'keepLast=3');
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/^going on in .* with .*steps: \d → \d/m);
    expect(stderr).toContain('keepLast: 2 → 3');
    expect(Math.max(...stepsOf(name))).toBe(last);
    // What it was changed to holds from now on.
    expect((await resume(at(name))).stderr).not.toContain('→');
  });

  it('refuses what would change what was learned, and names all of it', async () => {
    const out = cutBack(kind, `${kind}-refused`);
    const whole = readFileSync(join(out, 'run.json'), 'utf8');
    const { code, stderr } = await resume(out, ...sets('seed=7', 'learningRate=0.5', 'keepLast=9'));
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/other settings: .*learningRate: 0\.\d+ → 0\.5.*\n.*Leave them out/),
    ]);
    expect(stderr).toContain('seed: 0 → 7');
    expect(stderr).not.toContain('keepLast');
    expect(readFileSync(join(out, 'run.json'), 'utf8')).toBe(whole);
  });

  it('says what a new run would need when there is none', async () => {
    const { code, stderr } = await resume(at('nowhere'));
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/there is no run in .*nowhere to go on with, and a new one would need \w+/),
    ]);
    const nameless = await runCli([...words, '--resume']);
    expect([nameless.code, nameless.stderr]).toEqual([2, expect.stringContaining('--resume needs --out DIR')]);
  });
});

it('does not go on with a run of another kind, nor end before what is done', async () => {
  const other = await runCli(['extend', '--out', at('pretrain'), '--resume']);
  expect([other.code, other.stderr]).toEqual([2, expect.stringMatching(/holds a run of "pretrain", not of "extend"/)]);
  const fewer = await runCli(['pretrain', '--out', at('pretrain'), '--resume', '--set', 'steps=4']);
  expect([fewer.code, fewer.stderr]).toEqual([2, expect.stringMatching(/6 steps are done already.*after 4\n/)]);
  expect(JSON.parse(readFileSync(at('pretrain', 'run.json'), 'utf8')).config.steps).toBe(6);
});

it('leaves a run with parts of its own to its program', async () => {
  const loss = { name: 'mine', of: nextTokenLoss };
  await pretrain(setup.config('own', { steps: 1 }), { stream: silent, loss });
  const { code, stderr } = await runCli(['pretrain', '--out', at('own'), '--resume']);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/by a program with its own loss, "mine"\n.*resume: true/)]);
});
