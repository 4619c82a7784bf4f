// The pipeline with a real tokenizer: what comes out of the shards is the text that went in.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { golden } from '../../../../tests/files.ts';
import { embeddedText } from './embedded.ts';
import { TOY_HASH, temporaryFolder, toyCorpus } from './fixtures/toy.testing.ts';
import { openCorpus, prepare, Tokenizer, TokenShards } from './index.ts';

const file = golden('tokenizer/tokenizer.jsonl');

it('the embedded novels come back from their tokens', async () => {
  using folder = temporaryFolder();
  const encoder = Tokenizer.load(file);
  const { manifest } = await prepare(openCorpus(embeddedText()), folder.at('out'), {
    encoder,
    tokenizerHash: TOY_HASH,
    seed: 0,
  });
  using shards = TokenShards.open(folder.at('out'));
  let text = '';
  for (let document = 0; document < shards.length; document++) {
    const [bos, ...ids] = shards.documentTokens(document);
    expect(bos).toBe(encoder.bosId);
    text += encoder.decode(ids);
  }
  expect(text).toBe(
    embeddedText()
      .map((path) => readFileSync(path, 'utf8'))
      .join(''),
  );
  expect(manifest.train.tokens + manifest.heldOut.tokens).toBeLessThan(409_832);
});

it('control pieces named in a text do not become control tokens', async () => {
  using folder = temporaryFolder();
  const encoder = Tokenizer.load(file);
  const text = '本文<|plamo:bos|>の<|plamo:eos|>途中';
  await prepare(toyCorpus([text]), folder.at('out'), { encoder, tokenizerHash: TOY_HASH, seed: 0 });
  using shards = TokenShards.open(folder.at('out'));
  const ids = [...shards.documentTokens(0)];
  expect(ids.filter((id) => id === encoder.bosId || id === encoder.eosId)).toEqual([encoder.bosId]);
  expect(encoder.decode(ids.slice(1))).toBe(text);
});
