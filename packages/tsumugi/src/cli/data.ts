// `tsumugi data`: text → token shards to train on, and what a folder of them holds.
import { formatBytes, formatCount, formatInteger, Progress } from '../run/index.ts';
import {
  DEDUP_MEMORY,
  describePart,
  HELD_OUT_FRACTION,
  isPart,
  joinParts,
  type Manifest,
  openCorpus,
  openCorpusPart,
  openTokenizer,
  type PartManifest,
  type Prepared,
  type PrepareProgress,
  parsePart,
  prepare,
  preparePart,
  readManifest,
  readPart,
  type Totals,
} from '../text/index.ts';
import { wantedThreads } from '../torch/index.ts';
import { defineCommand, defineGroup } from './command.ts';
import { type Io, write } from './io.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { parseSize } from './size-option.ts';
import { readOptions, reportMended, reportPassedOver, textOptions } from './text-options.ts';
import { tokenizerOption } from './tokenizer-option.ts';
import { withoutEffect } from './without-effect.ts';

const json = { type: 'boolean', help: 'print the counts as JSON' } as const;

const dedupMemory = {
  type: 'string',
  value: 'SIZE',
  default: `${DEDUP_MEMORY / 2 ** 20}M`,
  help: 'memory for finding duplicates, e.g. 512M; beyond it the disk is used',
} as const;

/** The progress of what takes more than two seconds. */
class PreparingLine implements Disposable {
  readonly #progress: Progress;
  readonly #silentUntil = performance.now() + 2000;
  #shown = false;

  constructor(stream: Io['stderr'], bytes: number) {
    this.#progress = new Progress({ label: 'preparing', total: bytes, bytes: true, stream });
  }

  update({ documents, tokens, bytesTotal, done }: PrepareProgress): void {
    if (!this.#shown && (done === 1 || performance.now() < this.#silentUntil)) return;
    this.#shown = true;
    const memory = formatBytes(process.memoryUsage.rss());
    const note = `${memory}  ${formatCount(documents)} documents, ${formatCount(tokens)} tokens`;
    this.#progress.update({ step: Math.floor(done * bytesTotal), note });
  }

  [Symbol.dispose](): void {
    if (this.#shown) this.#progress.end();
  }
}

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
      threads: {
        type: 'integer',
        min: 1,
        max: 1024,
        help: 'files that are read at once (default: TSUMUGI_THREADS, or every core)',
      },
      dedupMemory,
      part: {
        type: 'string',
        value: 'K/N',
        help: 'prepare the K-th of N parts of the list, for "tsumugi data join"; other machines do the others',
      },
      ownFiles: { type: 'boolean', help: "with --part: the text is this machine's alone, and all of it is its part" },
      json,
    },
  },
  async (options, io) => {
    const threads = options.threads ?? wantedThreads();
    const memory = parseSize('--dedup-memory', options.dedupMemory);
    const { tokenizer, sha256 } = openTokenizer(options.tokenizer);
    if (options.part === undefined)
      withoutEffect('only parts of a corpus have files of their own', { ownFiles: options.ownFiles });
    const wanted = options.part === undefined ? undefined : { ...parsePart(options.part), ownFiles: options.ownFiles };
    const how = readOptions(options);
    const opened = wanted ? openCorpusPart(options.text, wanted, how) : { corpus: openCorpus(options.text, how) };
    const { corpus } = opened;
    reportPassedOver(io.stderr, corpus.passedOver);
    using progress = new PreparingLine(io.stderr, corpus.bytesTotal);
    const settings = {
      encoder: tokenizer,
      tokenizerHash: sha256,
      seed: options.seed,
      heldOutFraction: options.heldOut,
      threads,
      tokenizer: options.tokenizer,
      dedupMemory: memory,
      onProgress: (now: PrepareProgress) => progress.update(now),
    };
    const made =
      'part' in opened
        ? await preparePart(opened, options.out, settings)
        : await prepare(corpus, options.out, settings);
    progress[Symbol.dispose]();
    reportMended(io.stderr, corpus.mended);
    reportMade(io, options.out, made, 'prepared');
    const { manifest } = made;
    await ('part' in manifest ? reportPart(io, manifest, options.json) : report(io, manifest, options.json));
  },
);

const join = defineCommand(
  {
    command: 'tsumugi data join',
    summary: 'parts that several machines prepared → the token shards that one would have made of all files',
    positionals: ['DIR…'],
    options: {
      out: { type: 'string', value: 'DIR', required: true, help: 'folder for the shards' },
      dedupMemory,
      json,
    },
  },
  async (options, io, folders) => {
    const memory = parseSize('--dedup-memory', options.dedupMemory);
    using progress = new ProgressLine(io.stderr, 'joining');
    const onProgress = (done: number) => progress.update(done);
    const made = await joinParts(folders, options.out, { dedupMemory: memory, onProgress });
    progress[Symbol.dispose]();
    reportMade(io, options.out, made, 'joined');
    await report(io, made.manifest, options.json);
  },
);

/** Tells what was there. */
function reportMade(io: Io, out: string, { damage, reused }: Pick<Prepared, 'damage' | 'reused'>, done: string): void {
  if (damage !== undefined) io.stderr.write(`${damage}; it was ${done} anew\n`);
  if (reused) io.stderr.write(`${out} already holds this; nothing was written\n`);
}

const info = defineCommand(
  {
    command: 'tsumugi data info',
    summary: 'what a folder of token shards holds',
    positionals: ['DIR'],
    options: { json },
  },
  async (options, io, [folder]) =>
    isPart(folder!) ? reportPart(io, readPart(folder!), options.json) : report(io, readManifest(folder!), options.json),
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

async function reportPart(io: Io, manifest: PartManifest, asJson: boolean): Promise<void> {
  const { part, totals, duplicates, empty, tokenizer, sources, shards, fingerprint } = manifest;
  if (asJson) {
    const { index, of } = part;
    const kept = { vocabularySize: tokenizer.vocabSize, files: sources.length, shards: shards.length };
    await write(
      io.stdout,
      `${JSON.stringify({ part: index, of, ...totals, duplicates, empty, ...kept, fingerprint })}\n`,
    );
    return;
  }
  await write(
    io.stdout,
    formatRows([
      [describePart(part), `${formatInteger(totals.documents)} documents, ${formatInteger(totals.tokens)} tokens`],
      ['left out', `${formatInteger(duplicates)} duplicates within it, ${formatInteger(empty)} empty`],
      ['read', `${formatInteger(sources.length)} files`],
    ]),
  );
}

export const run = defineGroup('tsumugi data', 'turn text into token shards to train on', {
  prepare: { summary: 'write token shards', run: prepareShards },
  join: { summary: 'parts that several machines prepared → token shards', run: join },
  info: { summary: 'what a folder of token shards holds', run: info },
});
