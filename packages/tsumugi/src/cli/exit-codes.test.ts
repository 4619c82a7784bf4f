// What a shell sees of commands that a signal ends, each as a process: 128 and the signal's number, so that `&&` stops. Those that
// can save do so first; the others end at once, by the signal itself, and leave nothing half-written.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inTime } from '../base/thorough.testing.ts';
import { type TinyGan, tinyGan } from '../gan/gan.testing.ts';
import { TinyModel } from '../lm/tiny-model.testing.ts';
import { embeddedText } from '../text/index.ts';
import { tinyModel } from '../train/train.testing.ts';
import { runCli } from './cli.testing.ts';

const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));
const recipe = fileURLToPath(new URL('tiny-recipe.testing.ts', import.meta.url));
let home: string;
let gan: TinyGan;
let model: TinyModel;
const at = (...names: string[]) => join(home, ...names);
const sets = (...each: string[]) => each.flatMap((set) => ['--set', set]);

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-exit-codes-'));
  gan = tinyGan();
  model = new TinyModel();
  const novel = readFileSync(embeddedText()[1]!, 'utf8');
  writeFileSync(at('text.txt'), novel.slice(0, 12_000));
  // Enough to be read for a while.
  writeFileSync(
    at('long.jsonl'),
    Array.from({ length: 1500 }, (_, i) => `${JSON.stringify({ text: i + novel.slice(0, 3000) })}\n`).join(''),
  );
  const done = async (...args: string[]) => expect((await runCli(args)).code, args.join(' ')).toBe(0);
  const text = ['--text', at('text.txt'), '--document-characters', '800'];
  await done('tokenizer', 'train', ...text, '--vocabulary-size', '420', '--out', at('tokenizer'));
  await done('data', 'prepare', ...text, '--tokenizer', at('tokenizer'), '--held-out', '0.2', '--out', at('data'));
  const tiny = sets(`modelChanges=${JSON.stringify(tinyModel)}`, 'steps=1', 'sequenceLength=48', 'batchSize=2');
  await done('pretrain', '--data', at('data'), '--tokenizer', at('tokenizer'), '--out', at('base'), ...tiny);
  const images = ['--data', gan.at('images')];
  await done(
    'gan',
    'train',
    ...images,
    '--out',
    at('gan'),
    ...sets('size=8', 'width=0.0625', 'steps=1', 'batchSize=4'),
  );
  await done('gan', 'classifier', ...images, '--size', '8', '--epochs', '1', '--widths', '4', '6', '--out', at('eye'));
}, 120_000);
afterAll(() => {
  gan[Symbol.dispose]();
  model[Symbol.dispose]();
  rmSync(home, { recursive: true, force: true });
});

interface Case {
  args: (out: string) => string[];
  /** Whether it is at work. */
  begun: (out: string, stderr: string, milliseconds: number) => boolean;
  /** What it says when it has saved; undefined for a command that cannot go on, and ends at once. */
  saved?: RegExp;
}
const goesOn = /saved; go on with: .*--resume/;
const hasTakenAStep = (run: string) =>
  existsSync(join(run, 'events.jsonl')) && readFileSync(join(run, 'events.jsonl'), 'utf8').includes('"type":"step"');
/** The folder that it will rename to `out` is there. */
const isWriting = (out: string) =>
  readdirSync(home).some((name) => name !== basename(out) && name.includes(basename(out)));

const cases: Record<string, Case> = {
  extend: {
    args: (out) => [
      ...['extend', '--model', at('base', 'model'), '--data', at('data'), '--out', out],
      ...sets('phases=[{"sequenceLength":48,"steps":100000}]', 'evaluateEvery=0', 'checkpointEvery=0'),
    ],
    begun: hasTakenAStep,
    saved: goesOn,
  },
  'gan train': {
    args: (out) => [
      ...['gan', 'train', '--data', gan.at('images'), '--out', out],
      ...sets('size=8', 'width=0.0625', 'steps=100000', 'batchSize=4', 'checkpointEvery=0', 'logEvery=1'),
    ],
    begun: hasTakenAStep,
    saved: goesOn,
  },
  'rl train': {
    args: (out) => [
      ...['rl', 'train', 'ddpg-pendulum', '--out', out],
      ...sets('steps=10000000', 'logEvery=1', 'evaluation.interval=0', 'checkpointEvery=0'),
    ],
    begun: hasTakenAStep,
    saved: goesOn,
  },
  'gan score': {
    args: () => [
      ...['gan', 'score', '--model', at('gan', 'model'), '--data', gan.at('images'), '--extractor', 'classifier'],
      ...['--weights', at('eye'), '--real', '40', '--fake', '200000', '--metrics', 'frechet'],
    ],
    // It says nothing before it has drawn all the fakes, which takes half a minute.
    begun: (_out, _stderr, milliseconds) => milliseconds > 1000,
  },
  'gan classifier': {
    args: (out) => ['gan', 'classifier', '--data', gan.at('images'), '--size', '8', '--epochs', '100000', '--out', out],
    begun: (_, stderr) => stderr.includes('epoch'),
  },
  'tokenizer train': {
    args: (out) => ['tokenizer', 'train', '--text', at('long.jsonl'), '--vocabulary-size', '2000', '--out', out],
    begun: isWriting,
  },
  'data prepare': {
    args: (out) => ['data', 'prepare', '--text', at('long.jsonl'), '--tokenizer', at('tokenizer'), '--out', out],
    begun: isWriting,
  },
  'synth build': {
    args: (out) => ['synth', 'build', 'particle-cloze', '--data', at('long.jsonl'), '--out', out],
    begun: isWriting,
    saved: /stopped; nothing was written/,
  },
  'synth clean': {
    args: (out) => ['synth', 'clean', '--data', at('long.jsonl'), '--out', out],
    begun: isWriting,
    saved: /stopped; nothing was written/,
  },
  eval: {
    args: (out) => [
      ...['eval', 'needle', '--model', model.folder, '--cache', out],
      ...sets('lengths=256', 'depths=0', 'samples=1000'),
    ],
    begun: (out) => existsSync(out) && readdirSync(out).length > 0,
    saved: /stopped; answers are kept in .*, the same command goes on from here/,
  },
  run: {
    args: (out) => ['run', recipe, '--out', out, ...sets(`text=${at('text.txt')}`, 'pretrain.steps=100000')],
    begun: (_, stderr) => stderr.includes('before training'),
    saved: /saved; the same command goes on from here/,
  },
};

/** Sends `signal` as soon as the command is at work. Its exit code is the one a shell shows. */
async function stopped({ args, begun }: Case, signal: 'SIGINT' | 'SIGTERM', out: string) {
  const child = spawn(process.execPath, [bin, ...args(out)], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (piece) => {
    stderr += piece;
  });
  const ended = new Promise<number>((resolve) =>
    child.on('close', (code, by) => resolve(code ?? 128 + constants.signals[by!])),
  );
  const since = performance.now();
  while (child.exitCode === null && !begun(out, stderr, performance.now() - since)) await sleep(20);
  const sent = child.exitCode === null && child.kill(signal);
  return { code: await ended, sent, stderr };
}

let runs = 0;
const signals = { SIGINT: 130, SIGTERM: 143 } as const;
/** What ends as another one here does. */
const alike = ['gan score', 'gan classifier', 'tokenizer train', 'synth clean'];
// What nothing of ours catches ends by either signal alike; of the others one has both here, and the rest in `npm run test:long`.
const asked = Object.entries(cases).filter(([name]) => inTime(!alike.includes(name), true));
const rows = asked.flatMap(([name, each]) =>
  (each.saved && inTime(name === 'extend', true) ? (['SIGINT', 'SIGTERM'] as const) : (['SIGINT'] as const)).map(
    (signal) => ({ name, signal, each }),
  ),
);
it.each(rows)('$name ends by $signal', async ({ signal, each }) => {
  const out = at(`out-${runs++}`);
  const { code, sent, stderr } = await stopped(each, signal, out);
  expect([sent, code], stderr).toEqual([true, signals[signal]]);
  if (each.saved) expect(stderr).toMatch(each.saved);
  else expect(existsSync(out)).toBe(false);
});
