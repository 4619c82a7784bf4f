// Rows for long contexts: nothing that fits is cut, nothing is lost, documents stay apart, batches are pure.
import { describe, expect, it } from 'vitest';
import { DataError } from '../base/index.ts';
import { TOY_HASH, temporaryFolder, toyCorpus, toyEncoder } from './fixtures/toy.testing.ts';
import { LongBatches, type LongPackingOptions, requireLongDocuments } from './long-packing.ts';
import { prepare } from './prepare.ts';
import { type Batch, IGNORED } from './rows.ts';
import { TokenShards } from './shards.ts';

const T = 32;
const OPTIONS: LongPackingOptions = { sequenceLength: T, batchSize: 3, seed: 5 };

/** Documents of 2 to 100 distinct characters, none shared between documents, from a first character on. */
function textsFrom(first: number, count: number): string[] {
  let next = first;
  return Array.from({ length: count }, (_, i) =>
    String.fromCodePoint(...Array.from({ length: 2 + ((i * 37) % 99) }, () => next++)),
  );
}
const texts = textsFrom(0x4e00, 40);

async function open(documents: readonly string[], heldOutFraction = 0): Promise<TokenShards> {
  using folder = temporaryFolder();
  const options = { encoder: toyEncoder, tokenizerHash: TOY_HASH, seed: 1, heldOutFraction, shardTokens: 300 };
  await prepare(toyCorpus(documents), folder.path, options);
  const shards = TokenShards.open(folder.path);
  for (let i = 0; i < shards.length; i++) shards.documentTokens(i); // read while the folder is there
  return shards;
}

/** The documents of each row of a batch: their tokens and targets. */
function documentsOf(batch: Batch): { tokens: number[]; targets: number[] }[][] {
  return Array.from({ length: batch.rows }, (_, row) => {
    const found: { tokens: number[]; targets: number[] }[] = [];
    for (let at = row * batch.columns; at < (row + 1) * batch.columns; at++) {
      found[batch.documents[at]!] ??= { tokens: [], targets: [] };
      found[batch.documents[at]!]!.tokens.push(batch.tokens[at]!);
      found[batch.documents[at]!]!.targets.push(batch.targets[at]!);
    }
    return found;
  });
}

const isPadding = ({ tokens, targets }: { tokens: number[]; targets: number[] }) =>
  tokens.every((id) => id === 1) && targets.every((id) => id === IGNORED);
const copy = (batch: Batch): Batch => structuredClone(batch);

describe('rows', () => {
  it('always have something to predict: a last token alone is left out, unless it predicts the end', async () => {
    // With its BOS a text of k·T characters is a document of k·T + 1 tokens.
    using shards = await open(
      [...'一二'].map((first) =>
        String.fromCodePoint(...Array.from({ length: 2 * T }, (_, i) => first.codePointAt(0)! + i)),
      ),
    );
    for (const predictEnd of [false, true]) {
      const batches = new LongBatches([{ shards, weight: 1 }], { ...OPTIONS, batchSize: 1, predictEnd });
      expect(batches.report()[0]!.rows).toBe(predictEnd ? 5 : 4);
      let predicted = 0;
      for (let step = 0; step < batches.report()[0]!.rows; step++) {
        const batch = batches.batch(step);
        expect(batch.predicted).toBeGreaterThan(0);
        predicted += batch.predicted;
      }
      expect(predicted).toBe(2 * (2 * T + (predictEnd ? 1 : 0)));
    }
  });

  it('hold every document of an epoch whole when it fits, and in whole rows and a rest when not', async () => {
    using shards = await open(texts);
    const batches = new LongBatches([{ shards, weight: 1 }], { ...OPTIONS, batchSize: 1 });
    const [report] = batches.report();
    for (const epoch of [0, 1]) {
      const found: { tokens: number[]; targets: number[] }[] = [];
      let predicted = 0;
      for (let row = 0; row < report!.rows; row++) {
        const batch = batches.batch(epoch * report!.rows + row);
        const documents = documentsOf(batch)[0]!;
        if (isPadding(documents.at(-1)!)) documents.pop();
        expect(documents.some(isPadding)).toBe(false);
        found.push(...documents);
        predicted += batch.predicted;
        expect(batch.predicted).toBe(batch.targets.filter((id) => id !== IGNORED).length);
      }
      const expected: { tokens: number[]; targets: number[] }[] = [];
      for (const text of texts) {
        const tokens = [1, ...Array.from(toyEncoder.encode(text))];
        const targets = [...tokens.slice(1), IGNORED];
        for (let from = 0; from < tokens.length; from += T)
          expected.push({ tokens: tokens.slice(from, from + T), targets: targets.slice(from, from + T) });
      }
      const sorted = (pieces: typeof found) => pieces.map((piece) => JSON.stringify(piece)).sort();
      expect(sorted(found)).toEqual(sorted(expected));
      expect(predicted).toBe(shards.manifest.train.tokens - texts.length);
    }
  });

  it('are filled well, and the report counts', async () => {
    using shards = await open(texts);
    const batches = new LongBatches([{ shards, weight: 1 }], OPTIONS);
    const lengths = texts.map((text) => text.length + 1);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const [report] = batches.report();
    expect(report).toMatchObject({
      documents: 40,
      longDocuments: lengths.filter((length) => length >= T).length,
      longestDocument: Math.max(...lengths),
      fill: total / (report!.rows * T),
    });
    expect(report!.longTokenShare).toBeCloseTo(
      lengths.filter((length) => length >= T).reduce((sum, length) => sum + length, 0) / total,
      12,
    );
    expect(report!.fill).toBeGreaterThan(0.95);
    expect(batches.tokensPerStep).toBe(3 * T);
    expect(batches.epochsAt(report!.rows)).toEqual([3]);
  });

  it('predict BOS at the end of a document when asked to', async () => {
    using shards = await open(texts);
    const plain = new LongBatches([{ shards, weight: 1 }], OPTIONS);
    const ending = new LongBatches([{ shards, weight: 1 }], { ...OPTIONS, predictEnd: true });
    let ends = 0;
    for (let step = 0; step < 10; step++) {
      const [a, b] = [plain.batch(step), ending.batch(step)];
      expect(b.tokens).toEqual(a.tokens);
      ends += b.targets.filter((id) => id === 1).length;
      expect(b.predicted - a.predicted).toBe(b.targets.filter((id) => id === 1).length);
    }
    expect(ends).toBeGreaterThan(10);
  });

  it('never hold a held-out document', async () => {
    using shards = await open(texts, 0.3);
    const forbidden = new Set(
      [...shards.documents('heldOut')].flatMap((document) => [...shards.documentTokens(document)].slice(1)),
    );
    expect(forbidden.size).toBeGreaterThan(50);
    const batches = new LongBatches([{ shards, weight: 1 }], OPTIONS);
    for (let step = 0; step < 40; step++)
      for (const id of batches.batch(step).tokens) expect(forbidden.has(id)).toBe(false);
  });
});

describe('batches', () => {
  it('are the same whenever and in whatever order they are asked for', async () => {
    using one = await open(texts);
    using two = await open(textsFrom(0x6000, 30));
    const sources = [
      { shards: one, weight: 2 },
      { shards: two, weight: 1 },
    ];
    const batches = new LongBatches(sources, OPTIONS);
    const all = Array.from({ length: 60 }, (_, step) => copy(batches.batch(step)));
    const other = new LongBatches(sources, OPTIONS);
    for (const step of [59, 0, 31, 30, 7]) expect(other.batch(step)).toEqual(all[step]);
    expect(new LongBatches(sources, { ...OPTIONS, seed: 6 }).batch(0)).not.toEqual(all[0]);
  });

  it('take the same rows in another order in every epoch, and from every source', async () => {
    using shards = await open(texts.filter((text) => [...text].length > T));
    const rows = new LongBatches([{ shards, weight: 1 }], OPTIONS).report()[0]!.rows;
    const batches = new LongBatches([{ shards, weight: 1 }, { shards, weight: 1 }], { ...OPTIONS, batchSize: 1 }); // biome-ignore format: pairs
    // Rows of whole documents alone: pieces that share a row do so by chance.
    const epoch = (number: number, source: number) =>
      Array.from({ length: rows }, (_, i) => copy(batches.batch(2 * (number * rows + i) + source)))
        .filter(({ documents }) => documents.every((document) => document === 0))
        .map(({ tokens }) => tokens.join());
    const orders = [epoch(0, 0), epoch(1, 0), epoch(2, 0), epoch(0, 1), epoch(1, 1)];
    expect(new Set(orders.map((order) => order.join(' '))).size).toBe(5);
    for (const order of orders) expect(order.toSorted()).toEqual(orders[0]!.toSorted());
    expect(orders[0]!.length).toBeGreaterThan(10);
  });

  it('mix the sources by weight', async () => {
    using one = await open(texts);
    using two = await open(textsFrom(0x6000, 30));
    const batches = new LongBatches(
      [
        { shards: one, weight: 3 },
        { shards: two, weight: 1 },
      ],
      { ...OPTIONS, batchSize: 4 },
    );
    for (let step = 0; step < 30; step++) {
      // Which source a row is from, by its characters.
      const rows = documentsOf(batches.batch(step)).map((documents) => documents[0]!.tokens[1]! >= 0x6000 + 3);
      expect(rows.filter(Boolean)).toHaveLength(1);
    }
    const [a, b] = batches.epochsAt(100);
    const [first, second] = batches.report();
    expect([a! * first!.rows, b! * second!.rows]).toEqual([300, 100]);
  });
});

describe('refusals', () => {
  it('say how long documents are when none is as long as a row', async () => {
    using shards = await open(texts);
    const at = (sequenceLength: number) => new LongBatches([{ shards, weight: 1 }], { ...OPTIONS, sequenceLength });
    requireLongDocuments(at(101));
    expect(() => requireLongDocuments(at(102))).toThrow(DataError);
    expect(() => requireLongDocuments(at(102))).toThrow(/context of 102 tokens.*101 tokens\n.*sequenceLength of 101/);
  });

  it('come for options out of range', async () => {
    using shards = await open(texts);
    for (const wrong of [{ sequenceLength: 1 }, { batchSize: 0 }])
      expect(() => new LongBatches([{ shards, weight: 1 }], { ...OPTIONS, ...wrong })).toThrow(/should be/);
    expect(() => new LongBatches([{ shards, weight: 0 }], OPTIONS)).toThrow(/above 0/);
  });
});
