// Stage: text and tokenizer → token shards, with some documents held out.
import { join } from 'node:path';
import { defineStage, metric } from '../recipe/index.ts';
import { openTokenizer, prepare, TokenShards } from '../text/index.ts';
import { wantedThreads } from '../torch/index.ts';
import { dataConfig } from './config.ts';
import { tinyHeldOut } from './dry-run.ts';
import { openText } from './reading.ts';
import { runtimeMemory } from './runtime-memory.ts';

/** Measured on the two novels with 4,096 pieces (5.1) and on technical documentation (4.9). Only for forecasts. */
const bytesPerToken = 5;

export const data = defineStage({
  name: 'data',
  version: 1,
  makes: 'data',
  inputs: { text: 'text', tokenizer: 'tokenizer' },
  config: dataConfig,
  output: 'data',
  resumes: false,
  dryRun: ({ heldOutFraction }) => ({ heldOutFraction: tinyHeldOut(heldOutFraction) }),
  forecast({ inputs, config }) {
    const tokens = Math.ceil(inputs.text.bytes / bytesPerToken);
    const heldOut = Math.round(tokens * config.heldOutFraction);
    return {
      // Measured 2026 on two cores: a tenth of a second per MB.
      seconds: 0.5 + inputs.text.bytes / 1e7,
      memory: [runtimeMemory(120), { what: 'buffers of the threads', bytes: (32 + 64 * wantedThreads()) * 2 ** 20 }],
      // The tokens and a record for each document are written twice: on the way, and as shards.
      diskBytes: 8 * tokens + 44 * Math.ceil(tokens / 100),
      metrics: { tokens: tokens - heldOut, 'held-out tokens': heldOut },
    };
  },
  async run({ config, inputs, folder }) {
    const { tokenizer, sha256 } = openTokenizer(inputs.tokenizer.path);
    const corpus = openText(inputs.text);
    const { manifest } = await prepare(corpus, join(folder, 'data'), {
      encoder: tokenizer,
      tokenizerHash: sha256,
      seed: config.seed,
      heldOutFraction: config.heldOutFraction,
      threads: wantedThreads(),
      tokenizer: inputs.tokenizer.path,
    });
    const { train, heldOut, duplicates, empty } = manifest;
    return {
      metrics: [
        metric('tokens', train.tokens),
        metric('held-out tokens', heldOut.tokens),
        metric('longest document', longestDocument(join(folder, 'data')), 'tokens'),
        metric('characters per token', (train.characters + heldOut.characters) / (train.tokens + heldOut.tokens)),
      ],
      tables: [
        {
          title: 'Documents',
          columns: ['', 'documents', 'characters', 'tokens'],
          rows: [
            ['to learn from', train.documents, train.characters, train.tokens],
            ['held out', heldOut.documents, heldOut.characters, heldOut.tokens],
            ['left out: duplicates', duplicates, null, null],
            ['left out: empty', empty, null, null],
            ['read with U+FFFD for half a character', corpus.mended.count, null, null],
            ['files that could not be read', corpus.passedOver.leftOut.length, null, null],
          ],
        },
      ],
    };
  },
});

/** Tokens of the longest document to learn from: what long contexts can be learned from. */
function longestDocument(folder: string): number {
  using shards = TokenShards.open(folder);
  return shards.documents('train').reduce((longest, i) => Math.max(longest, shards.documentLength(i)), 0);
}
