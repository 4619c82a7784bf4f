// A model's answers to prompts, with what each is worth, group by group into the log.
import type { LanguageModel } from '../../lm/index.ts';
import { sampleAnswers } from '../../lm/index.ts';
import type { Tokenizer } from '../../text/index.ts';
import type { ScoreItem, Scorer } from '../scores/index.ts';
import type { AnsweredPrompt, AnswerLog, KeptAnswer } from './answer-log.ts';
import type { PairsConfig } from './pairs-config.ts';
import type { PromptToAnswer } from './prompts-to-answer.ts';

/** What a decoder writes for bytes that are no whole character. */
const BROKEN = '\ufffd';

/** Answers of a group: enough to keep the engine's places filled, and not too many to be lost by a kill. */
const ROUNDS = 8;

export const promptsPerGroup = ({ slots, samples }: Pick<PairsConfig, 'slots' | 'samples'>): number =>
  Math.max(1, Math.floor((ROUNDS * slots) / samples));

/** An answer that training can be given, and that is worth scoring: whole, and with something in it. */
export const isUsable = ({ text, finished }: Pick<KeptAnswer, 'text' | 'finished'>): boolean =>
  finished && text.trim() !== '' && !text.includes(BROKEN);

export interface AnswerContext {
  readonly config: PairsConfig;
  readonly tokenizer: Tokenizer;
  readonly scorer: Scorer;
  /** Why answers got no score. */
  readonly failures: ReadonlyMap<ScoreItem, string>;
  readonly stopIds: readonly number[];
  readonly signal: AbortSignal | undefined;
  onGroup(done: number): void;
}

/** Answers the prompts that the log lacks. @throws the signal's reason */
export async function answerPrompts(
  model: LanguageModel,
  prompts: readonly PromptToAnswer[],
  log: AnswerLog,
  context: AnswerContext,
): Promise<void> {
  const { config, tokenizer, stopIds, signal } = context;
  const { samples, maxTokens, temperature, topP, seed, slots } = config;
  const size = promptsPerGroup(config);
  while (log.done < prompts.length) {
    const first = log.done;
    const group = prompts.slice(first, first + size);
    const sampled = await sampleAnswers(
      model,
      group.map(({ ids }) => ids),
      { samples, maxTokens, temperature, topP, seed, slots, stopIds, signal, vocabularyLimit: tokenizer.vocabSize },
    );
    const answered = sampled.map((answers, i): AnsweredPrompt => {
      const kept = answers.map(({ ids, finished, logprobs }): KeptAnswer => {
        const text = tokenizer.decode(finished ? ids.slice(0, -1) : ids);
        return { text, finished, tokens: ids.length, logprob: logprobs.reduce((a, b) => a + b, 0), score: null };
      });
      return { prompt: first + i, answers: kept };
    });
    await score(answered, group, context);
    log.add(answered);
    context.onGroup(log.done);
  }
}

async function score(
  answered: readonly AnsweredPrompt[],
  group: readonly PromptToAnswer[],
  { scorer, failures }: AnswerContext,
): Promise<void> {
  const answers = answered.flatMap((each, i) =>
    each.answers.filter(isUsable).map((answer) => ({ answer, item: itemOf(group[i]!, answer.text) })),
  );
  const scores = await scorer.score(answers.map(({ item }) => item));
  for (const [i, { answer, item }] of answers.entries()) {
    const failure = failures.get(item);
    if (Number.isFinite(scores[i])) answer.score = scores[i]!;
    else answer.failure = failure ?? 'the score is no number';
  }
}

const itemOf = ({ prompt, values }: PromptToAnswer, answer: string): ScoreItem => ({
  prompt: typeof prompt === 'string' ? prompt : prompt.messages,
  answer,
  row: values,
});
