// The micro-batches of steps of pairs. The pairs of step k follow from (seed, k); both answers of a pair are in one micro-batch, since
// its loss compares them.
import {
  completed,
  EpochOrder,
  type ExampleBatch,
  type ExampleLayout,
  layOut,
  type PreferenceExample,
  shapeOfLayOut,
} from '../../text/index.ts';
import { type RowsShape, type StepSizes, StepTokens, stepSizes } from '../step-sizes.ts';

export interface PreferenceStepsOptions {
  /** Pairs of a micro-batch. */
  batchSize: number;
  /** Micro-batches of a step. */
  gradientAccumulation: number;
  /** Tokens of a row at most. */
  sequenceLength: number;
  layout: ExampleLayout;
  padding: number;
  seed: number;
}

/** Pairs that go through together: of N pairs the answers 0 … N−1 are the chosen ones, N … 2N−1 the rejected ones. */
export interface PairBatch {
  batch: ExampleBatch;
  /** Which pairs they are. */
  pairs: readonly number[];
}

export class PreferenceSteps {
  readonly #pairs: readonly PreferenceExample[];
  readonly #options: PreferenceStepsOptions;
  readonly #order: EpochOrder;
  readonly #tokens = new StepTokens((step) => this.#shapesOf(step));

  /** @param pairs at least one; each answer fits in a row with its prompt */
  constructor(pairs: readonly PreferenceExample[], options: PreferenceStepsOptions) {
    this.#pairs = pairs;
    this.#options = options;
    this.#order = new EpochOrder(pairs.length, options.seed);
  }

  get pairsPerStep(): number {
    return this.#options.batchSize * this.#options.gradientAccumulation;
  }

  /** Epochs finished when `step` begins, with its fraction. */
  epochAt(step: number): number {
    return (step * this.pairsPerStep) / this.#pairs.length;
  }

  /** Steps of so many epochs, the last one begun included. */
  stepsOf(epochs: number): number {
    return Math.ceil((epochs * this.#pairs.length) / this.pairsPerStep);
  }

  /** The micro-batches of `step` (from 0, without end). */
  at(step: number): PairBatch[] {
    return this.#pairsOf(step).map((pairs) => pairBatch(this.#pairs, pairs, this.#options));
  }

  /** Tokens that have gone through when `step` begins, padding included. */
  tokensAt(step: number): number {
    return this.#tokens.at(step);
  }

  /** What so many steps take. */
  sizes(steps: number): StepSizes {
    return stepSizes(steps, (step) => this.#shapesOf(step));
  }

  /** The pairs of each micro-batch of a step. */
  #pairsOf(step: number): number[][] {
    const { batchSize, gradientAccumulation } = this.#options;
    return Array.from({ length: gradientAccumulation }, (_, micro) => {
      const first = step * this.pairsPerStep + micro * batchSize;
      return Array.from({ length: batchSize }, (_, i) => this.#order.at(first + i));
    });
  }

  #shapesOf(step: number): RowsShape[] {
    return this.#pairsOf(step).map((pairs) => {
      const lengths = sides.flatMap((side) =>
        pairs.map((pair) => this.#pairs[pair]!.prompt.length + this.#pairs[pair]![side].length),
      );
      return shapeOfLayOut(lengths, this.#options);
    });
  }
}

const sides = ['chosen', 'rejected'] as const;

/** These of all pairs as a batch. */
function pairBatch(
  all: readonly PreferenceExample[],
  pairs: readonly number[],
  rows: Pick<PreferenceStepsOptions, 'layout' | 'sequenceLength' | 'padding'>,
): PairBatch {
  const answers = sides.flatMap((side) =>
    pairs.map((pair) => completed(all[pair]!.prompt, all[pair]![side], all[pair]!.source)),
  );
  return { batch: layOut(answers, rows), pairs };
}

/** All pairs in their order, so many at a time. */
export function* pairBatches(
  pairs: readonly PreferenceExample[],
  options: Pick<PreferenceStepsOptions, 'batchSize' | 'layout' | 'sequenceLength' | 'padding'>,
): Generator<PairBatch> {
  const { batchSize } = options;
  for (let first = 0; first < pairs.length; first += batchSize) {
    const some = Array.from({ length: Math.min(batchSize, pairs.length - first) }, (_, i) => first + i);
    yield pairBatch(pairs, some, options);
  }
}
