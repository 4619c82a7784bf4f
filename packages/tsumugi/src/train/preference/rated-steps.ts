// The micro-batches of steps of rated answers, and of the same prompts with answers that belong to others: from those KTO estimates how far
// the policy is from the reference.
import type { Mesh } from '../../mesh/index.ts';
import { completed, type ExampleBatch, layOut, type RatedExample } from '../../text/index.ts';
import { ItemSteps, type ItemStepsOptions, inBatches, type RowsOptions } from './item-steps.ts';

/** Answers that go through together. */
export interface RatedBatch {
  batch: ExampleBatch;
  /** Which they are. */
  answers: readonly number[];
}

/** The prompt of one example with the answer of another. */
export interface Mismatched {
  prompt: number;
  answer: number;
}

export class RatedSteps extends ItemSteps<RatedExample> {
  readonly #mismatches: Mismatches;

  constructor(examples: readonly RatedExample[], options: ItemStepsOptions) {
    super(examples, options);
    this.#mismatches = new Mismatches(examples, options.sequenceLength);
  }

  /** The micro-batches of `step` (from 0, without end): over several ranks those of this rank. */
  at(step: number, mesh?: Mesh): RatedBatch[] {
    return this.itemsOf(step, mesh).map((answers) => ratedBatch(this.items, answers, this.options));
  }

  /** Of all examples of `step`, however it is dealt out. */
  mismatchedAt(step: number): Mismatched[] {
    return this.#mismatches.of(this.allOf(step));
  }

  protected lengthsOf(answers: readonly number[]): number[] {
    return answers.map((answer) => this.items[answer]!.prompt.length + this.items[answer]!.completion.length);
  }
}

/**
 * Answers shifted among prompts: each prompt is given the next answer, around the end, that belongs to another prompt and fits in a row with
 * it; a prompt for which there is none is left out. In the paper it is the next answer of the batch, whatever its prompt.
 */
export class Mismatches {
  readonly #examples: readonly RatedExample[];
  readonly #sequenceLength: number;
  /** Equal where prompts are. */
  readonly #prompts: Uint32Array;

  constructor(examples: readonly RatedExample[], sequenceLength: number) {
    const known = new Map<string, number>();
    const numberOf = (prompt: string) => known.get(prompt) ?? known.set(prompt, known.size).size - 1;
    this.#examples = examples;
    this.#sequenceLength = sequenceLength;
    this.#prompts = Uint32Array.from(examples, ({ prompt }) => numberOf(prompt.join()));
  }

  of(examples: readonly number[]): Mismatched[] {
    return examples.flatMap((prompt, at) => {
      const others = examples.length - 1;
      for (let shift = 1; shift <= others; shift++) {
        const answer = examples[(at + shift) % examples.length]!;
        if (this.#prompts[answer] !== this.#prompts[prompt] && this.#fits(prompt, answer)) return { prompt, answer };
      }
      return [];
    });
  }

  #fits(prompt: number, answer: number): boolean {
    const { length } = this.#examples[prompt]!.prompt;
    return length + this.#examples[answer]!.completion.length <= this.#sequenceLength;
  }
}

/** These of all answers as a batch. */
function ratedBatch(all: readonly RatedExample[], answers: readonly number[], rows: RowsOptions): RatedBatch {
  const texts = answers.map((answer) => completed(all[answer]!.prompt, all[answer]!.completion, all[answer]!.source));
  return { batch: layOut(texts, rows), answers };
}

/** All answers in their order, so many at a time; over ranks those of this one, undefined at a turn at which it has none. */
export function* ratedBatches(
  all: readonly RatedExample[],
  options: RowsOptions & { batchSize: number },
  mesh?: Mesh,
): Generator<RatedBatch | undefined> {
  for (const some of inBatches(all.length, options.batchSize, mesh))
    yield some.length === 0 ? undefined : ratedBatch(all, some, options);
}
