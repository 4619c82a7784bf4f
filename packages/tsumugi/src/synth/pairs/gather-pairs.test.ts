// What is counted of answers, and why a prompt gives no pair: by hand.
import { expect, it } from 'vitest';
import type { ChatTemplate, Tokenizer } from '../../text/index.ts';
import { ruleScorer } from '../scores/index.ts';
import type { KeptAnswer } from './answer-log.ts';
import { PairGatherer } from './gather-pairs.ts';

const tokenizer = { encode: (text: string) => [...text.trim()].map((letter) => letter.codePointAt(0)!) };
const gatherer = (pairsPerPrompt = 1) =>
  new PairGatherer({
    template: {} as ChatTemplate,
    tokenizer: tokenizer as unknown as Tokenizer,
    scorer: ruleScorer('number'),
    pairsPerPrompt,
  });
const prompt = {
  prompt: '1+1=',
  values: {},
  source: { file: 'p.jsonl', row: 1 },
  ids: Int32Array.of(1, 2, 3),
  sha256: 'x',
};
/** A text with its score; without one it got none. "…" at the end: it was cut off. */
const answer = (text: string, score: number | null = null): KeptAnswer => {
  const finished = !text.endsWith('…');
  return {
    text,
    finished,
    tokens: text.length + 1,
    logprob: -1,
    score,
    ...(finished && score === null && text.trim() !== '' && !text.includes('\ufffd') && { failure: 'no mark' }),
  };
};
const add = (gathering: PairGatherer, ...answers: KeptAnswer[]) =>
  gathering.add(prompt, { prompt: 0, answers }).map(({ places }) => places);

it.each([
  ['cutOff', [answer('2…'), answer('3…'), answer('4', 1)]],
  ['empty', [answer(''), answer(' '), answer('2', 1)]],
  ['empty', [answer('\ufffd'), answer('2', 1), answer('3…')]],
  ['notScored', [answer('2'), answer('3'), answer('2', 1)]],
  ['same', [answer('2', 1), answer('2 ', 1), answer(' 2', 1)]],
  ['equal', [answer('2', 1), answer('two 2', 1)]],
] as const)('no pair: %s', (reason, answers) => {
  const gathering = gatherer();
  expect(add(gathering, ...answers)).toEqual([]);
  const none = { cutOff: 0, empty: 0, notScored: 0, same: 0, equal: 0 };
  expect(gathering.counts.withoutPair).toEqual({ ...none, [reason]: 1 });
});

it('counts over all prompts', () => {
  const gathering = gatherer(2);
  expect(add(gathering, answer('3…'), answer('2', 1), answer('7'), answer('5', 0), answer('2 ', 1))).toEqual([[1, 3]]);
  expect(add(gathering, answer('4', 0), answer('5', 0), answer('6', 0), answer(''), answer('9', 0))).toEqual([]);
  const { withoutPair: _, ...counts } = gathering.counts;
  expect(counts).toEqual({
    prompts: 2,
    pairs: 1,
    answers: 10,
    tokens: 3 + 2 + 2 + 2 + 3 + 2 + 2 + 2 + 1 + 2,
    cutOff: 1,
    scored: 7,
    failed: 1,
    meanScore: 2 / 7,
    meanTokens: 3 + (2 + 2) / 2,
    distinct: (5 + 5) / 2,
    passAt1: expect.closeTo((2 / 5 + 0) / 2, 12),
    passAtAll: 1 / 2,
  });
});
