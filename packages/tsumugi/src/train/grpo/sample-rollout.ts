// A group of answers to each of some prompts, with their rewards and advantages. They follow from the weights, the seed and the number
// of the rollout alone.
import { setTimeout } from 'node:timers/promises';
import { deriveSeed } from '../../base/index.ts';
import { type LanguageModel, sampleAnswers } from '../../lm/index.ts';
import type { Pause } from '../../loop/index.ts';
import type { Tokenizer } from '../../text/index.ts';
import { groupAdvantages } from './advantages.ts';
import type { AnswerScorer } from './answer-scorer.ts';
import type { PromptToLearn } from './prompt-data.ts';
import type { Rollout, SampledAnswerState } from './rollout-state.ts';
import { scoreAnswers } from './score-answers.ts';

export interface SamplingContext {
  tokenizer: Tokenizer;
  scorer: AnswerScorer;
  stopIds: readonly number[];
  maxTokens: number;
  slots: number;
  seed: number;
  pause: Pause;
}

/** What `work` gives; what `pause` throws ends it, through the signal. */
async function pausing<T>(pause: Pause, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let isOver = false;
  const watch = async () => {
    while (!isOver) {
      try {
        await pause();
      } catch (reason) {
        controller.abort(reason);
        return;
      }
      await setTimeout(50, undefined, { ref: false });
    }
  };
  void watch();
  try {
    return await work(controller.signal);
  } finally {
    isOver = true;
  }
}

export interface RewardedAnswer extends Pick<SampledAnswerState, 'ids' | 'finished' | 'reward'> {
  logprobs: number[];
}

/** Answers to prompts, with their rewards. @throws UserError naming the row of a reward that is none */
export async function rewardedAnswers(
  model: LanguageModel,
  prompts: readonly PromptToLearn[],
  { samples, temperature }: { samples: number; temperature: number },
  { tokenizer, scorer, stopIds, maxTokens, slots, seed, pause }: SamplingContext,
): Promise<RewardedAnswer[][]> {
  const sampled = await pausing(pause, (signal) =>
    sampleAnswers(
      model,
      prompts.map(({ ids }) => ids),
      {
        samples,
        temperature,
        seed,
        maxTokens,
        slots,
        stopIds,
        signal,
        vocabularyLimit: tokenizer.vocabSize,
        keys: prompts.map((_, i) => i), // a prompt may be there twice, and has other answers then
      },
    ),
  );
  const found: RewardedAnswer[][] = [];
  for (const [i, answers] of sampled.entries()) {
    await pause();
    const texts = answers.map(({ ids, finished }) => tokenizer.decode(finished ? ids.slice(0, -1) : ids));
    const rewards = await scoreAnswers(scorer, prompts[i]!, texts);
    found.push(answers.map((answer, k) => ({ ...answer, reward: rewards[k]! })));
  }
  return found;
}

const meanOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** @param chosen which of all prompts are answered */
export async function sampleRollout(
  model: LanguageModel,
  all: readonly PromptToLearn[],
  chosen: readonly number[],
  { index, samples, scaleRewards }: { index: number; samples: number; scaleRewards: boolean },
  context: SamplingContext,
): Promise<Rollout> {
  const began = performance.now();
  const prompts = chosen.map((each) => all[each]!);
  const seed = deriveSeed(context.seed, 'answers', index);
  const groups = await rewardedAnswers(model, prompts, { samples, temperature: 1 }, { ...context, seed });
  const seconds = (performance.now() - began) / 1000;
  const judged = groups.map((group) =>
    groupAdvantages(
      group.map(({ reward }) => reward),
      scaleRewards,
    ),
  );
  const answers = groups.flatMap((group, g) =>
    group.map(
      ({ ids, finished, reward, logprobs }, i): SampledAnswerState => ({
        prompt: chosen[g]!,
        ids,
        finished,
        reward,
        advantage: judged[g]!.advantages[i]!,
        sampled: logprobs,
      }),
    ),
  );
  const tokens = answers.reduce((sum, { ids }) => sum + ids.length, 0);
  return {
    index,
    answers,
    metrics: {
      reward: meanOf(judged.map(({ mean }) => mean)),
      rewardStd: meanOf(judged.map(({ std }) => std)),
      groupsWithoutSignal: meanOf(judged.map(({ silent }) => Number(silent))),
      answerTokens: tokens / answers.length,
      finished: meanOf(answers.map(({ finished }) => Number(finished))),
      sampledTokensPerSecond: tokens / seconds,
    },
  };
}
