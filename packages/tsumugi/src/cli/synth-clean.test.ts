// `tsumugi synth clean`: options reach the rows, mistakes are one sentence.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runCli } from './cli.testing.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-synth-clean-'));
afterAll(() => rmSync(home, { recursive: true }));
let made = 0;
const rows = join(home, '行.jsonl');
const texts = [
  '吾輩は猫である。名前はまだ無い。',
  '　吾輩は猫である。名前はまだ無い。',
  '日本の首都はどこですか。東京です。',
  '短い',
];
writeFileSync(rows, texts.map((text) => `${JSON.stringify({ text, body: text.slice(0, 4) })}\n`).join(''));
const quiz = join(home, 'quiz.txt');
writeFileSync(quiz, '日本の首都はどこですか。東京です。');
const settings = join(home, 'settings.json');
writeFileSync(settings, '{"field": "body"}');

async function clean(...words: string[]): Promise<string> {
  const out = join(home, `out${made++}`);
  const { code, stdout, stderr } = await runCli(['synth', 'clean', '--out', out, ...words]);
  return code === 0 ? stdout.replaceAll(out, 'OUT') : `${code} ${stderr}`;
}

it('counts what was dropped and by what', async () => {
  expect(JSON.parse(await clean('--data', rows, '--json'))).toEqual({
    rows: 4,
    kept: 3,
    dropped: { empty: 0, 'near-duplicates': 1 },
    path: 'OUT/rows.parquet',
  });
});

it.each([
  ['filter', ['--filter', 'ending']],
  ['against', ['--against', quiz]],
  ['format', ['--format', 'jsonl']],
  ['memory', ['--memory', '1']],
  ['config', ['--config', settings]],
  ['set', ['--set', 'length.min=5']],
  ['plan', ['--plan']],
  ['json', ['--json']],
])('--%s has an effect', async (_option, words) => {
  const plain = await clean('--data', rows);
  expect(await clean('--data', rows, ...words)).not.toBe(plain);
});

it.each([
  [['--data', rows, '--filter', 'lenght'], 'there is no filter "lenght"', 'Did you mean "length"'],
  [['--data', join(home, 'nowhere.jsonl')], 'there is no file or folder', '--data'],
  [['--data', rows, '--set', 'threshold=0.5'], 'threshold', ''],
  [[], '--data', '--help'],
])('refuses %j in one sentence', async (words, message, remedy) => {
  const result = await clean(...words);
  expect(result).toMatch(/^2 error: /);
  expect(result).toContain(message);
  expect(result).toContain(remedy);
  expect(readdirSync(home)).not.toContain(`out${made - 1}`);
});
