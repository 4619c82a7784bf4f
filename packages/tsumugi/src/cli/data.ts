// `tsumugi data`: text → token shards to train on, and what a folder of them holds.
import { formatCount, formatInteger } from '../run/index.ts';
import {
  HELD_OUT_FRACTION,
  type Manifest,
  openCorpus,
  openTokenizer,
  prepare,
  readManifest,
  type Totals,
} from '../text/index.ts';
import { defineCommand, defineGroup } from './command.ts';
import { type Io, write } from './io.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { readOptions, reportMended, reportPassedOver, textOptions } from './text-options.ts';
import { tokenizerOption } from './tokenizer-option.ts';

const json = { type: 'boolean', help: 'print the counts as JSON' } as const;

const prepareShards = defineCommand(
  {
    command: 'tsumugi data prepare',
    summary: 'read text, drop duplicates, hold some documents out, tokenize, write token shards',
    options: {
      ...textOptions,
      tokenizer: tokenizerOption,
      out: { type: 'string', value: 'DIR', required: true, help: 'folder for the shards' },
      heldOut: {
        type: 'number',
        min: 0,
        max: 0.99,
        default: HELD_OUT_FRACTION,
        help: 'share of documents to measure with',
      },
      seed: { type: 'integer', min: 0, default: 0, help: 'decides which documents are held out' },
      json,
    },
  },
  async (options, io) => {
    const { tokenizer, sha256 } = openTokenizer(options.tokenizer);
    const corpus = openCorpus(options.text, readOptions(options));
    reportPassedOver(io.stderr, corpus.passedOver);
    using progress = new ProgressLine(io.stderr, 'preparing');
    const { manifest, reused, damage } = await prepare(corpus, options.out, {
      encoder: tokenizer,
      tokenizerHash: sha256,
      seed: options.seed,
      heldOutFraction: options.heldOut,
      onProgress: ({ documents, tokens, bytesRead, bytesTotal }) =>
        progress.update(bytesRead / bytesTotal, `${formatCount(documents)} documents, ${formatCount(tokens)} tokens`),
    });
    progress[Symbol.dispose]();
    reportMended(io.stderr, corpus.mended);
    if (damage !== undefined) io.stderr.write(`${damage}; it was prepared anew\n`);
    if (reused) io.stderr.write(`${options.out} already holds this; nothing was written\n`);
    await report(io, manifest, options.json);
  },
);

const info = defineCommand(
  {
    command: 'tsumugi data info',
    summary: 'what a folder of token shards holds',
    positionals: ['DIR'],
    options: { json },
  },
  async (options, io, [folder]) => report(io, readManifest(folder!), options.json),
);

const charactersPerToken = ({ characters, tokens }: Totals) => (tokens === 0 ? null : characters / tokens);

async function report(io: Io, manifest: Manifest, asJson: boolean): Promise<void> {
  const { train, heldOut, duplicates, empty, tokenizer, sources, shards } = manifest;
  if (asJson) {
    const withDensity = (totals: Totals) => ({ ...totals, charactersPerToken: charactersPerToken(totals) });
    const counts = { train: withDensity(train), heldOut: withDensity(heldOut), duplicates, empty };
    const kept = { vocabularySize: tokenizer.vocabSize, files: sources.length, shards: shards.length };
    await write(io.stdout, `${JSON.stringify({ ...counts, ...kept, fingerprint: manifest.fingerprint })}\n`);
    return;
  }
  const describe = (totals: Totals) =>
    `${formatInteger(totals.documents)} documents, ${formatInteger(totals.characters)} characters, ${formatInteger(totals.tokens)} tokens` +
    ` (${charactersPerToken(totals)?.toFixed(3) ?? '–'} characters/token)`;
  await write(
    io.stdout,
    formatRows([
      ['to train on', describe(train)],
      ['held out', describe(heldOut)],
      ['left out', `${formatInteger(duplicates)} duplicates, ${formatInteger(empty)} empty`],
      [
        'read',
        `${formatInteger(sources.length)} files, with a tokenizer of ${formatInteger(tokenizer.vocabSize)} pieces`,
      ],
    ]),
  );
}

export const run = defineGroup('tsumugi data', 'turn text into token shards to train on', {
  prepare: { summary: 'write token shards', run: prepareShards },
  info: { summary: 'what a folder of token shards holds', run: info },
});
