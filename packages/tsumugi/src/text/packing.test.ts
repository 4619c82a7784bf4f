// Packed batches: boundaries, shuffling, resuming at any step, ranks.
import { describe, expect, it } from 'vitest';
import { TOY_HASH, temporaryFolder, toyCorpus, toyDecode, toyEncoder } from './fixtures/toy.testing.ts';
import { PackedBatches, type PackingOptions } from './packing.ts';
import { prepare } from './prepare.ts';
import { type Batch, IGNORED, makeBatch } from './rows.ts';
import { TokenShards } from './shards.ts';

// Documents of 3 to 40 distinct characters each, none shared between documents, so that a token tells its document.
const texts: string[] = [];
for (let next = 0x4e00, i = 0; i < 40; i++) {
  const length = 3 + ((i * 17) % 38);
  texts.push(String.fromCodePoint(...Array.from({ length }, () => next++)));
}

async function open(documents: readonly string[], heldOutFraction = 0): Promise<TokenShards> {
  using folder = temporaryFolder();
  const options = { encoder: toyEncoder, tokenizerHash: TOY_HASH, seed: 1, heldOutFraction, shardTokens: 200 };
  await prepare(toyCorpus(documents), folder.path, options);
  const shards = TokenShards.open(folder.path);
  // Touch every file while the folder is there.
  for (let i = 0; i < shards.length; i++) shards.documentTokens(i);
  return shards;
}

const OPTIONS: PackingOptions = { sequenceLength: 16, batchSize: 4, seed: 7 };

function copy(batch: Batch): Batch {
  return { ...batch, tokens: batch.tokens.slice(), targets: batch.targets.slice(), documents: batch.documents.slice() };
}

/** The rows of a batch as { text, targets, documents }. */
function rowsOf(batch: Batch) {
  return Array.from({ length: batch.rows }, (_, row) => {
    const [from, to] = [row * batch.columns, (row + 1) * batch.columns];
    return {
      tokens: batch.tokens.subarray(from, to),
      targets: batch.targets.subarray(from, to),
      documents: batch.documents.subarray(from, to),
    };
  });
}

/** Which text holds a character, by its id; −1 for BOS. */
const owner = (id: number) => (id === 1 ? -1 : texts.findIndex((text) => text.includes(toyDecode([id]))));

describe('packed rows', () => {
  it('hold pieces of documents, with targets inside a document only', async () => {
    using shards = await open(texts);
    const batches = new PackedBatches(shards, OPTIONS);
    const following = new Map<number, number>();
    for (const text of texts) {
      const ids = toyEncoder.encode(text);
      for (let i = 0; i + 1 < ids.length; i++) following.set(ids[i]!, ids[i + 1]!);
    }
    const firsts = new Set(texts.map((text) => text.codePointAt(0)! + 3));
    for (let step = 0; step < 40; step++) {
      const batch = batches.batch(step);
      let predicted = 0;
      for (const { tokens, targets, documents } of rowsOf(batch)) {
        expect(documents[0]).toBe(0);
        for (let t = 0; t < tokens.length; t++) {
          // A BOS begins a document; within a document all tokens are one text's, in order.
          if (t > 0) {
            const begins = tokens[t] === 1;
            expect(documents[t]! - documents[t - 1]!).toBe(begins ? 1 : 0);
            if (!begins && tokens[t - 1] !== 1) expect(owner(tokens[t]!)).toBe(owner(tokens[t - 1]!));
          }
          if (tokens[t] === 1) expect(firsts).toContain(targets[t]);
          else expect(targets[t]).toBe(following.get(tokens[t]!) ?? IGNORED);
          if (t + 1 < tokens.length && documents[t] === documents[t + 1]) expect(targets[t]).toBe(tokens[t + 1]);
          if (targets[t] !== IGNORED) predicted++;
        }
      }
      expect(batch.predicted).toBe(predicted);
    }
  });

  it('go through every token of an epoch, each as a target once but for the completion of the last row', async () => {
    using shards = await open(texts);
    const batches = new PackedBatches(shards, { ...OPTIONS, batchSize: 1 });
    const total = shards.manifest.train.tokens;
    expect(batches.rowsPerEpoch).toBe(Math.ceil(total / 16));
    for (const epoch of [0, 1]) {
      const inputs = new Map<number, number>();
      const targets = new Map<number, number>();
      for (let row = 0; row < batches.rowsPerEpoch; row++) {
        const batch = batches.batch(epoch * batches.rowsPerEpoch + row);
        for (const id of batch.tokens) inputs.set(id, (inputs.get(id) ?? 0) + 1);
        for (const id of batch.targets) targets.set(id, (targets.get(id) ?? 0) + 1);
      }
      for (const text of texts) {
        for (const id of Array.from(toyEncoder.encode(text))) {
          expect(inputs.get(id)).toBeGreaterThanOrEqual(1);
          expect(targets.get(id)).toBeGreaterThanOrEqual(1);
        }
      }
      const extra = batches.rowsPerEpoch * 16 - total;
      expect([...inputs.values()].reduce((sum, count) => sum + count, 0) - total).toBe(extra);
      expect([...inputs.entries()].filter(([id, count]) => id !== 1 && count > 1).length).toBeLessThanOrEqual(extra);
    }
  });

  it('predict BOS at the end of a document when asked to', async () => {
    using shards = await open(texts);
    const plain = new PackedBatches(shards, OPTIONS);
    const ending = new PackedBatches(shards, { ...OPTIONS, predictEnd: true });
    for (let step = 0; step < 10; step++) {
      const [a, b] = [plain.batch(step), ending.batch(step)];
      expect(b.tokens).toEqual(a.tokens);
      expect(b.targets).toEqual(a.targets.map((target) => (target === IGNORED ? 1 : target)));
      expect(b.predicted).toBe(64);
    }
  });

  it('come even from a text shorter than one row', async () => {
    using shards = await open(['短い']);
    const batch = new PackedBatches(shards, { ...OPTIONS, sequenceLength: 10, batchSize: 2 }).batch(3);
    expect(toyDecode(batch.tokens)).toBe('^短い^短い^短い^'.repeat(2));
    expect([...batch.documents]).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3]);
    expect(batch.targets[2]).toBe(IGNORED);
    expect(batch.targets[9]).toBe('短'.codePointAt(0)! + 3);
  });
});

describe('order', () => {
  it('is the same after a restart at any step, and when arrays are used again', async () => {
    using shards = await open(texts);
    const first = new PackedBatches(shards, OPTIONS);
    const into = makeBatch(4, 16);
    const steps = 3 * Math.ceil(first.rowsPerEpoch / 4);
    const all = Array.from({ length: steps }, (_, step) => copy(first.batch(step, into)));
    for (const step of [0, 1, 7, steps - 1]) expect(new PackedBatches(shards, OPTIONS).batch(step)).toEqual(all[step]);
    const backwards = new PackedBatches(shards, OPTIONS);
    for (let step = steps - 1; step >= 0; step--) expect(backwards.batch(step)).toEqual(all[step]);
  });

  it('differs between seeds and between epochs', async () => {
    using shards = await open(texts);
    const batches = new PackedBatches(shards, { ...OPTIONS, batchSize: 1 });
    const epoch = (packed: PackedBatches, number: number) =>
      Array.from({ length: packed.rowsPerEpoch }, (_, row) =>
        toyDecode(packed.batch(number * packed.rowsPerEpoch + row).tokens),
      );
    const one = epoch(batches, 0);
    expect(epoch(batches, 1)).not.toEqual(one);
    expect(epoch(new PackedBatches(shards, { ...OPTIONS, batchSize: 1, seed: 8 }), 0)).not.toEqual(one);
    expect(batches.epochAt(batches.rowsPerEpoch * 2)).toBe(2);
  });

  it('spreads a long document over an epoch while keeping its rows whole', async () => {
    const long = String.fromCodePoint(...Array.from({ length: 1599 }, (_, i) => 0x5000 + i));
    using shards = await open([long]);
    const batches = new PackedBatches(shards, { ...OPTIONS, batchSize: 1 });
    const starts = Array.from({ length: 100 }, (_, step) => batches.batch(step).tokens[1]!);
    for (let step = 0; step < 100; step++) {
      const { tokens } = batches.batch(step);
      for (let t = 2; t < 16; t++) expect(tokens[t]).toBe(tokens[t - 1]! + 1);
    }
    expect(starts.filter((start, i) => i > 0 && start === starts[i - 1]! + 16).length).toBeLessThan(10);
    expect(new Set(starts).size).toBe(100);
  });

  it('never shows a held-out document', async () => {
    using shards = await open(texts, 0.3);
    const heldOut = new Set(Array.from(shards.documents('heldOut'), (document) => document));
    expect(heldOut.size).toBeGreaterThan(3);
    const forbidden = new Set([...heldOut].flatMap((document) => [...shards.documentTokens(document)].slice(1)));
    const batches = new PackedBatches(shards, OPTIONS);
    for (let step = 0; step < 60; step++)
      for (const id of batches.batch(step).tokens) expect(forbidden.has(id)).toBe(false);
  });
});

it('options out of range are refused', async () => {
  using shards = await open(texts);
  for (const wrong of [{ sequenceLength: 1 }, { batchSize: 0 }, { batchSize: 1.5 }])
    expect(() => new PackedBatches(shards, { ...OPTIONS, ...wrong })).toThrow(/should be/);
  expect(() => new PackedBatches(shards, { ...OPTIONS, split: 'heldOut' })).toThrow(/no held-out documents/);
  expect(() => new PackedBatches(shards, OPTIONS).batch(-1)).toThrow(/a step should be/);
});
