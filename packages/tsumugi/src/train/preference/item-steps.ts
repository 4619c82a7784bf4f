// Steps of what is learned from: pairs, or answers. Those of step k follow from (seed, k).
import { type Mesh, ownShare, solo } from '../../mesh/index.ts';
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

  /** Which items `step` (from 0, without end) is of. */
  protected allOf(step: number): number[] {
    const first = step * this.itemsPerStep;
    return Array.from({ length: this.itemsPerStep }, (_, i) => this.#order.at(first + i));
  }

  /** Which items each micro-batch of `step` is of: over several ranks those of this rank, which have about as many tokens as any other's. */
  protected itemsOf(step: number, mesh: Mesh = solo): number[][] {
    const all = this.allOf(step);
    const { from, to } = ownShare(
      mesh,
      all.map((item) => this.lengthsOf([item]).reduce((sum, length) => sum + length, 0)),
    );
    return [...inBatches(to - from, this.options.batchSize)].map((some) => some.map((i) => all[from + i]!));
  }

  /** Micro-batches of `step` that are this rank's. */
  microBatchesOf(step: number, mesh: Mesh): number {
    return this.itemsOf(step, mesh).length;
  }

  #shapesOf(step: number): RowsShape[] {
    return this.itemsOf(step).map((items) => shapeOfLayOut(this.lengthsOf(items), this.options));
  }
}

/** The numbers from 0 on, so many at a time; over ranks each takes its turn, and all have equally many turns, the last ones maybe of nothing. */
export function* inBatches(count: number, batchSize: number, { rank, world }: Mesh = solo): Generator<number[]> {
  for (let turn = 0; turn < count; turn += batchSize * world) {
    const first = turn + batchSize * rank;
    yield Array.from({ length: Math.max(0, Math.min(batchSize, count - first)) }, (_, i) => first + i);
  }
}
