// `tsumugi data`: what it prints and writes, and what it refuses.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddedText } from '../text/index.ts';
import { runCli } from './cli.testing.ts';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tsumugi-cli-data-'));
  const text = readFileSync(embeddedText()[1]!, 'utf8');
  const documents = [0, 1, 2, 3, 4].map((k) => ({ body: text.slice(4000 * k, 4000 * (k + 1)) }));
  const rows = [...documents, documents[0], { body: ' ' }];
  writeFileSync(at('text.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const args = ['--text', at('text.jsonl'), '--field', 'body', '--vocabulary-size', '600', '--out', at('tokenizer')];
  expect(await runCli(['tokenizer', 'train', ...args])).toMatchObject({ code: 0, stderr: '' });
});
afterAll(() => rmSync(folder, { recursive: true }));

const prepare = (out: string, ...more: string[]) =>
  runCli(['data', 'prepare', '--text', at('text.jsonl'), '--tokenizer', at('tokenizer'), '--out', at(out), ...more]);

describe('data', () => {
  it('prints what was prepared, and finds it again', async () => {
    const { code, stdout } = await prepare('shards', '--field', 'body', '--held-out', '0.2', '--json');
    expect(code).toBe(0);
    const counts = JSON.parse(stdout) as { train: { documents: number }; heldOut: { documents: number } };
    expect(counts).toMatchObject({ duplicates: 1, empty: 1, files: 1, vocabularySize: 600 });
    expect(counts.train.documents + counts.heldOut.documents).toBe(5);
    expect(counts.heldOut.documents).toBeGreaterThan(0);
    expect((await runCli(['data', 'info', at('shards'), '--json'])).stdout).toBe(stdout);

    const again = await prepare('shards', '--field', 'body', '--held-out', '0.2');
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('already holds this') });
    expect(again.stdout).toMatch(
      /to train on +\d documents, [\d,]+ characters, [\d,]+ tokens \(\d\.\d{3} characters\/token\)/,
    );
    expect(again.stdout).toMatch(/left out +1 duplicates, 1 empty/);
  });

  it('tells of half characters that were replaced', async () => {
    writeFileSync(at('half.jsonl'), '{"text":"犬は犬"}\n{"text":"猫は\\ud83d"}\n');
    const told = `note: 1 document holds half of a surrogate pair, which is no character and is read as U+FFFD; the first is ${at('half.jsonl')}, row 2\n`;
    const args = ['--text', at('half.jsonl'), '--out'];
    const prepared = await runCli(['data', 'prepare', ...args, at('half'), '--tokenizer', at('tokenizer')]);
    expect([prepared.code, prepared.stderr]).toEqual([0, expect.stringContaining(told)]);
    const trained = await runCli(['tokenizer', 'train', ...args, at('half-tokenizer'), '--vocabulary-size', '391']);
    expect(trained.stderr).toContain(told); // the text is too short for a vocabulary
    const info = await runCli(['tokenizer', 'info', '--tokenizer', at('tokenizer'), '--text', at('half.jsonl')]);
    expect([info.code, info.stderr]).toEqual([0, told]);
  });

  it('names a changed byte and what was prepared otherwise', async () => {
    const settings = ['--field', 'body', '--held-out', '0.2'];
    await prepare('changed', ...settings);
    const file = at('changed/tokens-00000.bin');
    const bytes = readFileSync(file);
    bytes[9]! ^= 1;
    writeFileSync(file, bytes);
    const again = await prepare('changed', ...settings);
    expect([again.code, again.stderr]).toEqual([
      0,
      expect.stringMatching(/tokens-00000\.bin is not .*; it was prepared anew\n/),
    ]);
    const other = await prepare('changed', ...settings, '--seed', '3');
    expect([other.code, other.stderr]).toEqual([2, expect.stringMatching(/prepared otherwise: seed 0 → 3\n/)]);
  });

  it('joins parts to the shards of one machine, and tells what a part holds', async () => {
    const rows = readFileSync(at('text.jsonl'), 'utf8').trim().split('\n');
    for (const [name, from] of [['b', 0], ['c', 3]] as const) // biome-ignore format: pairs
      writeFileSync(at(`${name}.jsonl`), `${rows.slice(from, from + 4).join('\n')}\n`);
    const settings = [
      '--text',
      at('b.jsonl'),
      at('c.jsonl'),
      '--field',
      'body',
      '--tokenizer',
      at('tokenizer'),
      '--json',
    ];
    const made = (out: string, ...more: string[]) =>
      runCli(['data', 'prepare', ...settings, '--out', at(out), ...more]);
    const whole = await made('one-machine', '--dedup-memory', '1M', '--threads', '2');
    const first = await made('part-1', '--part', '1/2');
    expect(first.code).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({ part: 1, of: 2, documents: 4, files: 1, duplicates: 0 });
    expect((await runCli(['data', 'info', at('part-1'), '--json'])).stdout).toBe(first.stdout);
    expect((await runCli(['data', 'info', at('part-1')])).stdout).toMatch(/part 1 of 2 +4 documents, [\d,]+ tokens/);
    await made('part-2', '--part', '2/2');
    const join = ['data', 'join', at('part-2'), at('part-1'), '--out', at('joined')];
    expect(await runCli([...join, '--json'])).toMatchObject({ code: 0, stdout: whole.stdout });
    for (const file of readdirSync(at('one-machine')))
      expect(readFileSync(at(`joined/${file}`))).toEqual(readFileSync(at(`one-machine/${file}`)));
    expect(await runCli(join)).toMatchObject({ code: 0, stderr: expect.stringContaining('already holds this') });
    const lacking = await runCli(['data', 'join', at('part-2'), '--out', at('none')]);
    expect([lacking.code, lacking.stderr]).toEqual([2, expect.stringContaining('of 2 parts, part 1 is missing')]);
    const alone = await made('none', '--own-files');
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('--own-files has no effect')]);
  });

  it.each([
    [['--field', 'bdy'], '"bdy"'],
    [['--field', 'body', '--held-out', '1'], '--held-out: expected a number from 0 to 0.99, got "1"'],
    [['--field', 'body', '--encoding', 'utf-9'], 'utf-9'],
  ])('refuses %j and writes nothing', async (flags, message) => {
    const { code, stderr } = await prepare('none', ...flags);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(existsSync(at('none'))).toBe(false);
  });

  it('holds out the share it is told, and cuts documents to the length it is told', async () => {
    type Counts = Record<'train' | 'heldOut', { documents: number }>;
    const counts = JSON.parse((await prepare('none-held', '--field', 'body', '--held-out', '0', '--json')).stdout);
    expect((counts as Counts).heldOut.documents).toBe(0);
    const novel = ['--text', embeddedText()[1]!, '--tokenizer', at('tokenizer'), '--json'];
    const documents = async (length: string) => {
      const args = [...novel, '--out', at(`cut-${length}`), '--document-characters', length];
      return (JSON.parse((await runCli(['data', 'prepare', ...args])).stdout) as Counts).train.documents;
    };
    expect(await documents('1000')).toBeGreaterThan(2 * (await documents('4000')));
  });

  it('says when a folder holds no shards', async () => {
    const { code, stderr } = await runCli(['data', 'info', at('tokenizer')]);
    expect(code).toBe(2);
    expect(stderr).toContain('is not a folder of token shards');
  });
});
