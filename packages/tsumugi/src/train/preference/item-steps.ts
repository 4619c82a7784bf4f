// Steps of what is learned from: pairs, or answers. Those of step k follow from (seed, k).
import { EpochOrder, type ExampleLayout, shapeOfLayOut } from '../../text/index.ts';
import { type RowsShape, type StepSizes, StepTokens, stepSizes } from '../step-sizes.ts';

/** How texts lie in rows. */
export interface RowsOptions {
  /** Tokens of a row at most. */
  sequenceLength: number;
  layout: ExampleLayout;
  padding: number;
}

export interface ItemStepsOptions extends RowsOptions {
  /** Items of a micro-batch. */
  batchSize: number;
  /** Micro-batches of a step. */
  gradientAccumulation: number;
  seed: number;
}

export abstract class ItemSteps<T> {
  protected readonly items: readonly T[];
  protected readonly options: ItemStepsOptions;
  readonly #order: EpochOrder;
  readonly #tokens = new StepTokens((step) => this.#shapesOf(step));

  /** @param items at least one; each text of one fits in a row */
  constructor(items: readonly T[], options: ItemStepsOptions) {
    this.items = items;
    this.options = options;
    this.#order = new EpochOrder(items.length, options.seed);
  }

  /** Tokens of each text that goes through for these items. */
  protected abstract lengthsOf(items: readonly number[]): number[];

  get itemsPerStep(): number {
    return this.options.batchSize * this.options.gradientAccumulation;
  }

  /** Epochs finished when `step` begins, with its fraction. */
  epochAt(step: number): number {
    return (step * this.itemsPerStep) / this.items.length;
  }

  /** Steps of so many epochs, the last one begun included. */
  stepsOf(epochs: number): number {
    return Math.ceil((epochs * this.items.length) / this.itemsPerStep);
  }

  /** Tokens that have gone through when `step` begins, padding included. */
  tokensAt(step: number): number {
    return this.#tokens.at(step);
  }

  /** What so many steps take. */
  sizes(steps: number): StepSizes {
    return stepSizes(steps, (step) => this.#shapesOf(step));
  }

  /** Which items each micro-batch of `step` (from 0, without end) is of. */
  protected itemsOf(step: number): number[][] {
    const { batchSize, gradientAccumulation } = this.options;
    return Array.from({ length: gradientAccumulation }, (_, micro) => {
      const first = step * this.itemsPerStep + micro * batchSize;
      return Array.from({ length: batchSize }, (_, i) => this.#order.at(first + i));
    });
  }

  #shapesOf(step: number): RowsShape[] {
    return this.itemsOf(step).map((items) => shapeOfLayOut(this.lengthsOf(items), this.options));
  }
}

/** The numbers from 0 on, so many at a time. */
export function* inBatches(count: number, batchSize: number): Generator<number[]> {
  for (let first = 0; first < count; first += batchSize)
    yield Array.from({ length: Math.min(batchSize, count - first) }, (_, i) => first + i);
}
