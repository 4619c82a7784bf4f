// A small model with a window of 64 tokens is extended to full attention over 1,024. Run it with `node examples/extend-context.ts`.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModel, windowOf } from 'tsumugi/lm';
import {
  embeddedText,
  openCorpus,
  openTokenizer,
  prepare,
  readDocuments,
  trainTokenizer,
  writeTokenizer,
} from 'tsumugi/text';
import { extend, extendConfig, pretrain, pretrainConfig } from 'tsumugi/train';

// A text, a tokenizer and a model to begin with.
const at = (name: string) => join(folder, name);
const folder = mkdtempSync(join(tmpdir(), 'extend-context-'));
const novel = (await Array.fromAsync(readDocuments(embeddedText())))
  .map(({ text }) => text)
  .join('')
  .slice(0, 40_000);
writeFileSync(at('novel.txt'), novel);
writeTokenizer(at('tokenizer'), trainTokenizer([novel], { vocabSize: 1200 }));
const { tokenizer, sha256 } = openTokenizer(at('tokenizer'));
const corpus = openCorpus([at('novel.txt')], { documentCharacters: 4000 });
await prepare(corpus, at('data'), { encoder: tokenizer, tokenizerHash: sha256, seed: 0, heldOutFraction: 0.1 });
const modelChanges = { hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, attention_window_size: 64 };
const shards = { data: at('data'), tokenizer: at('tokenizer') };
const base = await pretrain(
  pretrainConfig.parse({ ...shards, out: at('base'), modelChanges, steps: 30, sequenceLength: 128 }),
);

// Its attention becomes full, in two steps of context.
const config = extendConfig.parse({
  model: base.folder,
  mix: [{ data: at('data') }],
  out: at('long'),
  layers: 'all',
  ropeTheta: 1e6,
  phases: [
    { sequenceLength: 256, steps: 10, batchSize: 4 },
    { sequenceLength: 1024, steps: 10 },
  ],
});
const { before, after, folder: long } = await extend(config);
using model = loadModel(long!);
console.log('window of layer 1:', windowOf(model.config, 1) ?? 'everything');
console.log('bits per character:', before!.bitsPerCharacter.toFixed(2), '→', after!.bitsPerCharacter.toFixed(2));
