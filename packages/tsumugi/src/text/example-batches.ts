// Batches of examples: the examples of a step follow from (seed, step) alone, and how they lie in rows changes nothing but rounding.
//
// Every epoch shuffles the examples, and a step takes the next `batchSize` of them; epochs follow without a gap, so a step may
// hold the end of one and the beginning of another. *Padded*: each example has a row of its own. *Packed*: best fit
// (best-fit.ts) of the step's examples into rows of at most T tokens, kept apart by `documents`. Rows are as long as the longest of the step. What stays
// free in a row is padding after its last example, which nothing that is predicted can see, since models look back only: it needs no
// document of its own.
import { ConfigError, checkChoice, checkOptions, type OptionNames } from '../base/index.ts';
import { packBestFit } from './best-fit.ts';
import type { Example } from './chat/example.ts';
import { checkExamples, countTargets } from './check-examples.ts';
import { EpochOrder } from './epoch-order.ts';
import { type Batch, checkBatchOptions, IGNORED, makeBatch, placePadding } from './rows.ts';

export const exampleLayouts = ['packed', 'padded'] as const;
export type ExampleLayout = (typeof exampleLayouts)[number];

export interface ExampleBatchesOptions {
  /** Tokens of a row at most, T. */
  sequenceLength: number;
  /** Examples of a step. Ranks that train together are given the same batch, and each takes its rows of it. */
  batchSize: number;
  seed: number;
  /** How examples lie in rows. Default: packed. */
  layout?: ExampleLayout;
  /** What fills the rest of a row. Default 0: nothing sees it. */
  padding?: number;
}

const exampleBatchesOptions: OptionNames<ExampleBatchesOptions> = {
  sequenceLength: true,
  batchSize: true,
  seed: true,
  layout: true,
  padding: true,
};

/** Where an example lies in a batch. */
export interface PlacedExample {
  example: Example;
  /** Its place among the examples of the step. */
  position: number;
  row: number;
  /** Column of its first token. */
  column: number;
}

export interface ExampleBatch extends Batch {
  readonly placed: readonly PlacedExample[];
}

function filled(placed: readonly PlacedExample[], rows: number): number[] {
  const ends = new Array<number>(rows).fill(0);
  for (const { example, row, column } of placed) ends[row] = Math.max(ends[row]!, column + example.ids.length);
  return ends;
}

/** How many columns of each row are filled. */
export const filledOf = ({ placed, rows }: Pick<ExampleBatch, 'placed' | 'rows'>): number[] => filled(placed, rows);

/** Columns up to the last that is filled in one of the rows [first, first + rows). */
export const filledColumns = (
  { placed, rows: all }: Pick<ExampleBatch, 'placed' | 'rows'>,
  first: number,
  rows: number,
) => Math.max(...filled(placed, all).slice(first, first + rows));

/** The rows of a step, before they are filled. */
interface Rows {
  rows: number;
  columns: number;
  placed: PlacedExample[];
}

export class ExampleBatches {
  readonly batchSize: number;
  readonly #examples: readonly Example[];
  readonly #targets: Uint32Array;
  readonly #options: Required<ExampleBatchesOptions>;
  readonly #order: EpochOrder;

  /** @throws DataError for examples that are longer than a row or have nothing to predict; ConfigError for options out of range */
  constructor(examples: readonly Example[], options: ExampleBatchesOptions) {
    checkOptions('ExampleBatches', options, exampleBatchesOptions);
    checkBatchOptions(options);
    this.#options = { layout: 'packed', padding: 0, ...options };
    const { sequenceLength, layout } = this.#options;
    checkChoice('ExampleBatches', 'layout', layout, exampleLayouts);
    checkExamples(examples, sequenceLength);
    this.batchSize = options.batchSize;
    this.#examples = examples;
    this.#order = new EpochOrder(examples.length, options.seed);
    this.#targets = Uint32Array.from(examples, ({ learned }) => countTargets(learned));
  }

  /** Epochs finished when `step` begins, with its fraction. */
  epochAt(step: number): number {
    return (step * this.batchSize) / this.#examples.length;
  }

  /** Steps of so many epochs, the last one begun included. */
  stepsOf(epochs: number): number {
    return Math.ceil((epochs * this.#examples.length) / this.batchSize);
  }

  /** Rows and columns of the batch of `step`. */
  shapeOf(step: number): { rows: number; columns: number } {
    const { rows, columns } = this.#rowsOf(step);
    return { rows, columns };
  }

  /** How many columns of each row of `step` are filled. */
  filledRows(step: number): number[] {
    const { rows, placed } = this.#rowsOf(step);
    return filled(placed, rows);
  }

  /** The batch of `step` (from 0, without end), the same whenever and in whatever order it is asked for. */
  batch(step: number): ExampleBatch {
    return fill(this.#rowsOf(step), this.#options.padding);
  }

  /** Targets of `step`, without making its rows. */
  predictedIn(step: number): number {
    const first = step * this.batchSize;
    let count = 0;
    for (let i = 0; i < this.batchSize; i++) count += this.#targets[this.#order.at(first + i)]!;
    return count;
  }

  #rowsOf(step: number): Rows {
    if (!(Number.isInteger(step) && step >= 0))
      throw new ConfigError('batch-step', `a step should be a whole number of at least 0 but is ${step}`);
    const { layout, sequenceLength } = this.#options;
    const first = step * this.batchSize;
    const chosen = Array.from({ length: this.batchSize }, (_, position) => ({
      example: this.#examples[this.#order.at(first + position)]!,
      position,
    }));
    return rowsFor(chosen, { layout, sequenceLength });
  }
}

interface LayOutOptions extends Pick<ExampleBatchesOptions, 'sequenceLength' | 'padding'> {
  layout: ExampleLayout;
}

/** Examples that fit in rows of `sequenceLength` tokens, as one batch. */
export function layOut(examples: readonly Example[], options: LayOutOptions): ExampleBatch {
  return fill(
    rowsFor(
      examples.map((example, position) => ({ example, position })),
      options,
    ),
    options.padding ?? 0,
  );
}

/** Rows and columns of the batch that `layOut` makes of examples of these lengths. */
export function shapeOfLayOut(lengths: readonly number[], options: LayOutOptions): { rows: number; columns: number } {
  const { rows, columns } = deal(Uint32Array.from(lengths), options);
  return { rows, columns };
}

type Chosen = Pick<PlacedExample, 'example' | 'position'>;

function rowsFor(chosen: readonly Chosen[], options: LayOutOptions): Rows {
  const { rows, columns, places } = deal(
    Uint32Array.from(chosen, ({ example }) => example.ids.length),
    options,
  );
  return { rows, columns, placed: places.map(({ index, ...place }) => ({ ...chosen[index]!, ...place })) };
}

/** Where texts of these lengths lie, and how large the rows are. */
interface Dealt {
  rows: number;
  columns: number;
  places: { index: number; row: number; column: number }[];
}

const deal = (lengths: Uint32Array, { layout, sequenceLength }: LayOutOptions): Dealt =>
  layout === 'padded' ? padded(lengths) : packed(lengths, sequenceLength);

function padded(lengths: Uint32Array): Dealt {
  // The longest first: rows of like length go through together, and what is free in all of them is left out (`filledColumns`).
  const order = Array.from(lengths.keys()).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const places = order.map((index, row) => ({ index, row, column: 0 }));
  return { rows: lengths.length, columns: Math.max(...lengths), places };
}

function packed(lengths: Uint32Array, capacity: number): Dealt {
  const { pieces, starts } = packBestFit(lengths, Uint32Array.from(lengths.keys()), capacity);
  const rows = starts.length - 1;
  const places: Dealt['places'] = [];
  let columns = 0;
  for (let row = 0; row < rows; row++) {
    let column = 0;
    for (const index of pieces.subarray(starts[row], starts[row + 1])) {
      places.push({ index, row, column });
      column += lengths[index]!;
    }
    columns = Math.max(columns, column);
  }
  return { rows, columns, places };
}

function fill({ rows, columns, placed }: Rows, padding: number): ExampleBatch {
  const batch = { ...makeBatch(rows, columns), placed };
  const ends = new Uint32Array(rows);
  const documents = new Uint32Array(rows);
  for (const { example, row, column } of placed) {
    placeExample(batch, row * columns + column, documents[row]!++, example);
    ends[row] = column + example.ids.length;
  }
  for (let row = 0; row < rows; row++)
    placePadding(batch, row * columns + ends[row]!, (row + 1) * columns, documents[row]! - 1, padding);
  return batch;
}

/** Writes an example from element `at` on, as document `document` of its row: tokens predict the next one where that is to be learned. */
function placeExample(batch: Batch, at: number, document: number, { ids, learned }: Example): void {
  const { length } = ids;
  batch.predicted += countTargets(learned);
  batch.tokens.set(ids, at);
  batch.documents.fill(document, at, at + length);
  for (let i = 1; i < length; i++) batch.targets[at + i - 1] = learned[i] ? ids[i]! : IGNORED;
  batch.targets[at + length - 1] = IGNORED;
}
