// `tsumugi synth build`: every option reaches the rows, a mistake is one sentence, and what is built can be trained on.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { embeddedText } from '../text/index.ts';
import { runCli } from './cli.testing.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-synth-build-'));
afterAll(() => rmSync(home, { recursive: true }));
let made = 0;
const novel = embeddedText()[1]!;
const rows = join(home, '行.jsonl');
const sentence = (i: number) => `主人は机に向って第${i}の本を読む。`;
writeFileSync(
  rows,
  Array.from(
    { length: 300 },
    (_, i) => `${JSON.stringify({ text: sentence(i), body: sentence(i + 500), package: `p${i % 7}` })}\n`,
  ).join(''),
);
const kanji = join(home, 'kanji.txt');
// 日本国憲法 in EUC-JP, which is refused unless it is named.
writeFileSync(kanji, Buffer.from('c6fccbdcb9f1b7fbcba1', 'hex'));

async function build(...words: string[]): Promise<string> {
  const out = join(home, `out${made++}`);
  const { code, stdout, stderr } = await runCli(['synth', 'build', ...words, '--out', out]);
  if (code !== 0) return `${code} ${stderr}`;
  if (words.includes('--plan')) return stdout;
  const files = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('rows.jsonl'));
  return [stdout, ...files.sort().map((name) => readFileSync(join(out, name), 'utf8'))].join('\n');
}

const small = ['particle-cloze', '--data', novel];
const base = [...small, '--held-out', '0.2'];
const changes: Record<string, [string[], string[]]> = {
  data: [base, ['particle-cloze', '--data', rows]],
  rows: [base, [...base, '--rows', 'pairs']],
  form: [base, [...base, '--form', 'task']],
  'held-out': [base, [...small, '--held-out', '0.4']],
  share: [base, [...base, '--share', '0.4']],
  seed: [base, [...base, '--seed', '3']],
  field: [
    ['particle-cloze', '--data', rows],
    ['particle-cloze', '--data', rows, '--field', 'body'],
  ],
  group: [
    ['particle-cloze', '--data', rows, '--held-out', '0.3'],
    ['particle-cloze', '--data', rows, '--held-out', '0.3', '--group', 'package'],
  ],
  encoding: [
    ['particle-cloze', '--data', kanji],
    ['particle-cloze', '--data', kanji, '--encoding', 'euc-jp'],
  ],
  'document-characters': [base, [...base, '--document-characters', '500']],
  plan: [base, [...base, '--plan']],
  json: [base, [...base, '--json']],
};

it.each(Object.entries(changes))('--%s has an effect', async (_option, [one, other]) => {
  const plain = await build(...one);
  expect(await build(...one)).toBe(plain);
  expect(await build(...other)).not.toBe(plain);
});

it('has a row for every option', async () => {
  const { stdout } = await runCli(['synth', 'build', '--help']);
  const options = [...stdout.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name!);
  expect(options.filter((name) => name !== 'out').sort()).toEqual(Object.keys(changes).sort());
});

it('prints what it would take, and writes nothing', async () => {
  const out = join(home, 'planned');
  const { stdout } = await runCli(['synth', 'build', ...base, '--out', out, '--plan', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ examples: expect.any(Number), seconds: expect.any(Number) });
  expect(readdirSync(home)).not.toContain('planned');
});

it('makes pairs where a builder makes nothing else', async () => {
  const path = join(home, 'pairs.jsonl');
  const row = (source: string, ja: string) => JSON.stringify({ source, en: 'A red dragon', ja });
  writeFileSync(path, [row('game-2', '赤い竜'), row('game-1', '赤の竜')].join('\n'));
  expect(await build('newer-translation', '--data', path, '--held-out', '0')).toContain('"chosen"');
});

it.each([
  [['particle-close', '--data', novel], 'there is no builder "particle-close"', 'particle-cloze'],
  [['particle-cloze', '--data', join(home, 'nope.txt')], 'there is no file or folder', '--data'],
  [['translate-en-ja', '--data', rows], 'row 1: "en" should be a text but is not there', 'text, body, package'],
  [['synopsis', '--data', rows, '--form', 'task'], 'no form "task"', 'Leave the form out'],
  [['newer-translation', '--data', rows, '--rows', 'answers'], 'makes no answers', 'Ask for pairs'],
  [['faq', '--data', rows], 'faq makes no row to learn from', 'another builder'],
  [['--data', rows], 'needs BUILDER', '--help'],
  [small, 'makes no row that is held out', '0 holds out none'],
])('refuses %j in one sentence', async (words, message, remedy) => {
  const result = await build(...(words as string[]));
  expect(result).toMatch(/^2 error: /);
  expect(result).toContain(message);
  expect(result).toContain(remedy);
  expect(readdirSync(home).filter((name) => name.startsWith(`out${made - 1}`))).toEqual([]);
});
