// Evaluation batches: every held-out token once.
import { describe, expect, it } from 'vitest';
import { bitsPerCharacter, EvaluationBatches } from './evaluation.ts';
import { TOY_HASH, temporaryFolder, toyCorpus, toyDecode, toyEncoder } from './fixtures/toy.testing.ts';
import { prepare } from './prepare.ts';
import { IGNORED } from './rows.ts';
import { TokenShards } from './shards.ts';

const texts = Array.from({ length: 60 }, (_, i) => `第${i}の🍣文書、${'長い'.repeat(i % 11)}。`);

async function open(): Promise<TokenShards> {
  using folder = temporaryFolder();
  const options = { encoder: toyEncoder, tokenizerHash: TOY_HASH, seed: 3, heldOutFraction: 0.4 };
  await prepare(toyCorpus(texts), folder.path, options);
  const shards = TokenShards.open(folder.path);
  shards.documentTokens(0);
  return shards;
}

describe('evaluation batches', () => {
  it('predict every token of the held-out documents once, in order, and count their characters', async () => {
    using shards = await open();
    const expected = Array.from(shards.documents('heldOut'), (document) =>
      toyDecode(shards.documentTokens(document)).slice(1),
    );
    for (const [sequenceLength, batchSize] of [
      [16, 4],
      [7, 3],
      [1000, 2],
      [16, 1],
    ] as const) {
      const batches = new EvaluationBatches(shards, { sequenceLength, batchSize });
      let [text, predicted, count] = ['', 0, 0];
      for (const batch of batches) {
        expect(batch.tokens.length).toBe(sequenceLength * batchSize);
        text += toyDecode(batch.targets.filter((target) => target !== IGNORED));
        predicted += batch.predicted;
        count++;
        for (let i = 0; i + 1 < batch.tokens.length; i++) {
          if (batch.targets[i] === IGNORED || (i + 1) % sequenceLength === 0) continue;
          expect(batch.documents[i + 1]).toBe(batch.documents[i]);
          expect(batch.tokens[i + 1]).toBe(batch.targets[i]);
        }
      }
      expect(text).toBe(expected.join(''));
      expect(count).toBe(batches.length);
      expect(predicted).toBe(batches.predicted);
      expect(batches.characters).toBe([...expected.join('')].length);
      expect(batches.characters).toBe(shards.manifest.heldOut.characters);
    }
  });

  it('stop at a document that would go beyond the limit', async () => {
    using shards = await open();
    const limited = new EvaluationBatches(shards, { sequenceLength: 16, batchSize: 2, maxTokens: 100 });
    const text = [...limited].map((batch) => toyDecode(batch.targets.filter((target) => target !== IGNORED))).join('');
    expect(text.endsWith('。')).toBe(true);
    expect([...text].length).toBe(limited.characters);
    expect(limited.predicted).toBeLessThan(100);
    const one = new EvaluationBatches(shards, { sequenceLength: 16, batchSize: 2, maxTokens: 1 });
    expect(one.characters).toBe(shards.documentCharacters(shards.documents('heldOut')[0]!));
  });

  it('are shared by the ranks of a world', async () => {
    using shards = await open();
    const options = { sequenceLength: 16, batchSize: 2 };
    const whole = [...new EvaluationBatches(shards, options)].reduce((sum, batch) => sum + batch.predicted, 0);
    let [predicted, length] = [0, 0];
    for (const rank of [0, 1, 2]) {
      const part = new EvaluationBatches(shards, { ...options, rank, world: 3 });
      length += part.length;
      for (const batch of part) predicted += batch.predicted;
      expect(part.predicted).toBe(whole);
    }
    expect(predicted).toBe(whole);
    expect(length).toBe(new EvaluationBatches(shards, options).length);
    for (const wrong of [{ rank: 1 }, { rank: -1 }, { world: 0 }])
      expect(() => new EvaluationBatches(shards, { ...options, ...wrong })).toThrow(/should be/);
  });

  it('give bits per character: a uniform guess over 2^b tokens, one per character, costs b bits', async () => {
    using shards = await open();
    const batches = new EvaluationBatches(shards, { sequenceLength: 16, batchSize: 2 });
    let nats = 0;
    for (const batch of batches) nats += batch.predicted * 11 * Math.LN2;
    expect(bitsPerCharacter(nats, batches.characters)).toBeCloseTo(11, 12);
  });
});

it('measures the part that it is told to', async () => {
  using shards = await open();
  const of = (split: 'train' | 'heldOut') => new EvaluationBatches(shards, { sequenceLength: 16, batchSize: 2, split });
  expect(of('train').characters).toBe(shards.manifest.train.characters);
  expect(of('heldOut').characters).toBe(shards.manifest.heldOut.characters);
  expect(of('train').characters).not.toBe(of('heldOut').characters);
});
