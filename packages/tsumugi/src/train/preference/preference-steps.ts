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
  /** Tokens gone through when step i begins, padding included. */
  readonly #tokens = [0];

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

  /** Tokens that have gone through when `step` begins, padding included. */
  tokensAt(step: number): number {
    while (this.#tokens.length <= step)
      this.#tokens.push(this.#tokens.at(-1)! + tokensOf(this.at(this.#tokens.length - 1)));
    return this.#tokens[step]!;
  }

  /** The largest micro-batch of so many steps, and the tokens of a step on average. */
  sizes(steps: number): { largest: { sequenceLength: number; batchSize: number }; meanTokens: number } {
    const every = Math.max(1, Math.floor(steps / sample));
    let largest = { sequenceLength: 0, batchSize: 0 };
    let [tokens, seen] = [0, 0];
    for (let step = 0; step < steps; step += every) {
      const micros = this.at(step);
      for (const { batch } of micros)
        if (batch.rows * batch.columns > largest.batchSize * largest.sequenceLength)
          largest = { sequenceLength: batch.columns, batchSize: batch.rows };
      tokens += tokensOf(micros);
      seen++;
    }
    return { largest, meanTokens: tokens / seen };
  }
}

const tokensOf = (micros: readonly PairBatch[]): number =>
  micros.reduce((sum, { batch }) => sum + batch.rows * batch.columns, 0);

/** Steps that are looked at to know what all of them take. */
const sample = 500;

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
