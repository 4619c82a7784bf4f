// A micro-batch of pairs through the policy: its objective, and what is told of it.
import type { LanguageModel, LossOptions } from '../../lm/index.ts';
import { type Tensor, tensor } from '../../torch/index.ts';
import { answerLogprobs } from './answer-logprobs.ts';
import type { BatchOutcome } from './preference-gradients.ts';
import { type Objective, preferenceOutcome } from './preference-objective.ts';
import type { PairBatch } from './preference-steps.ts';
import type { ReferenceLogprobs } from './reference-logprobs.ts';

export interface PreferenceSums {
  /** Pairs whose chosen answer has the higher reward. */
  accuracy: number;
  /** By how much. */
  margin: number;
  chosenReward: number;
  rejectedReward: number;
  /** log π(y|x) of whole answers. */
  chosenLogprob: number;
  rejectedLogprob: number;
  /** Of a token of the answers, times the pairs. */
  entropy: number;
}

/** @param references undefined for losses without a reference */
export function pairOutcome(
  model: LanguageModel,
  { batch, pairs }: PairBatch,
  references: ReferenceLogprobs | undefined,
  objective: Objective,
  options: Pick<LossOptions, 'dtype' | 'activationCheckpointing' | 'onPart'> = {},
): BatchOutcome<PreferenceSums> {
  const { logprobs, tokens, entropy } = answerLogprobs(model, batch, options);
  const N = pairs.length;
  const side = (which: 'chosen' | 'rejected', first: number) => ({
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
  return {
    loss: losses.sum(),
    sums: () => ({
      accuracy: chosenReward.detach().gt(rejectedReward.detach()).sum().item(),
      margin: total(chosenReward) - total(rejectedReward),
      chosenReward: total(chosenReward),
      rejectedReward: total(rejectedReward),
      chosenLogprob: total(chosen.policy),
      rejectedLogprob: total(rejected.policy),
      entropy: entropy.item() * N,
    }),
  };
}
