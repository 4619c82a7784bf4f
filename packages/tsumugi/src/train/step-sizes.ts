// How large steps are whose rows differ from step to step: known from the lengths of what is dealt out, before rows are made.
import type { StepShape } from './flops.ts';

/** Of a micro-batch. */
export interface RowsShape {
  rows: number;
  columns: number;
}

/** The micro-batches of a step (from 0). */
export type ShapesOf = (step: number) => readonly RowsShape[];

/** What steps take, whose rows differ. */
export interface StepSizes {
  /** The largest micro-batch of the steps. */
  largest: Pick<StepShape, 'sequenceLength' | 'batchSize'>;
  /** Tokens that a step goes through on average, padding included. */
  meanTokens: number;
}

/** Steps that are looked at to know what all of them take. */
const sample = 2000;

/** Steps of so many, evenly, that stand for all. */
export function sampledSteps(steps: number): number[] {
  const every = Math.max(1, Math.floor(steps / sample));
  return Array.from({ length: Math.ceil(steps / every) }, (_, i) => i * every);
}

const tokensOf = (shapes: readonly RowsShape[]): number =>
  shapes.reduce((sum, { rows, columns }) => sum + rows * columns, 0);

export function stepSizes(steps: number, shapesOf: ShapesOf): StepSizes {
  const all = sampledSteps(steps).map(shapesOf);
  let largest = { sequenceLength: 0, batchSize: 0 };
  for (const { rows, columns } of all.flat())
    if (rows * columns > largest.batchSize * largest.sequenceLength)
      largest = { sequenceLength: columns, batchSize: rows };
  return { largest, meanTokens: all.reduce((sum, shapes) => sum + tokensOf(shapes), 0) / all.length };
}

/** Tokens that have gone through, padding included. */
export class StepTokens {
  readonly #shapesOf: ShapesOf;
  /** When step i begins. */
  readonly #tokens = [0];

  constructor(shapesOf: ShapesOf) {
    this.#shapesOf = shapesOf;
  }

  /** When `step` begins. */
  at(step: number): number {
    while (this.#tokens.length <= step)
      this.#tokens.push(this.#tokens.at(-1)! + tokensOf(this.#shapesOf(this.#tokens.length - 1)));
    return this.#tokens[step]!;
  }
}
