// `tsumugi export --format gguf`, and back: each option reaches something, what is printed, and mistakes in one sentence.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { TinyModel } from '../lm/tiny-model.testing.ts';
import { GgufFile, ggufTypeLabel } from '../store/index.ts';
import { runCli } from './cli.testing.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-export-'));
const tiny = new TinyModel(1);
const other = new TinyModel(2);
afterAll(() => {
  for (const model of [tiny, other]) model[Symbol.dispose]();
  rmSync(home, { recursive: true });
});
const at = (...names: string[]) => join(home, ...names);
writeFileSync(at('text.txt'), '吾輩は猫である。名前はまだ無い。'.repeat(20));

/** Exports the tiny model, with other options. */
const exported = (...more: string[]) =>
  runCli(['export', '--model', tiny.folder, '--format', 'gguf', '--out', at('m.gguf'), '--no-gate', '--json', ...more]);
const bytes = async (...more: string[]) => {
  const { code, stderr } = await exported(...more);
  expect([code, stderr], more.join(' ')).toEqual([0, '']);
  return readFileSync(at('m.gguf')).toString('base64');
};

it('gives each of its options an effect', async () => {
  const plain = await bytes('--type', 'Q4_0');
  expect(await bytes('--type', 'Q4_0')).toBe(plain);
  for (const more of [
    ['--type', 'Q5_0'],
    ['--type', 'Q4_0', '--context', '5'],
    ['--type', 'Q4_0', '--model', other.folder],
    ['--type', 'Q4_0', '--text', at('text.txt')],
  ])
    expect(await bytes(...more), more.join(' ')).not.toBe(plain);
  const weighed = await bytes('--type', 'Q4_0', '--text', at('text.txt'), '--save-imatrix', at('i.gguf'));
  expect(weighed).not.toBe(plain);
  expect(await bytes('--type', 'Q4_0', '--imatrix', at('i.gguf'))).toBe(weighed);
  expect(await bytes('--type', 'Q4_0', '--text', at('text.txt'), '--calibration-tokens', '9')).not.toBe(weighed);
  expect(JSON.parse((await exported('--text', at('text.txt'), '--calibration-tokens', '9')).stdout)).toMatchObject({
    importance: { tokens: 9 },
  });
});

it('compares unless told otherwise, and prints what came of it', async () => {
  const words = ['export', '--model', tiny.folder, '--format', 'gguf', '--out', at('g.gguf'), '--type', 'F32'];
  const { code, stdout } = await runCli(words);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /divergence from the model: mean .* nats, largest .*; the same likeliest token at 100.0 % of \d+/,
  );
  expect(stdout).toMatch(/loaded by (llama.cpp|tsumugi’s own reader)/);
  expect(stdout).toMatch(/\nF32, 32.00 bits per weight, .*, texts of up to 8 tokens, .* → .*g.gguf\n$/);
  expect((await runCli([...words, '--no-gate'])).stdout).toContain('not compared with the model');
  const lineage = JSON.parse(readFileSync(at('g.gguf.lineage.json'), 'utf8'));
  expect(lineage.config.gate).toBe('skipped');
  expect(lineage.commit).toMatch(/^[0-9a-f]{40}/);
});

it('plans without writing', async () => {
  const words = ['export', '--model', tiny.folder, '--format', 'gguf', '--out', at('plan.gguf'), '--plan'];
  const { stdout } = await runCli(words);
  expect(stdout).toMatch(/^Q4_K_M: .* bits per weight, texts of up to 8 tokens\n/);
  expect(stdout).toMatch(/\n {2}ffn_up.weight is Q5_0 instead of Q4_K: its rows of 32 have no whole blocks of Q4_K\n/);
  const plan = JSON.parse((await runCli([...words, '--json'])).stdout);
  expect(stdout).toMatch(/\n {2}time .*\n {2}memory .*\n {2}disk .* available, in .*plan.gguf\n$/);
  expect(plan).toMatchObject({ type: 'Q4_K_M', context: 8, out: at('plan.gguf'), diskBytes: plan.bytes });
  expect(existsSync(at('plan.gguf'))).toBe(false);
});

it('writes a GGUF file as a model folder', async () => {
  await bytes('--type', 'Q8_0');
  using file = new GgufFile(at('m.gguf'));
  expect(ggufTypeLabel(file.tensors.get('blk.0.ffn_up.weight')!.type)).toBe('Q8_0');
  const words = ['export', '--model', at('m.gguf'), '--format', 'hf', '--out', at('back')];
  const plan = JSON.parse((await runCli([...words, '--plan', '--json'])).stdout);
  expect(plan).toMatchObject({ tensors: file.tensors.size, diskBytes: 4 * plan.parameters, out: at('back') });
  expect((await runCli([...words, '--plan'])).stdout).toMatch(
    / tensors, .* parameters in float32\n {2}time .*\n.*\n {2}disk /,
  );
  expect(existsSync(at('back'))).toBe(false);
  expect((await runCli(words)).stdout).toBe(`${file.tensors.size} tensors in float32 → ${at('back')}\n`);
  const generated = await runCli(['generate', '--model', at('back'), '--prompt', '猫', '--max-tokens', '3']);
  expect(generated.code).toBe(0);
  expect(readdirSync(at('back'))).toContain('tokenizer.jsonl');
});

it.each<[string, () => string[], RegExp]>([
  ['no format', () => ['--model', tiny.folder, '--out', 'x'], /--format/],
  ['a type that is none', () => ['--model', tiny.folder, '--format', 'gguf', '--out', 'x', '--type', 'Q3_K'], /Q3_K/],
  ['no model', () => ['--model', at('none'), '--format', 'gguf', '--out', 'x'], /none does not exist/],
  [
    'a long context',
    () => ['--model', tiny.folder, '--format', 'gguf', '--out', 'x', '--context', '10'],
    /window of 8/,
  ],
  [
    'both weighings',
    () => [...gguf(), '--imatrix', at('i.gguf'), '--text', at('text.txt')],
    /Give one of --imatrix and/,
  ],
  ['a matrix that is none', () => [...gguf(), '--imatrix', at('text.txt')], /is no importance matrix/],
  ['a licence for a file', () => [...gguf(), '--licence', 'mit'], /--licence has no effect/],
  [
    'a licence of a folder that is a file',
    () => ['--model', at('text.txt'), '--format', 'hf', '--out', 'x', '--licence', 'mit'],
    /--licence has no effect: a GGUF file becomes a folder as it is/,
  ],
  [
    'a type for a folder',
    () => ['--model', 'x', '--format', 'hf', '--out', 'x', '--type', 'F32'],
    /--type has no effect/,
  ],
  ['another file as GGUF', () => ['--model', at('text.txt'), '--format', 'hf', '--out', 'x'], /is not a GGUF file/],
])('refuses %s', async (_, words, message) => {
  const { code, stderr, stdout } = await runCli(['export', ...words()]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
  expect(stderr.split('\n')).toHaveLength(3); // the sentence, and what to do
});
const gguf = () => ['--model', tiny.folder, '--format', 'gguf', '--out', at('never.gguf'), '--no-gate'];
