// A text, a tokenizer and shards small enough for tests, in a temporary folder.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  embeddedText,
  openCorpus,
  openTokenizer,
  prepare,
  readDocuments,
  TrainingText,
  trainTokenizer,
  writeTokenizer,
} from '../text/index.ts';
import { type PretrainConfig, pretrainConfig } from './pretrain-config.ts';

/** A model of 60,000 parameters. */
export const tinyModel = {
  hidden_size: 48,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  hidden_size_per_head: 16,
  mamba_num_heads: 3,
  mamba_d_state: 8,
  attention_window_size: 16,
  mamba_chunk_size: 16,
};

export interface TinySetup extends Disposable {
  folder: string;
  /** A complete config with a run folder of this name. */
  config(name: string, changes?: Partial<PretrainConfig>): PretrainConfig;
}

/**
 * Writes tokenizer and shards from the beginning of a novel.
 *
 * @param unused tokens that no text has
 */
export async function tinySetup({ unused = 0 } = {}): Promise<TinySetup> {
  const folder = mkdtempSync(join(tmpdir(), 'tsumugi-train-'));
  let novel = '';
  for await (const { text } of readDocuments([embeddedText()[1]!])) {
    novel += text;
    if (novel.length > 12_000) break;
  }
  writeFileSync(join(folder, 'text.txt'), novel);
  const corpus = openCorpus([join(folder, 'text.txt')], { documentCharacters: 800 });
  const text = new TrainingText();
  for await (const document of corpus.documents()) text.add(document.text);
  const others = Array.from({ length: unused }, (_, i) => ({
    text: String.fromCodePoint(0xf0000 + i), // for private use
    score: -20,
    type: 'NORMAL' as const,
  }));
  writeTokenizer(join(folder, 'tokenizer'), [...trainTokenizer(text, { vocabSize: 500 }), ...others]);
  const { tokenizer, sha256 } = openTokenizer(join(folder, 'tokenizer'));
  await prepare(corpus, join(folder, 'data'), {
    encoder: tokenizer,
    tokenizerHash: sha256,
    seed: 0,
    heldOutFraction: 0.15,
  });
  return {
    folder,
    config: (name, changes = {}) =>
      pretrainConfig.parse({
        data: join(folder, 'data'),
        tokenizer: join(folder, 'tokenizer'),
        out: join(folder, name),
        modelChanges: tinyModel,
        steps: 12,
        sequenceLength: 48,
        batchSize: 2,
        evaluateEvery: 5,
        checkpointEvery: 3,
        ...changes,
      }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Takes what a run says, and nothing else. */
export const silent = { write: () => true };
