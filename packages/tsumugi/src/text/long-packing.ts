// Batches for long contexts, from several folders of token shards by weight. A document of T tokens or more fills whole rows of T, each
// token predicting the next, also across a cut. What is left of it, and every shorter document, is a piece of a row that others share
// (best-fit.ts): no document that fits into a row is cut. What stays free is padding, which is not predicted, and the batch's
// `documents` keep the pieces of a row apart. Each epoch shuffles the rows of a source, and which pieces of one length lie together.
import { checkOptions, DataError, deriveSeed, type OptionNames, RandomStream } from '../base/index.ts';
import { type PackedRows, packBestFit } from './best-fit.ts';
import { Mixture } from './mixture.ts';
import { emptySplit } from './packing.ts';
import { type Batch, checkBatchOptions, IGNORED, makeBatch, placePadding, placePiece } from './rows.ts';
import type { TokenShards } from './shards.ts';

export interface MixtureSource {
  shards: TokenShards;
  /** Share of the rows, relative to the other sources' weights. */
  weight: number;
}

export interface LongPackingOptions {
  /** Tokens of a row, T. */
  sequenceLength: number;
  /** Rows of a batch, B: of a whole step. */
  batchSize: number;
  seed: number;
  /** Make a document's last token predict BOS, which tells where texts end. Default false: nothing is predicted there. */
  predictEnd?: boolean;
}

const longPackingOptions: OptionNames<LongPackingOptions> = {
  sequenceLength: true,
  batchSize: true,
  seed: true,
  predictEnd: true,
};

/** How the documents of a source fit the rows. */
export interface SourceReport {
  folder: string;
  /** Rows of an epoch. */
  rows: number;
  /** Share of the rows' places that hold tokens; the rest is padding. */
  fill: number;
  documents: number;
  /** Documents of at least a row, and their share of the tokens. */
  longDocuments: number;
  longTokenShare: number;
  longestDocument: number;
}

export class LongBatches {
  readonly sequenceLength: number;
  readonly batchSize: number;
  readonly #sources: Source[];
  readonly #mixture: Mixture;

  /** @throws DataError when a source has nothing to learn from, ConfigError for options out of range */
  constructor(sources: readonly MixtureSource[], options: LongPackingOptions) {
    checkOptions('LongBatches', options, longPackingOptions);
    checkBatchOptions(options);
    this.sequenceLength = options.sequenceLength;
    this.batchSize = options.batchSize;
    this.#mixture = new Mixture(sources.map(({ weight }) => weight));
    this.#sources = sources.map(({ shards }, index) => {
      const endTarget = options.predictEnd ? shards.manifest.tokenizer.bosId : IGNORED;
      return new Source(shards, options.sequenceLength, deriveSeed(options.seed, 'source', index), endTarget);
    });
  }

  /** Padding included. */
  get tokensPerStep(): number {
    return this.batchSize * this.sequenceLength;
  }

  report(): SourceReport[] {
    return this.#sources.map((source) => source.report());
  }

  /** Of each source, epochs finished when `step` begins, with their fraction. */
  epochsAt(step: number): number[] {
    const counts = this.#mixture.counts(step * this.batchSize);
    return this.#sources.map((source, index) => counts[index]! / source.rowsPerEpoch);
  }

  /**
   * The batch of `step` (from 0, without end), the same whenever and in whatever order it is asked for. Ranks that train
   * together are given the same batch, and each takes its rows of it. `into` is overwritten and returned when given.
   */
  batch(step: number, into: Batch = makeBatch(this.batchSize, this.sequenceLength)): Batch {
    into.predicted = 0;
    const first = step * this.batchSize;
    for (let i = 0; i < this.batchSize; i++) {
      const { source, row } = this.#mixture.at(first + i);
      this.#sources[source]!.fill(into, i, row);
    }
    return into;
  }
}

/** @throws DataError when none of the sources has a document of `sequenceLength` tokens to learn from */
export function requireLongDocuments(batches: LongBatches): void {
  const reports = batches.report();
  if (reports.some(({ longDocuments }) => longDocuments > 0)) return;
  const T = batches.sequenceLength.toLocaleString('en-US');
  const found = reports.map(
    ({ folder, longestDocument }) => `${folder}: ${longestDocument.toLocaleString('en-US')} tokens`,
  );
  const longest = Math.max(...reports.map(({ longestDocument }) => longestDocument));
  throw new DataError(
    'no-long-document',
    `no document is as long as the context of ${T} tokens; the longest documents are ${found.join('; ')}`,
    {
      remedy: `Prepare text whose documents are longer (--document-characters cuts plain text), or end at a sequenceLength of ${longest} or less.`,
      fields: { sequenceLength: batches.sequenceLength, longest },
    },
  );
}

interface Epoch {
  number: number;
  /** Pieces by row, and the order in which the rows are taken. */
  packed: PackedRows;
  rows: Uint32Array;
}

/** The rows of one folder of shards. */
class Source {
  readonly rowsPerEpoch: number;
  readonly #shards: TokenShards;
  readonly #capacity: number;
  readonly #seed: number;
  readonly #endTarget: number;
  /** Of each piece: its document, where in it it begins, its length. */
  readonly #document: Uint32Array;
  readonly #offset: Uint32Array;
  readonly #length: Uint32Array;
  /** The epochs of the latest rows; a batch touches two at most unless it is longer than an epoch. */
  #epochs: Epoch[] = [];

  constructor(shards: TokenShards, capacity: number, seed: number, endTarget: number) {
    const documents = shards.documents('train');
    if (documents.length === 0) throw emptySplit(shards, 'train');
    this.#shards = shards;
    this.#capacity = capacity;
    this.#seed = seed;
    this.#endTarget = endTarget;
    // A document's last token alone in a piece has nothing to predict, unless its end is: a row of such pieces would be a step
    // without a loss.
    const least = endTarget === IGNORED ? 2 : 1;
    let pieces = 0;
    for (const document of documents) pieces += Math.ceil((shards.documentLength(document) - least + 1) / capacity);
    if (pieces === 0) throw emptySplit(shards, 'train');
    [this.#document, this.#offset, this.#length] = [0, 0, 0].map(() => new Uint32Array(pieces)) as [
      Uint32Array,
      Uint32Array,
      Uint32Array,
    ];
    let piece = 0;
    for (const document of documents) {
      const length = shards.documentLength(document);
      for (let offset = 0; length - offset >= least; offset += capacity) {
        this.#document[piece] = document;
        this.#offset[piece] = offset;
        this.#length[piece++] = Math.min(capacity, length - offset);
      }
    }
    // How many rows there are follows from the lengths alone, so every epoch has as many as the first.
    this.rowsPerEpoch = this.#epoch(0).rows.length;
  }

  report(): SourceReport {
    const documents = this.#shards.documents('train');
    let [tokens, longTokens, longDocuments, longestDocument] = [0, 0, 0, 0];
    for (const document of documents) {
      const length = this.#shards.documentLength(document);
      tokens += length;
      longestDocument = Math.max(longestDocument, length);
      if (length < this.#capacity) continue;
      longDocuments++;
      longTokens += length;
    }
    return {
      folder: this.#shards.folder,
      rows: this.rowsPerEpoch,
      fill: tokens / (this.rowsPerEpoch * this.#capacity),
      documents: documents.length,
      longDocuments,
      longTokenShare: longTokens / tokens,
      longestDocument,
    };
  }

  /** Writes row `row` of the source, counted over all epochs, into row `into` of a batch. */
  fill(batch: Batch, into: number, row: number): void {
    const { packed, rows } = this.#epoch(Math.floor(row / this.rowsPerEpoch));
    const { pieces, starts } = packed;
    const from = rows[row % this.rowsPerEpoch]!;
    const end = (into + 1) * this.#capacity;
    let at = into * this.#capacity;
    let document = 0;
    for (let i = starts[from]!; i < starts[from + 1]!; i++) {
      const piece = pieces[i]!;
      const source = this.#shards.documentTokens(this.#document[piece]!);
      const length = this.#length[piece]!;
      placePiece(batch, at, document++, { source, offset: this.#offset[piece]!, length }, this.#endTarget);
      at += length;
    }
    if (at < end) placePadding(batch, at, end, document, this.#shards.manifest.tokenizer.bosId);
  }

  #epoch(number: number): Epoch {
    const known = this.#epochs.find((epoch) => epoch.number === number);
    if (known) return known;
    const random = new RandomStream(deriveSeed(this.#seed, 'epoch', number));
    const numbers = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);
    const order = random.shuffle(numbers(this.#length.length));
    const packed = packBestFit(this.#length, order, this.#capacity);
    const epoch = { number, packed, rows: random.shuffle(numbers(packed.starts.length - 1)) };
    this.#epochs = [...this.#epochs.slice(-1), epoch];
    return epoch;
  }
}
