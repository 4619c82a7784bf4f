// The batches of steps of examples: how they go through, and how large they are.
import { type Example, type ExampleBatch, ExampleBatches, type ExampleBatchesOptions } from '../text/index.ts';
import type { StepBatch } from './step-gradients.ts';
import { type RowsShape, type StepSizes, StepTokens, sampledSteps, stepSizes } from './step-sizes.ts';

interface Settings extends Required<ExampleBatchesOptions> {
  gradientAccumulation: number;
}

export interface ExampleStep extends StepBatch {
  batch: ExampleBatch;
}

export interface ExampleSizes extends StepSizes {
  /** Share of a step's tokens that is predicted. */
  predictedShare: number;
}

/** What goes through at a time of rows with padding: few rows, so that they are of like length, and enough to keep the machine busy. Our choice. */
const [fewRows, enoughTokens] = [4, 1024];

export class ExampleSteps {
  readonly #isPadded: boolean;
  readonly #batches: ExampleBatches;
  readonly #accumulation: number;
  readonly #tokens = new StepTokens((step) => this.#shapesOf(step));
  #latest: { step: number; made: ExampleStep } | undefined;

  constructor(examples: readonly Example[], { gradientAccumulation, ...settings }: Settings) {
    this.#batches = new ExampleBatches(examples, { ...settings, batchSize: settings.batchSize * gradientAccumulation });
    this.#accumulation = gradientAccumulation;
    this.#isPadded = settings.layout === 'padded';
  }

  get examplesPerStep(): number {
    return this.#batches.batchSize;
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
      const made = {
        batch,
        microRows: this.#microRows(batch.rows, batch.columns),
        tokensSeen: this.#tokens.at(step + 1),
      };
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

  /** Rows of a micro-batch: a part of the step's; less of rows of their own, which are sorted by length. */
  #microRows(rows: number, columns: number): number {
    const most = Math.ceil(rows / this.#accumulation);
    return this.#isPadded ? Math.min(most, Math.max(fewRows, Math.ceil(enoughTokens / columns))) : most;
  }

  #shapesOf(step: number): RowsShape[] {
    const filled = this.#batches.filledRows(step);
    const most = this.#microRows(filled.length, Math.max(...filled));
    return Array.from({ length: Math.ceil(filled.length / most) }, (_, micro) => {
      const rows = filled.slice(micro * most, (micro + 1) * most);
      return { rows: rows.length, columns: Math.max(...rows) };
    });
  }
}
