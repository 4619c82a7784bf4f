// Training batches: packed rows, shuffled by seed and epoch, each batch a pure function of its step number.
//
// Every epoch lays the shuffled documents end to end and cuts this stream into rows of T = `sequenceLength` tokens. Row r holds the
// tokens [r·T, (r+1)·T) and predicts the next ones, also across a cut; the last row is completed from the beginning. The rows are
// shuffled, too: parts of one document seldom meet in a batch. Epochs follow without a gap, so a batch may hold rows of two.
import { ConfigError, checkOptions, DataError, deriveSeed, type OptionNames, RandomStream } from '../base/index.ts';
import type { Split } from './manifest.ts';
import { type Batch, checkBatchOptions, DocumentStream, IGNORED, makeBatch } from './rows.ts';
import type { TokenShards } from './shards.ts';

export interface PackingOptions {
  /** Tokens of a row, T. */
  sequenceLength: number;
  /** Rows of a batch, B: of a whole step. */
  batchSize: number;
  seed: number;
  /** Default: the documents to learn from. */
  split?: Split;
  /** Make a document's last token predict BOS, which tells where texts end. Default false: nothing is predicted there. */
  predictEnd?: boolean;
}

const packingOptions: OptionNames<PackingOptions> = {
  sequenceLength: true,
  batchSize: true,
  seed: true,
  split: true,
  predictEnd: true,
};

interface Epoch {
  number: number;
  stream: DocumentStream;
  rows: Uint32Array;
}

export class PackedBatches {
  readonly sequenceLength: number;
  readonly batchSize: number;
  /** Rows of one epoch. */
  readonly rowsPerEpoch: number;
  readonly #shards: TokenShards;
  readonly #documents: Uint32Array;
  readonly #seed: number;
  readonly #endTarget: number;
  /** The epochs of the latest rows; a batch touches two at most unless it is longer than an epoch. */
  #epochs: Epoch[] = [];

  constructor(shards: TokenShards, options: PackingOptions) {
    checkOptions('PackedBatches', options, packingOptions);
    checkBatchOptions(options);
    const split = options.split ?? 'train';
    if (shards.manifest[split].documents === 0) throw emptySplit(shards, split);
    this.sequenceLength = options.sequenceLength;
    this.batchSize = options.batchSize;
    this.rowsPerEpoch = Math.ceil(shards.manifest[split].tokens / options.sequenceLength);
    this.#shards = shards;
    this.#documents = shards.documents(split);
    this.#seed = options.seed;
    this.#endTarget = options.predictEnd ? shards.manifest.tokenizer.bosId : IGNORED;
  }

  get tokensPerStep(): number {
    return this.batchSize * this.sequenceLength;
  }

  /** Epochs finished when `step` begins, with its fraction. */
  epochAt(step: number): number {
    return (step * this.batchSize) / this.rowsPerEpoch;
  }

  /**
   * The batch of `step` (from 0, without end), the same whenever and in whatever order it is asked for: to resume, go on with
   * the next step. Ranks that train together are given the same batch, and each takes its rows of it.
   * `into` is overwritten and returned when given.
   */
  batch(step: number, into: Batch = makeBatch(this.batchSize, this.sequenceLength)): Batch {
    if (!(Number.isInteger(step) && step >= 0)) {
      throw new ConfigError('batch-step', `a step should be a whole number of at least 0 but is ${step}`);
    }
    into.predicted = 0;
    const first = step * this.batchSize;
    for (let row = 0; row < this.batchSize; row++) {
      const epoch = this.#epoch(Math.floor((first + row) / this.rowsPerEpoch));
      const position = epoch.rows[(first + row) % this.rowsPerEpoch]! * this.sequenceLength;
      epoch.stream.fill(into, row, position, { wrap: true });
    }
    return into;
  }

  #epoch(number: number): Epoch {
    const known = this.#epochs.find((epoch) => epoch.number === number);
    if (known) return known;
    const random = new RandomStream(deriveSeed(this.#seed, 'packing', number));
    const order = random.shuffle(this.#documents.slice());
    const rows = random.shuffle(Uint32Array.from({ length: this.rowsPerEpoch }, (_, i) => i));
    const epoch = { number, stream: new DocumentStream(this.#shards, order, this.#endTarget), rows };
    this.#epochs = [...this.#epochs.slice(-1), epoch];
    return epoch;
  }
}

/** There is nothing in a split to make batches of. */
export function emptySplit(shards: TokenShards, split: Split): DataError {
  const what = split === 'train' ? 'no documents to train on' : 'no held-out documents to measure with';
  return new DataError('empty-split', `${shards.folder} holds ${what}`, {
    remedy: 'Prepare at least two documents with a held-out fraction above 0.',
    fields: { folder: shards.folder, split },
  });
}
