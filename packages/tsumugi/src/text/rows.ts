// Rows of exactly `sequenceLength` tokens cut from documents laid end to end, and the arrays of a batch that they fill.
import { ConfigError } from '../base/index.ts';
import type { TokenShards } from './shards.ts';

/** Target of a position that has no next token to predict. */
export const IGNORED = -100;

/** A batch of B rows of T tokens; every array is [B, T] in row-major order. */
export interface Batch {
  readonly rows: number;
  readonly columns: number;
  readonly tokens: Int32Array;
  /** The next token of the same document, or `IGNORED` (−100) where the document ends. */
  readonly targets: Int32Array;
  /** Which document of its row a token belongs to: 0, 1, 2, … from left to right. */
  readonly documents: Int32Array;
  /** Number of targets that are not ignored. */
  predicted: number;
}

/** An empty batch, which can be filled again and again. */
export function makeBatch(rows: number, columns: number): Batch {
  const size = rows * columns;
  return {
    rows,
    columns,
    tokens: new Int32Array(size),
    targets: new Int32Array(size),
    documents: new Int32Array(size),
    predicted: 0,
  };
}

/** A part of a document's tokens. */
export interface Piece {
  /** All of the document's tokens. */
  source: Uint32Array;
  offset: number;
  length: number;
}

/**
 * Writes a piece into a batch from element `at` on, as document `document` of its row. Every token predicts the next one of
 * its document, also where the piece ends before the document does; the document's last token has the target `endTarget`.
 */
export function placePiece(
  batch: Batch,
  at: number,
  document: number,
  { source, offset, length }: Piece,
  endTarget: number,
): void {
  batch.tokens.set(source.subarray(offset, offset + length), at);
  batch.targets.set(source.subarray(offset + 1, offset + length + 1), at);
  batch.documents.fill(document, at, at + length);
  batch.predicted += length;
  if (offset + length < source.length) return;
  batch.targets[at + length - 1] = endTarget;
  if (endTarget === IGNORED) batch.predicted--;
}

/** Fills the elements [at, end) of a batch with `padding` as a document of its own, of which nothing is predicted. */
export function placePadding(batch: Batch, at: number, end: number, document: number, padding: number): void {
  batch.tokens.fill(padding, at, end);
  batch.targets.fill(IGNORED, at, end);
  batch.documents.fill(document, at, end);
}

/** Documents laid end to end in a given order, addressed by token. */
export class DocumentStream {
  readonly #shards: TokenShards;
  readonly #order: Uint32Array;
  /** Token offset of each document in this order, and the end. */
  readonly #starts: Float64Array;
  readonly #endTarget: number;

  /** `endTarget`: the target at a document's last token. */
  constructor(shards: TokenShards, order: Uint32Array, endTarget: number = IGNORED) {
    this.#shards = shards;
    this.#order = order;
    this.#endTarget = endTarget;
    this.#starts = new Float64Array(order.length + 1);
    for (let i = 0; i < order.length; i++) this.#starts[i + 1] = this.#starts[i]! + shards.documentLength(order[i]!);
  }

  /** Tokens of all documents. */
  get length(): number {
    return this.#starts[this.#order.length]!;
  }

  /**
   * Fills row `row` of `batch` with the tokens from `position` on. Beyond the end it goes on with the first document (`wrap`),
   * or with `padding` as a document of its own, of which nothing is predicted.
   */
  fill(batch: Batch, row: number, position: number, beyond: { wrap: true } | { padding: number }): void {
    const { columns } = batch;
    const end = (row + 1) * columns;
    let at = row * columns;
    let slot = this.#find(position);
    let offset = position - this.#starts[slot]!;
    for (let document = 0; at < end; document++) {
      if (slot === this.#order.length) {
        if ('padding' in beyond) {
          placePadding(batch, at, end, document, beyond.padding);
          return;
        }
        slot = 0;
      }
      const source = this.#shards.documentTokens(this.#order[slot]!);
      const length = Math.min(source.length - offset, end - at);
      placePiece(batch, at, document, { source, offset, length }, this.#endTarget);
      at += length;
      offset = 0;
      slot++;
    }
  }

  /** The place in the order of the document that holds the token at `position`; the number of documents at the end. */
  #find(position: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle + 1]! <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Checks what every kind of batch is asked for with. */
export function checkBatchOptions(options: {
  sequenceLength: number;
  batchSize: number;
  rank?: number;
  world?: number;
}): void {
  const { sequenceLength, batchSize, rank = 0, world = 1 } = options;
  const whole = (name: string, value: number, least: number) => {
    if (Number.isInteger(value) && value >= least) return;
    throw new ConfigError('batch-option', `${name} should be a whole number of at least ${least} but is ${value}`, {
      fields: { [name]: value },
    });
  };
  whole('sequenceLength', sequenceLength, 2);
  whole('batchSize', batchSize, 1);
  whole('world', world, 1);
  whole('rank', rank, 0);
  if (rank >= world) {
    throw new ConfigError('batch-option', `rank should be below world (${world}) but is ${rank}`, {
      fields: { rank, world },
    });
  }
}
