// `tsumugi tokenizer`: the encode contract, training, decoding, mistakes.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { golden } from '../../../../tests/files.ts';
import { embeddedText } from '../text/index.ts';
import { runCli } from './cli.testing.ts';

const goldenTokenizer = golden('tokenizer');

const jsonLines = (values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
const parseLines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as never);

let folder: string;
let trained: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tsumugi-cli-tokenizer-'));
  const text = join(folder, 'text.txt');
  writeFileSync(text, readFileSync(embeddedText()[1]!, 'utf8').slice(0, 20_000));
  trained = join(folder, 'tokenizer');
  const args = ['--text', text, '--vocabulary-size', '600', '--out', trained, '--json'];
  const { code, stdout, stderr } = await runCli(['tokenizer', 'train', ...args]);
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toMatchObject({ out: trained, vocabularySize: 600 });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('tokenizer encode', () => {
  it('gives the ids of the golden cases', async () => {
    const cases = parseLines(readFileSync(join(goldenTokenizer, 'cases.jsonl'), 'utf8')) as {
      text: string;
      ids: number[];
    }[];
    const input = jsonLines(cases.map(({ text }) => ({ text })));
    const { code, stdout } = await runCli(['tokenizer', 'encode', '--tokenizer', goldenTokenizer], input);
    expect(code).toBe(0);
    expect(parseLines(stdout)).toEqual(cases.map(({ ids }) => ({ ids })));
  });

  it('adds BOS and disarms control pieces only when asked', async () => {
    const encode = async (...flags: string[]) => {
      const { stdout } = await runCli(
        ['tokenizer', 'encode', '--tokenizer', trained, ...flags],
        '{"text":"<|plamo:eos|>猫"}\n',
      );
      return (JSON.parse(stdout) as { ids: number[] }).ids;
    };
    const plain = await encode();
    expect(plain[0]).toBe(2);
    expect(await encode('--bos')).toEqual([1, ...plain]);
    expect(await encode('--safe')).not.toContain(2);
  });

  it.each([
    ['{"text":"猫"}\n{"text":1}\n', 'line 2 of standard input cannot be used: "text" is 1, expected a string'],
    ['{"text":"猫"}\n\n{"ids":[1]}\n', 'line 3 of standard input cannot be used: "text" is missing, expected a string'],
    ['{"text":"猫"}\n{"text":"犬"\n', 'line 2 of standard input is not JSON'],
    ['{"text":"猫"}\n["猫"]', 'line 2 of standard input is no JSON object: ["猫"]'],
  ])('answers what comes before a bad line and names it: %j', async (input, message) => {
    const { code, stdout, stderr } = await runCli(['tokenizer', 'encode', '--tokenizer', trained], input);
    expect(code).toBe(2);
    expect(parseLines(stdout)).toHaveLength(1);
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).toContain('  → Write one object such as {"text": "…"} per line.');
  });
});

describe('tokenizer decode', () => {
  it('undoes encode', async () => {
    const texts = [{ text: '猫である。𠮷\n' }, { text: '' }, { text: '"\\' }];
    const ids = (await runCli(['tokenizer', 'encode', '--tokenizer', trained], jsonLines(texts))).stdout;
    const { code, stdout } = await runCli(['tokenizer', 'decode', '--tokenizer', trained], ids);
    expect([code, parseLines(stdout)]).toEqual([0, texts]);
  });

  it('leaves out control pieces only when asked', async () => {
    const decode = async (...flags: string[]) =>
      parseLines((await runCli(['tokenizer', 'decode', '--tokenizer', trained, ...flags], '{"ids":[1,2]}\n')).stdout);
    expect(await decode()).toEqual([{ text: '<|plamo:bos|><|plamo:eos|>' }]);
    expect(await decode('--skip-special')).toEqual([{ text: '' }]);
  });

  it('names the line of an id that does not exist', async () => {
    const { code, stderr } = await runCli(
      ['tokenizer', 'decode', '--tokenizer', trained],
      '{"ids":[5]}\n{"ids":[99999]}\n',
    );
    expect(code).toBe(2);
    expect(stderr).toContain('line 2 of standard input cannot be used: 99999 is no token id');
  });
});

describe('tokenizer train and info', () => {
  it('describe what was made', async () => {
    const text = join(folder, 'text.txt');
    const { code, stdout } = await runCli(['tokenizer', 'info', '--tokenizer', trained, '--text', text, '--json']);
    expect(code).toBe(0);
    const facts = JSON.parse(stdout) as Record<string, unknown>;
    expect(facts).toMatchObject({ vocabularySize: 600, bosId: 1, eosId: 2, types: { BYTE: 256, UNKNOWN: 1 } });
    expect(facts['charactersPerToken']).toBeGreaterThan(0.5);
    expect((await runCli(['tokenizer', 'info', '--tokenizer', trained])).stdout).toContain('pieces   600: 1 UNKNOWN');
  });

  it('leave nothing behind when the text does not support the vocabulary', async () => {
    const out = join(folder, 'too-large');
    const args = ['--text', join(folder, 'text.txt'), '--vocabulary-size', '100000', '--out', out];
    const { code, stderr } = await runCli(['tokenizer', 'train', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain('the text does not support a vocabulary of 100000 pieces');
    expect(existsSync(out)).toBe(false);
  });

  it.each([
    ['a tokenizer', () => trained, 'holds something else'],
    ['a file', () => join(folder, 'text.txt'), 'is a file'],
    ['a place below a file', () => join(folder, 'text.txt', 'x'), 'something else is there that is no folder'],
    ['a place that cannot be made', () => '/proc/tsumugi/x', 'cannot be written'],
  ])('refuse %s as --out before the text is read', async (_, out, message) => {
    // There is no such text: it is not looked for.
    const args = ['--text', join(folder, 'none.txt'), '--vocabulary-size', '600', '--out', out()];
    const { code, stderr } = await runCli(['tokenizer', 'train', ...args]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(stderr).toMatch(/\n {2}→ /);
  });

  it('say what was left out of a folder, and which formats are read', async () => {
    const texts = join(folder, 'texts');
    mkdirSync(texts);
    writeFileSync(join(texts, 'a.txt'), readFileSync(join(folder, 'text.txt')));
    writeFileSync(join(texts, 'b.png'), '');
    symlinkSync(join(folder, 'gone'), join(texts, 'link.txt'));
    const { code, stderr } = await runCli(['tokenizer', 'info', '--tokenizer', trained, '--text', texts]);
    expect(code).toBe(0);
    expect(stderr).toBe(
      `note: 1 of what the folders hold cannot be read and is left out:\n  ${texts}/link.txt: it is a link to something that is not there\n` +
        'note: passed over in folders: 1 of other formats, 0 hidden\n',
    );
    expect((await runCli(['tokenizer', 'train', '--help'])).stdout).toMatch(
      /\.parquet \(all but \.parquet also with \.gz, \.zst, \.xz\)/,
    );
  });
});
