// The pairs out of answers that are scored, and what became of the prompts without one.
import { passAtK } from '../../eval/index.ts';
import { type ChatTemplate, encodeAnswer, type Tokenizer } from '../../text/index.ts';
import type { Scorer } from '../scores/index.ts';
import type { AnsweredPrompt, KeptAnswer } from './answer-log.ts';
import { isUsable } from './answer-prompts.ts';
import { pairAnswers } from './pair-answers.ts';
import type { PromptToAnswer } from './prompts-to-answer.ts';

/** Why a prompt gives no pair. */
export const reasons = {
  cutOff: 'fewer than two answers ended within maxTokens',
  empty: 'fewer than two answers are whole text',
  notScored: 'fewer than two answers got a score',
  same: 'all answers are the same',
  equal: 'all scores are equal',
} as const;
export type WithoutPair = Record<keyof typeof reasons, number>;

export interface AnswerCounts {
  prompts: number;
  pairs: number;
  answers: number;
  tokens: number;
  /** Answers that did not end within maxTokens. */
  cutOff: number;
  /** Answers that were scored. */
  scored: number;
  /** Whole answers that got no score. */
  failed: number;
  /** Of the scored answers. */
  meanScore: number;
  /** Of a prompt with one of its answers, over all pairs. */
  meanTokens: number;
  /** Different answers to a prompt, in the mean. */
  distinct: number;
  /** The share of the prompts that one answer, and that any of them, gets right; where answers are right or wrong. */
  passAt1: number | undefined;
  passAtAll: number | undefined;
  withoutPair: WithoutPair;
}

interface Pairing {
  readonly template: ChatTemplate;
  readonly tokenizer: Tokenizer;
  readonly scorer: Scorer;
  readonly pairsPerPrompt: number;
}

export interface FoundPair {
  readonly prompt: PromptToAnswer;
  /** Places among the prompt's answers, the better first. */
  readonly places: readonly [number, number];
  readonly answers: readonly [KeptAnswer, KeptAnswer];
}

/** Goes through the answers once. */
export class PairGatherer {
  readonly #pairing: Pairing;
  readonly #withoutPair: WithoutPair = { cutOff: 0, empty: 0, notScored: 0, same: 0, equal: 0 };
  readonly #sums = { prompts: 0, pairs: 0, answers: 0, tokens: 0, cutOff: 0, scored: 0, failed: 0 };
  #score = 0;
  #distinct = 0;
  #pairTokens = 0;
  #pass: [one: number, all: number] = [0, 0];

  constructor(pairing: Pairing) {
    this.#pairing = pairing;
  }

  add(prompt: PromptToAnswer, { answers }: AnsweredPrompt): FoundPair[] {
    this.#count(answers);
    const whole = answers.filter(({ finished }) => finished);
    const usable = whole.filter(isUsable);
    const scored = usable.filter(({ score }) => score !== null);
    const candidates = scored.map(({ text, score }) => ({ key: this.#keyOf(prompt, text), score: score! }));
    const distinct = new Set(candidates.map(({ key }) => key)).size;
    const pairs = pairAnswers(candidates, this.#pairing.pairsPerPrompt);
    this.#sums.pairs += pairs.length;
    if (pairs.length === 0)
      this.#withoutPair[
        whole.length < 2
          ? 'cutOff'
          : usable.length < 2
            ? 'empty'
            : scored.length < 2
              ? 'notScored'
              : distinct < 2
                ? 'same'
                : 'equal'
      ]++;
    return pairs.map(({ chosen, rejected }): FoundPair => {
      const both = [scored[chosen]!, scored[rejected]!] as const;
      this.#pairTokens += prompt.ids.length + (both[0].tokens + both[1].tokens) / 2;
      return { prompt, answers: both, places: [answers.indexOf(both[0]), answers.indexOf(both[1])] };
    });
  }

  /** An answer as training will see it: what is the same there is one answer. */
  #keyOf({ prompt }: PromptToAnswer, text: string): string {
    const { template, tokenizer } = this.#pairing;
    const ids =
      typeof prompt === 'string'
        ? tokenizer.encode(text, { safe: true })
        : encodeAnswer(template, tokenizer, prompt, { role: 'assistant', content: text });
    return ids.join();
  }

  #count(answers: readonly KeptAnswer[]): void {
    const sums = this.#sums;
    sums.prompts++;
    sums.answers += answers.length;
    for (const answer of answers) {
      sums.tokens += answer.tokens;
      if (!answer.finished) sums.cutOff++;
      if (answer.score !== null) sums.scored++;
      if (answer.failure !== undefined) sums.failed++;
      this.#score += answer.score ?? 0;
    }
    this.#distinct += new Set(answers.map(({ text }) => text)).size;
    const { right } = this.#pairing.scorer;
    const correct = answers.filter(({ score }) => score !== null && score === right).length;
    this.#pass[0] += passAtK(answers.length, correct, 1);
    this.#pass[1] += passAtK(answers.length, correct, answers.length);
  }

  get counts(): AnswerCounts {
    const { prompts, scored } = this.#sums;
    const known = this.#pairing.scorer.right !== undefined;
    return {
      ...this.#sums,
      meanScore: this.#score / scored,
      meanTokens: this.#pairTokens / this.#sums.pairs,
      distinct: this.#distinct / prompts,
      passAt1: known ? this.#pass[0] / prompts : undefined,
      passAtAll: known ? this.#pass[1] / prompts : undefined,
      withoutPair: { ...this.#withoutPair },
    };
  }
}
