// A micro-batch of rated answers through the policy: KTO's loss, and what is told of it.
import type { LanguageModel } from '../../lm/index.ts';
import type { RatedExample } from '../../text/index.ts';
import { tensor } from '../../torch/index.ts';
import { DEFAULT_BETA } from '../dpo-config.ts';
import { answerLogprobs } from './answer-logprobs.ts';
import { ktoLoss } from './kto.ts';
import type { Outcome, OutcomeOptions } from './outcome.ts';
import type { Objective } from './preference-objective.ts';
import type { RatedBatch } from './rated-steps.ts';

/** What an answer is held against. */
export interface RatedReference {
  /** log π_ref(y|x) of each answer of the batch. */
  logprobs: readonly number[];
  /** log π − log π_ref of answers to other prompts, of the whole step. */
  mismatched: readonly number[];
}

export function ratedOutcome(
  model: LanguageModel,
  { batch, answers }: RatedBatch,
  examples: readonly RatedExample[],
  reference: RatedReference,
  objective: Objective,
  options: OutcomeOptions = {},
): Outcome {
  const { beta = DEFAULT_BETA, desirableWeight, undesirableWeight, sftWeight } = objective;
  const { logprobs, tokens, entropy } = answerLogprobs(model, batch, options);
  const { device, dtype } = logprobs;
  const numbers = (values: readonly number[]) => tensor([...values], { dtype: 'float64', device }).to(dtype);
  const liked = answers.map((answer) => examples[answer]!.desirable);
  const expected = numbers(reference.logprobs);
  const kto = ktoLoss(logprobs, expected, liked, numbers(reference.mismatched), {
    beta,
    desirableWeight,
    undesirableWeight,
    reduction: 'none',
  });
  const crossEntropy = () =>
    logprobs
      .div(tokens)
      .neg()
      .mul(numbers(liked.map(Number))); // of a token of the desirable
  return {
    loss: (sftWeight === 0 ? kto : kto.add(crossEntropy().mul(sftWeight))).sum(),
    count: answers.length,
    parts() {
      const policy = logprobs.detach().tolist() as number[];
      const ratios = logprobs.detach().sub(expected).tolist() as number[];
      const anchor = anchorOf(reference.mismatched);
      const over = (values: readonly number[], wanted: (i: number) => boolean = () => true) => {
        const some = values.filter((_, i) => wanted(i));
        return [some.reduce((sum, value) => sum + value, 0), some.length] as const;
      };
      const rewards = ratios.map((ratio) => beta * ratio);
      const right = ratios.map((ratio, i) => Number(liked[i] ? ratio > anchor : ratio < anchor));
      const all = tokens.sum().item();
      return {
        accuracy: over(right),
        chosenReward: over(rewards, (i) => liked[i]!),
        rejectedReward: over(rewards, (i) => !liked[i]),
        chosenLogprob: over(policy, (i) => liked[i]!),
        rejectedLogprob: over(policy, (i) => !liked[i]),
        entropy: [entropy.item() * all, all],
        kl: [over(ratios)[0], all],
        mismatchedKl: [anchor * answers.length, answers.length],
      };
    },
  };
}

/** z₀, as `ktoLoss` has it. */
const anchorOf = (ratios: readonly number[]): number =>
  ratios.length === 0 ? 0 : Math.max(0, ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length);
