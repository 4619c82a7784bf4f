// The batches of steps of examples: how they go through, and how large they are.
import { type Example, type ExampleBatch, ExampleBatches, type ExampleBatchesOptions } from '../text/index.ts';
import type { StepBatch } from './step-gradients.ts';
import { type RowsShape, type StepSizes, StepTokens, sampledSteps, stepSizes } from './step-sizes.ts';

interface Settings extends Omit<Required<ExampleBatchesOptions>, 'rank' | 'world'> {
  gradientAccumulation: number;
}

export interface ExampleStep extends StepBatch {
  batch: ExampleBatch;
}

export interface ExampleSizes extends StepSizes {
  /** Share of a step's tokens that is predicted. */
  predictedShare: number;
}

export class ExampleSteps {
  readonly #batches: ExampleBatches;
  readonly #accumulation: number;
  readonly #tokens = new StepTokens((step) => this.#shapesOf(step));
  #latest: { step: number; made: ExampleStep } | undefined;

  constructor(examples: readonly Example[], { gradientAccumulation, ...settings }: Settings) {
    this.#batches = new ExampleBatches(examples, { ...settings, batchSize: settings.batchSize * gradientAccumulation });
    this.#accumulation = gradientAccumulation;
  }

  get examplesPerStep(): number {
    return this.#batches.examplesPerStep;
  }

  epochAt(step: number): number {
    return this.#batches.epochAt(step);
  }

  stepsOf(epochs: number): number {
    return this.#batches.stepsOf(epochs);
  }

  /** Step `step` (from 0). The latest one is kept. */
  at(step: number): ExampleStep {
    if (this.#latest?.step !== step) {
      const batch = this.#batches.batch(step);
      const made = { batch, microRows: this.#microRows(batch.rows), tokensSeen: this.#tokens.at(step + 1) };
      this.#latest = { step, made };
    }
    return this.#latest.made;
  }

  sizes(steps: number): ExampleSizes {
    const sizes = stepSizes(steps, (step) => this.#shapesOf(step));
    const sampled = sampledSteps(steps);
    const predicted = sampled.reduce((sum, step) => sum + this.#batches.predictedIn(step), 0);
    return { ...sizes, predictedShare: predicted / (sizes.meanTokens * sampled.length) };
  }

  /** Each micro-batch has as many examples when they have rows of their own, and as many rows when they share them. */
  #microRows(rows: number): number {
    return Math.ceil(rows / this.#accumulation);
  }

  #shapesOf(step: number): RowsShape[] {
    const { rows, columns } = this.#batches.shapeOf(step);
    const most = this.#microRows(rows);
    return Array.from({ length: Math.ceil(rows / most) }, (_, micro) => ({
      rows: Math.min(most, rows - micro * most),
      columns,
    }));
  }
}
