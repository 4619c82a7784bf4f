// The batches of steps of examples: how they go through, and how large they are.
import { type Example, type ExampleBatch, ExampleBatches, type ExampleBatchesOptions } from '../text/index.ts';
import type { StepShape } from './flops.ts';
import type { StepBatch } from './step-gradients.ts';

interface Settings extends Omit<Required<ExampleBatchesOptions>, 'rank' | 'world'> {
  gradientAccumulation: number;
}

export interface ExampleStep extends StepBatch {
  batch: ExampleBatch;
}

/** What steps take, whose rows differ. */
export interface StepSizes {
  /** The largest micro-batch of the steps. */
  largest: Pick<StepShape, 'sequenceLength' | 'batchSize'>;
  /** Tokens that a step goes through on average, padding included, and the share of them that is predicted. */
  meanTokens: number;
  predictedShare: number;
}

/** Steps that are looked at to know what all of them take. */
const sample = 2000;

export class ExampleSteps {
  readonly #batches: ExampleBatches;
  readonly #accumulation: number;
  /** Tokens gone through when step i begins. */
  readonly #tokens = [0];
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
      const made = { batch, microRows: this.#microRows(batch.rows), tokensSeen: this.#tokensAt(step + 1) };
      this.#latest = { step, made };
    }
    return this.#latest.made;
  }

  sizes(steps: number): StepSizes {
    const every = Math.max(1, Math.floor(steps / sample));
    let largest = { sequenceLength: 0, batchSize: 0 };
    let [tokens, predicted, seen] = [0, 0, 0];
    for (let step = 0; step < steps; step += every) {
      const { rows, columns } = this.#batches.shapeOf(step);
      const batchSize = this.#microRows(rows);
      if (batchSize * columns > largest.batchSize * largest.sequenceLength)
        largest = { sequenceLength: columns, batchSize };
      tokens += rows * columns;
      predicted += this.#batches.predictedIn(step);
      seen++;
    }
    return { largest, meanTokens: tokens / seen, predictedShare: predicted / tokens };
  }

  /** Each micro-batch has as many examples when they have rows of their own, and as many rows when they share them. */
  #microRows(rows: number): number {
    return Math.ceil(rows / this.#accumulation);
  }

  #tokensAt(step: number): number {
    while (this.#tokens.length <= step) {
      const { rows, columns } = this.#batches.shapeOf(this.#tokens.length - 1);
      this.#tokens.push(this.#tokens.at(-1)! + rows * columns);
    }
    return this.#tokens[step]!;
  }
}
