// Where the settings of a run that is gone on with come from.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { RunFolder } from '../run/index.ts';
import { runCli } from './cli.testing.ts';
import { trainingSettings } from './training-settings.ts';

const schema = z.strictObject({ out: z.string(), steps: z.int(), rate: z.number().default(1) });
const home = mkdtempSync(join(tmpdir(), 'tsumugi-training-settings-'));
const at = (name: string) => join(home, name);
beforeAll(() => {
  for (const [name, steps] of Object.entries({ one: 3, two: 5 })) {
    using run = RunFolder.create(at(name), { name: 'toy', config: { out: at(name), steps, rate: 0.5 } });
    run.openEvents()[Symbol.dispose]();
  }
});
afterAll(() => rmSync(home, { recursive: true }));

const resumed = (out: string | undefined, ...set: string[]) =>
  trainingSettings(schema, 'toy', { config: undefined, set, resume: true }, { out: out && at(out) });

it('is the run in --out, or in the last --set out=, which goes first', () => {
  expect(resumed('one')).toEqual({ out: at('one'), steps: 3, rate: 0.5 });
  expect(resumed('one', 'rate=2')).toEqual({ out: at('one'), steps: 3, rate: 2 });
  for (const out of [undefined, 'one'])
    expect(resumed(out, `out=${at('one')}`, `out=${at('two')}`)).toEqual({ out: at('two'), steps: 5, rate: 0.5 });
  expect(() => resumed(undefined, 'steps=4')).toThrow('--resume needs --out DIR');
});

it.each([
  ['pretrain', [], 'data is missing\n  → Write --data …'],
  ['pretrain', ['--data', 'x'], 'tokenizer is missing\n  → Write --tokenizer …'],
  ['extend', ['--data', 'x', '--out', 'y'], 'model is missing\n  → Write --model …'],
  ['sft', ['--data', 'x', '--out', 'y'], 'model is missing\n  → Write --model …'],
  ['sft', ['--model', 'x', '--out', 'y'], 'data is missing\n  → Write --data …'],
  ['dpo', ['--data', 'x', '--out', 'y'], 'model is missing\n  → Write --model …'],
  ['dpo', ['--model', 'x', '--out', 'y'], 'data is missing\n  → Write --data …'],
  ['reward', ['--data', 'x', '--out', 'y'], 'model is missing\n  → Write --model …'],
  ['reward', ['--model', 'x', '--out', 'y'], 'data is missing\n  → Write --data …'],
  ['grpo', ['--data', 'x', '--out', 'y'], 'model is missing\n  → Write --model …'],
  ['grpo', ['--model', 'x', '--out', 'y'], 'data is missing\n  → Write --data …'],
  ['distill', ['--teacher', 'x', '--data', 'y', '--out', 'z'], 'model is missing\n  → Write --model …'],
])('names the option of a setting that is missing: %s %j', async (command, args, message) => {
  const { code, stderr } = await runCli([command, ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
