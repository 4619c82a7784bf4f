// Stage: the corpus → sentences and documents to learn from, and sentences of packages that are held out, whole. What stands in a held-out
// sentence is taken out of all the rest, by n-grams: packages copy from one another.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deriveSeed, RandomStream, sha256 } from 'tsumugi/base';
import { defineStage, metric } from 'tsumugi/recipe';
import { ContaminationIndex } from 'tsumugi/synth';
import { z } from 'zod';
import { type JapaneseDocument, type Pair, readDescriptions, readJapanese, readPairs } from './corpus.ts';
import { familyOf } from './packages.ts';
import { Sentences } from './sentences.ts';

export const splitConfig = z.strictObject({
  heldOutFamilies: z.number().gt(0).lt(1).default(0.05).describe('share of the families of packages that is held out'),
  heldOutPerFamily: z.int().positive().default(8).describe('held-out sentences of a family at most'),
  seed: z.int().nonnegative().default(0).describe('decides which packages are held out'),
});

/** A number between 0 and 1 for a text, always the same. */
const drawOf = (text: string, seed: number): number => deriveSeed(seed, text) / 2 ** 32;

/** In one form of letters and spaces: sentences that differ in these alone are the same. */
export const plain = (text: string): string => text.normalize('NFKC').replaceAll(/\s+/gu, ' ').trim().toLowerCase();

export const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

export const split = defineStage({
  name: 'translation-split',
  version: 1,
  makes: 'split',
  inputs: { pairs: 'pairs', descriptions: 'pairs', documents: 'documents' },
  config: splitConfig,
  output: 'split',
  resumes: false,
  dryRun: () => ({ heldOutFamilies: 0.3 }), // of a few packages, a twentieth may be none
  forecast: ({ inputs: { pairs, descriptions, documents } }) => ({
    // Measured 2026: what xz packs is about eight times as much, and read at some MB a second, mostly for its n-grams.
    seconds: 5 + (pairs.bytes + descriptions.bytes + documents.bytes) / 1e6,
    memory: [{ what: 'Node and the texts', bytes: 1.5 * 2 ** 30 }],
    diskBytes: 8 * (pairs.bytes + descriptions.bytes + documents.bytes),
  }),
  async run({ config, inputs, folder }) {
    const { heldOutFamilies, heldOutPerFamily, seed } = config;
    const isHeldOut = (source: string) => drawOf(familyOf(source), seed) < heldOutFamilies;
    const sentences = new Sentences();
    const seen = new Set<string>();
    const [train, candidates]: [Pair[], Pair[]] = [[], []];
    const all = { pairs: 0, doubled: 0 };
    for (const read of [readPairs(inputs.pairs.path), readDescriptions(inputs.descriptions.path)])
      for await (const pair of read) {
        all.pairs++;
        if (!sentences.keeps(pair)) continue;
        const key = sha256(JSON.stringify([pair.source, pair.en, pair.ja]));
        if (seen.has(key)) all.doubled++;
        else (isHeldOut(pair.source) ? candidates : train).push(pair);
        seen.add(key);
      }
    const drawn = chosen(candidates, heldOutPerFamily, seed);
    const index = new ContaminationIndex();
    index.add(
      'held-out English',
      drawn.map(({ en }) => en),
    );
    index.add(
      'held-out Japanese',
      drawn.map(({ ja }) => ja),
    );
    const isNear = (text: string) => index.judge(text).contaminated;
    const clean = train.filter(({ en, ja }) => !isNear(en) && !isNear(ja));
    const documents: JapaneseDocument[] = [];
    const left = { documents: 0, lines: 0 };
    for await (const { source, text } of readJapanese(inputs.documents.path)) {
      if (isHeldOut(source)) {
        left.documents++;
        continue;
      }
      const all = text.split('\n');
      const kept = all.filter((line) => !isNear(line));
      left.lines += all.length - kept.length;
      documents.push({ source, text: kept.join('\n') });
    }

    // Short ones may still stand inside of something long.
    const english = plain(clean.map(({ en }) => en).join('\n'));
    const japanese = plain([...clean.map(({ ja }) => ja), ...documents.map(({ text }) => text)].join('\n'));
    const heldOut = drawn.filter(({ en, ja }) => !english.includes(plain(en)) && !japanese.includes(plain(ja)));

    const place = join(folder, 'split');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'train.jsonl'), lines(clean));
    writeFileSync(join(place, 'held-out.jsonl'), lines(heldOut));
    writeFileSync(join(place, 'documents.jsonl'), lines(documents));
    const families = (pairs: readonly Pair[]) => new Set(pairs.map(({ source }) => familyOf(source))).size;
    return {
      metrics: [
        metric('sentences to learn from', clean.length),
        metric('held-out sentences', heldOut.length),
        metric('families of packages held out', families(candidates)),
        metric('sentences too near to held-out ones', train.length - clean.length),
        metric('sentences shared before', sharedWith(drawn, train)),
        metric('sentences shared', sharedWith(heldOut, clean)),
      ],
      tables: [
        {
          title: 'Pairs of sentences',
          columns: ['', 'pairs'],
          rows: [
            ['in the corpus', all.pairs],
            ['left out: marks, places for values, line ends', sentences.counts.marked],
            ['left out: fewer than three words', sentences.counts.words],
            ...([...sentences.counts.english, ...sentences.counts.japanese] as const).map(
              ({ name, dropped }, i) =>
                [`left out: ${name}, ${i < sentences.counts.english.length ? 'English' : 'Japanese'}`, dropped] as [
                  string,
                  number,
                ],
            ),
            ['left out: the same of the same package', all.doubled],
            ['of held-out packages', candidates.length],
            ['of these, drawn to be measured on', drawn.length],
            ['of these, inside of longer texts to learn from', drawn.length - heldOut.length],
            ['held-out sentences', heldOut.length],
            ['of other packages', train.length],
            ['of these, too near to held-out sentences', train.length - clean.length],
            ['to learn from', clean.length],
          ],
        },
        {
          title: 'Japanese documents',
          columns: ['', ''],
          rows: [
            ['to learn from', documents.length],
            ['left out: of held-out packages', left.documents],
            ['lines left out: too near to held-out sentences', left.lines],
          ],
        },
      ],
    };
  },
});

/** A few sentences of each family, drawn, each English and each Japanese sentence once. */
function chosen(candidates: readonly Pair[], perFamily: number, seed: number): Pair[] {
  const drawn = candidates
    .map((pair) => ({ pair, draw: drawOf(`${pair.en}\n${pair.ja}`, seed) }))
    .sort((a, b) => a.draw - b.draw);
  const [counts, seen] = [new Map<string, number>(), new Set<string>()];
  const taken = drawn.flatMap(({ pair }) => {
    const family = familyOf(pair.source);
    const count = counts.get(family) ?? 0;
    const own = [plain(pair.en), plain(pair.ja)];
    if (count >= perFamily || own.some((text) => seen.has(text))) return [];
    counts.set(family, count + 1);
    for (const text of own) seen.add(text);
    return [pair];
  });
  // Families with many sentences came first: whoever measures on the first of these measures on all families.
  return new RandomStream(seed).shuffle(taken);
}

/** How many of the held-out sentences stand among others, in English or in Japanese. */
function sharedWith(heldOut: readonly Pair[], pairs: readonly Pair[]): number {
  const english = new Set(pairs.map(({ en }) => plain(en)));
  const japanese = new Set(pairs.map(({ ja }) => plain(ja)));
  return heldOut.filter(({ en, ja }) => english.has(plain(en)) || japanese.has(plain(ja))).length;
}
