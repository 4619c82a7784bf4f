// Stages that write what models learn from: text, examples of translation, and pairs of a newer and an older translation.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RandomStream } from 'tsumugi/base';
import { defineStage, metric, type StageInput } from 'tsumugi/recipe';
import { readDecompressed } from 'tsumugi/text';
import { z } from 'zod';
import type { JapaneseDocument, Pair } from './corpus.ts';
import { compareVersions } from './packages.ts';
import { lines, plain } from './split.ts';

export type SplitPart = 'train' | 'held-out' | 'documents';

export const readPart = <Row = Pair>(split: StageInput, part: SplitPart): Row[] =>
  readFileSync(join(split.path, `${part}.jsonl`), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);

function write(folder: string, name: string, rows: readonly object[]): void {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, `${name}.jsonl`), lines(rows));
}

/** @param share of the split's bytes that is written; measured 2026 */
const forecastOf =
  (share: number) =>
  ({ inputs: { split } }: { inputs: { split: StageInput } }) => ({
    seconds: 1 + split.bytes / 2e7,
    memory: [{ what: 'Node and the texts', bytes: 2 ** 29 }],
    diskBytes: Math.ceil(share * split.bytes),
  });

/** A request in the published format of translation, as the template `plamo-translate` is given it. */
export const asked = (en: string) => ({ role: 'user', content: en, from: 'English', to: 'Japanese' }) as const;

/** Pieces of about a length, at the ends of lines. */
function cut(text: string, characters: number): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (const line of text.split('\n')) {
    if (piece !== '' && piece.length + line.length > characters) {
      pieces.push(piece);
      piece = '';
    }
    piece += `${line}\n`;
  }
  return piece.trim() === '' ? pieces : [...pieces, piece];
}

/** Characters of a document. Our choice: several rows of pre-training. */
const documentCharacters = 2000;

/** Sentences with their translations, one below the other, package by package; and Japanese text. */
export const text = defineStage({
  name: 'translation-text',
  version: 1,
  makes: 'text',
  inputs: { split: 'split', novels: 'text' },
  config: z.strictObject({
    japanese: z
      .number()
      .min(0)
      .lt(1)
      .default(0.2)
      .describe('share of the characters in Japanese alone: documents, novels'),
    seed: z.int().nonnegative().default(0).describe('decides which documents are taken'),
  }),
  output: 'text',
  resumes: false,
  forecast: forecastOf(0.6),
  async run({ config: { japanese, seed }, inputs, folder }) {
    const random = new RandomStream(seed);
    const pairs = [...Map.groupBy(readPart(inputs.split, 'train'), ({ source }) => source).values()].flatMap((own) =>
      cut(own.map(({ en, ja }) => `${en}\n${ja}`).join('\n'), documentCharacters),
    );
    const novels = await Promise.all(inputs.novels.paths.map(async (path) => String(await readDecompressed(path))));
    const documents = readPart<JapaneseDocument>(inputs.split, 'documents').map((document) => document.text);
    const others = [...novels, ...documents].flatMap((each) => cut(each, documentCharacters));
    const characters = (all: readonly string[]) => all.reduce((sum, each) => sum + each.length, 0);
    let room = (characters(pairs) * japanese) / (1 - japanese);
    const taken: string[] = [];
    for (const each of random.shuffle(others)) {
      if (room < each.length) break;
      taken.push(each);
      room -= each.length;
    }
    write(
      folder,
      'text',
      [...pairs, ...taken].map((each) => ({ text: each })),
    );
    return {
      metrics: [
        metric('characters of sentences and their translations', characters(pairs)),
        metric('characters in Japanese alone', characters(taken)),
      ],
    };
  },
});

/** Examples of translation from English into Japanese. */
export const examples = defineStage({
  name: 'translation-examples',
  version: 1,
  makes: 'examples',
  inputs: { split: 'split' },
  config: z.strictObject({
    part: z.enum(['train', 'held-out']).describe('of which sentences'),
    most: z.int().positive().optional().describe('how many, drawn; all unless given'),
    seed: z.int().nonnegative().default(0).describe('decides which, and their order'),
  }),
  output: 'examples',
  resumes: false,
  forecast: forecastOf(0.7),
  async run({ config: { part, most, seed }, inputs, folder }) {
    const drawn = new RandomStream(seed).shuffle(readPart(inputs.split, part)).slice(0, most);
    const rows = drawn.map(({ source, en, ja }) => ({
      messages: [asked(en), { role: 'assistant', content: ja }],
      package: source,
    }));
    write(folder, 'examples', rows);
    return { metrics: [metric('examples', rows.length)] };
  },
});

/**
 * For sentences that two versions of a package translate differently: the newer translation, preferred to the older one. Where spaces or
 * the width of letters are all that differs, there is nothing to learn.
 */
export const preferences = defineStage({
  name: 'translation-preferences',
  version: 1,
  makes: 'examples',
  inputs: { split: 'split' },
  config: z.strictObject({}),
  output: 'preferences',
  resumes: false,
  forecast: forecastOf(0.01),
  async run({ inputs, folder }) {
    const rows = newerAgainstOlder(readPart(inputs.split, 'train')).map(({ en, newer, older }) => ({
      prompt: [asked(en)],
      chosen: [{ role: 'assistant', content: newer.ja }],
      rejected: [{ role: 'assistant', content: older.ja }],
      newer: newer.source,
      older: older.source,
    }));
    write(folder, 'preferences', rows);
    return { metrics: [metric('examples', rows.length)] };
  },
});

export function newerAgainstOlder(pairs: readonly Pair[]): { en: string; newer: Pair; older: Pair }[] {
  const found = new Map<string, { en: string; newer: Pair; older: Pair }>();
  for (const [en, own] of Map.groupBy(pairs, (pair) => pair.en))
    for (const newer of own)
      for (const older of own) {
        if (compareVersions(newer.source, older.source) <= 0 || plain(newer.ja) === plain(older.ja)) continue;
        const key = JSON.stringify([en, plain(newer.ja), plain(older.ja)]);
        // What one package changed and another changed back says nothing.
        const back = JSON.stringify([en, plain(older.ja), plain(newer.ja)]);
        if (found.delete(back)) continue;
        if (!found.has(key)) found.set(key, { en, newer, older });
      }
  return [...found.values()];
}
