// Every setting of the stages that read text has an effect.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { embeddedText, readManifest, Tokenizer } from '../text/index.ts';
import { data, tokenizer } from './index.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-text-stages-'));
afterAll(() => rmSync(home, { recursive: true }));
let made = 0;

type Settings = Readonly<Record<string, string | number>>;
const given = (path: string, settings: Settings = {}) => ({
  name: 'text',
  path,
  paths: [path],
  settings,
  bytes: 1,
  metrics: {},
});

/** Runs a stage on inputs and returns where its artefact is. */
async function make(stage: typeof tokenizer | typeof data, config: Settings, inputs: object): Promise<string> {
  const folder = join(home, String(made++));
  const run = stage.run as (context: object) => Promise<unknown>;
  await run({ config: stage.config.parse(config), inputs, folder });
  return join(folder, stage.output!);
}

const novel = embeddedText()[1]!;
const text = given(novel, { documentCharacters: 2000 });
const trained = make(tokenizer, { vocabularySize: 700 }, { text });
const prepared = async (config: Settings, from = text) =>
  readManifest(await make(data, config, { text: from, tokenizer: given(await trained) }));

it('the tokenizer has as many pieces as its stage is told', async () => {
  expect(Tokenizer.load(await trained).vocabSize).toBe(700);
  const larger = await make(tokenizer, { vocabularySize: 900 }, { text });
  expect(Tokenizer.load(larger).vocabSize).toBe(900);
});

it('the share held out and its seed', async () => {
  expect((await prepared({ heldOutFraction: 0 })).heldOut.documents).toBe(0);
  const [half, other] = [await prepared({ heldOutFraction: 0.5 }), await prepared({ heldOutFraction: 0.5, seed: 1 })];
  const all = half.train.documents + half.heldOut.documents;
  expect(half.heldOut.documents).toBeGreaterThan(0.25 * all);
  expect(half.heldOut.characters).not.toBe(other.heldOut.characters);
});

it('the field, the encoding and the length of documents', async () => {
  const lengths = await Promise.all(
    [1000, 4000].map(async (documentCharacters) => (await prepared({}, given(novel, { documentCharacters }))).train),
  );
  expect(lengths[0]!.documents).toBeGreaterThan(2 * lengths[1]!.documents);
  const [rows, kanji] = [join(home, 'rows.jsonl'), join(home, 'kanji.txt')];
  writeFileSync(rows, '{"text": "名前", "body": "まだ無い。"}\n');
  expect((await prepared({}, given(rows, { field: 'body' }))).train.characters).toBe(5);
  // 日本国憲法 in EUC-JP, which is refused unless it is named.
  writeFileSync(kanji, Buffer.from('c6fccbdcb9f1b7fbcba1', 'hex'));
  await expect(prepared({}, given(kanji))).rejects.toThrow(/--encoding euc-jp/);
  expect((await prepared({}, given(kanji, { encoding: 'euc-jp' }))).train.characters).toBe(5);
});
