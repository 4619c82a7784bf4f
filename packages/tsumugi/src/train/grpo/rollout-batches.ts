// The answers of a rollout in micro-batches, and what is known of each token, where the model gives its log-probability.
import { completed, type ExampleBatch, type ExampleLayout, layOut } from '../../text/index.ts';
import { type Tensor, tensor } from '../../torch/index.ts';
import type { PromptToLearn } from './prompt-data.ts';
import type { Rollout, SampledAnswerState } from './rollout-state.ts';

export interface RowOptions {
  /** Prompts whose answers go through at a time. */
  batchSize: number;
  samples: number;
  layout: ExampleLayout;
  sequenceLength: number;
  padding: number;
}

export interface AnswerBatch {
  batch: ExampleBatch;
  /** In the order in which they were laid out. */
  answers: readonly SampledAnswerState[];
  /** Their places among the answers of the rollout. */
  first: number;
}

export function* answerBatches(
  rollout: Rollout,
  prompts: readonly PromptToLearn[],
  { batchSize, samples, ...rows }: RowOptions,
): Generator<AnswerBatch> {
  const size = batchSize * samples;
  for (let first = 0; first < rollout.answers.length; first += size) {
    const answers = rollout.answers.slice(first, first + size);
    const examples = answers.map(({ prompt, ids }) =>
      completed(prompts[prompt]!.ids, Int32Array.from(ids), prompts[prompt]!.source),
    );
    yield { batch: layOut(examples, rows), answers, first };
  }
}

/** Calls `visit` with each answer, and where in the flattened rows its first token is predicted. */
export function eachAnswer(
  { batch }: AnswerBatch,
  visit: (position: number, place: number, tokens: number) => void,
): void {
  for (const { example, position, row, column } of batch.placed) {
    const asked = example.learned.indexOf(1);
    visit(position, row * batch.columns + column + asked - 1, example.ids.length - asked);
  }
}

/** What `of` says of each token of each answer, as a tensor in the order of `places` [n]. */
export function perToken(
  batch: AnswerBatch,
  places: Tensor,
  like: Tensor,
  of: (position: number, token: number) => number,
): Tensor {
  const values = new Float64Array(batch.batch.rows * batch.batch.columns);
  eachAnswer(batch, (position, place, tokens) => {
    for (let t = 0; t < tokens; t++) values[place + t] = of(position, t);
  });
  return tensor(values, { device: like.device }).indexSelect(0, places).to(like.dtype);
}

/** The numbers of a tensor [n] in the order of `places`, answer by answer. */
export function perAnswer(batch: AnswerBatch, places: Tensor, values: Tensor): number[][] {
  const [at, numbers] = [places.tolist() as number[], values.tolist() as number[]];
  const byPlace = new Map(at.map((place, i) => [place, numbers[i]!]));
  const found: number[][] = [];
  eachAnswer(batch, (position, place, tokens) => {
    found[position] = Array.from({ length: tokens }, (_, t) => byPlace.get(place + t)!);
  });
  return found;
}
