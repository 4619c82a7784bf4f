// Held-out prompts: what the rewards of the policy's answers to them are.
import type { LanguageModel } from '../../lm/index.ts';
import type { Measured } from '../../loop/index.ts';
import type { PromptToLearn } from './prompt-data.ts';
import { rewardedAnswers, type SamplingContext } from './sample-rollout.ts';

/** Means over the prompts. */
export interface PolicyEvaluation {
  /** Of an answer that is sampled: what is trained for. */
  reward: number;
  /** Of the answer in which each token is the likeliest. */
  greedyReward: number;
  /** Tokens of a sampled answer, and whether the model ended it. */
  answerTokens: number;
  finished: number;
  prompts: number;
}

/** The same random numbers each time, so that measurements differ by the weights alone. */
export async function evaluatePolicy(
  model: LanguageModel,
  prompts: readonly PromptToLearn[],
  context: SamplingContext,
): Promise<PolicyEvaluation> {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const of = async (temperature: number) =>
    (await rewardedAnswers(model, prompts, { samples: 1, temperature }, context)).flat();
  const [sampled, greedy] = [await of(1), await of(0)];
  return {
    reward: mean(sampled.map(({ reward }) => reward)),
    greedyReward: mean(greedy.map(({ reward }) => reward)),
    answerTokens: mean(sampled.map(({ ids }) => ids.length)),
    finished: mean(sampled.map(({ finished }) => Number(finished))),
    prompts: prompts.length,
  };
}

/** An evaluation for the log and the terminal. */
export function measuredPolicy({ prompts: _, ...metrics }: PolicyEvaluation, when: number | string): Measured {
  const moment = typeof when === 'number' ? `step ${when}` : when;
  return {
    name: 'held-out prompts',
    metrics,
    score: -metrics.reward,
    shown: `${moment}: reward ${metrics.reward.toFixed(4)} on held-out prompts, ${metrics.greedyReward.toFixed(4)} without sampling`,
  };
}
