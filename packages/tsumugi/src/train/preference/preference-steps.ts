// The micro-batches of steps of pairs. The pairs of step k follow from (seed, k); both answers of a pair are in one micro-batch, since
// its loss compares them.
import {
  EpochOrder,
  type Example,
  type ExampleBatch,
  type ExampleLayout,
  layOut,
  type PreferenceExample,
} from '../../text/index.ts';

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
    const { batchSize, gradientAccumulation } = this.#options;
    return Array.from({ length: gradientAccumulation }, (_, micro) => {
      const first = step * this.pairsPerStep + micro * batchSize;
      return pairBatch(
        this.#pairs,
        Array.from({ length: batchSize }, (_, i) => this.#order.at(first + i)),
        this.#options,
      );
    });
  }
}

/** These of all pairs as a batch. */
export function pairBatch(
  all: readonly PreferenceExample[],
  pairs: readonly number[],
  rows: Pick<PreferenceStepsOptions, 'layout' | 'sequenceLength' | 'padding'>,
): PairBatch {
  const answers = (['chosen', 'rejected'] as const).flatMap((which) =>
    pairs.map((pair) => answerOf(all[pair]!, which)),
  );
  return { batch: layOut(answers, rows), pairs };
}

/** Prompt and answer; the answer is what is predicted. */
export function answerOf(pair: PreferenceExample, which: 'chosen' | 'rejected'): Example {
  const [prompt, answer] = [pair.prompt, pair[which]];
  const ids = new Int32Array(prompt.length + answer.length);
  ids.set(prompt);
  ids.set(answer, prompt.length);
  return { ids, learned: new Uint8Array(ids.length).fill(1, prompt.length), source: pair.source };
}
