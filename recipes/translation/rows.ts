// Stages that write what models learn from: text to pre-train on, and sentences alone.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RandomStream } from 'tsumugi/base';
import { defineStage, metric, type StageInput } from 'tsumugi/recipe';
import { readDecompressed } from 'tsumugi/text';
import { z } from 'zod';
import type { JapaneseDocument, Pair } from './corpus.ts';
import { lines } from './split.ts';

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

/** The sentences of a part alone, as builders of examples read them. */
export const sentences = defineStage({
  name: 'translation-sentences',
  version: 1,
  makes: 'text',
  inputs: { split: 'split' },
  config: z.strictObject({ part: z.enum(['train', 'held-out']).describe('of which packages') }),
  output: 'sentences',
  resumes: false,
  forecast: forecastOf(0.4),
  async run({ config: { part }, inputs, folder }) {
    const rows = readPart(inputs.split, part);
    write(folder, 'sentences', rows);
    return { metrics: [metric('sentences', rows.length)] };
  },
});
