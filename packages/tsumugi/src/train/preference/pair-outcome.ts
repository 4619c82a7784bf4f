// A micro-batch of pairs through the policy: its objective, and what is told of it.
import type { LanguageModel } from '../../lm/index.ts';
import { type Tensor, tensor } from '../../torch/index.ts';
import { answerLogprobs } from './answer-logprobs.ts';
import type { Outcome, OutcomeOptions, Part } from './outcome.ts';
import { type Objective, preferenceOutcome, type SideLogprobs } from './preference-objective.ts';
import type { PairBatch } from './preference-steps.ts';

/** log π_ref(y|x) of the chosen and of the rejected answer of each pair. */
export interface PairReferences {
  readonly chosen: Float64Array;
  readonly rejected: Float64Array;
}

/** @param references undefined for losses without a reference */
export function pairOutcome(
  model: LanguageModel,
  { batch, pairs }: PairBatch,
  references: PairReferences | undefined,
  objective: Objective,
  options: OutcomeOptions = {},
): Outcome {
  const { logprobs, tokens, entropy } = answerLogprobs(model, batch, options);
  const N = pairs.length;
  const side = (which: 'chosen' | 'rejected', first: number): SideLogprobs => ({
    policy: logprobs.narrow(0, first, N),
    tokens: tokens.narrow(0, first, N),
    reference:
      references &&
      tensor(
        pairs.map((pair) => references[which][pair]!),
        { dtype: 'float64', device: logprobs.device },
      ).to(logprobs.dtype),
  });
  const [chosen, rejected] = [side('chosen', 0), side('rejected', N)];
  const { losses, chosenReward, rejectedReward } = preferenceOutcome(chosen, rejected, objective);
  const total = (values: Tensor) => values.detach().sum().item();
  const ratios = () => [chosen, rejected].reduce((sum, of) => sum + total(of.policy.sub(of.reference!)), 0);
  return {
    loss: losses.sum(),
    count: N,
    parts() {
      const all = total(tokens);
      const mean = (values: Tensor): Part => [total(values), N];
      return {
        accuracy: mean(chosenReward.detach().gt(rejectedReward.detach())),
        chosenReward: mean(chosenReward),
        rejectedReward: mean(rejectedReward),
        chosenLogprob: mean(chosen.policy),
        rejectedLogprob: mean(rejected.policy),
        entropy: [entropy.item() * all, all],
        ...(references && { kl: [ratios(), all] }),
      };
    },
  };
}
