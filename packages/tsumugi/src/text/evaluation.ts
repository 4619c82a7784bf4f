// Evaluation batches: every held-out token once, in order, with what bits per character need.

import { checkOptions, type OptionNames } from '../base/index.ts';
import type { Split } from './manifest.ts';
import { emptySplit } from './packing.ts';
import { type Batch, checkBatchOptions, DocumentStream, makeBatch } from './rows.ts';
import type { TokenShards } from './shards.ts';

export interface EvaluationOptions {
  /** Tokens of a row, T. A row begins without what stood before it, so longer rows measure a model with more context. */
  sequenceLength: number;
  /** Rows of a batch, B. */
  batchSize: number;
  /** Default: the held-out documents. */
  split?: Split;
  /** Measure with the first documents only, as many as fit (at least one). Default: all. */
  maxTokens?: number;
  /** This process and the number that share the rows; sum their nats and predicted counts. Default 0 of 1. */
  rank?: number;
  world?: number;
}

const evaluationOptions: OptionNames<EvaluationOptions> = {
  sequenceLength: true,
  batchSize: true,
  split: true,
  maxTokens: true,
  rank: true,
  world: true,
};

export class EvaluationBatches implements Iterable<Batch> {
  /** Characters of the documents: the divisor of bits per character. Over all ranks. */
  readonly characters: number;
  /** Tokens that are predicted: all but each document's BOS. Over all ranks. */
  readonly predicted: number;
  /** Batches of this rank. */
  readonly length: number;
  readonly #stream: DocumentStream;
  readonly #padding: number;
  readonly #sequenceLength: number;
  readonly #batchSize: number;
  readonly #rank: number;
  readonly #world: number;

  constructor(shards: TokenShards, options: EvaluationOptions) {
    checkOptions('EvaluationBatches', options, evaluationOptions);
    checkBatchOptions(options);
    const split = options.split ?? 'heldOut';
    const all = shards.documents(split);
    if (all.length === 0) throw emptySplit(shards, split);
    const maxTokens = options.maxTokens ?? Number.POSITIVE_INFINITY;
    let count = 0;
    let [characters, tokens] = [0, 0];
    for (const document of all) {
      const length = shards.documentLength(document);
      if (count > 0 && tokens + length > maxTokens) break;
      count++;
      tokens += length;
      characters += shards.documentCharacters(document);
    }
    this.characters = characters;
    this.predicted = tokens - count;
    this.#stream = new DocumentStream(shards, all.subarray(0, count));
    this.#padding = shards.manifest.tokenizer.bosId;
    this.#sequenceLength = options.sequenceLength;
    this.#batchSize = options.batchSize;
    this.#rank = options.rank ?? 0;
    this.#world = options.world ?? 1;
    const batches = Math.ceil(tokens / (this.#sequenceLength * this.#batchSize));
    this.length = Math.ceil(Math.max(0, batches - this.#rank) / this.#world);
  }

  /** The batches of this rank. What is missing in the last is BOS without targets. */
  *[Symbol.iterator](): Generator<Batch> {
    for (let i = 0; i < this.length; i++) {
      const batch = makeBatch(this.#batchSize, this.#sequenceLength);
      const first = (i * this.#world + this.#rank) * this.#batchSize;
      for (let row = 0; row < this.#batchSize; row++) {
        const position = Math.min((first + row) * this.#sequenceLength, this.#stream.length);
        this.#stream.fill(batch, row, position, { padding: this.#padding });
      }
      yield batch;
    }
  }
}

/** Bits per character: `totalNats` is the sum, over every predicted token, of −ln of the probability it was given. */
export function bitsPerCharacter(totalNats: number, characters: number): number {
  return totalNats / Math.LN2 / characters;
}
