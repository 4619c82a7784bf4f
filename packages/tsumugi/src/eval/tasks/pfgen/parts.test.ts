// Fluency, truthfulness and helpfulness against straightforward implementations of their description, digit for digit.
import { describe, expect, it } from 'vitest';
import { helpfulness } from './helpfulness.ts';
import { randomTexts } from './pfgen.testing.ts';
import type { Rule } from './questions.ts';
import { roundDecimal } from './rounding.ts';
import { AnswerScorer, buildTables, codePointsOf } from './score.ts';

const MARKS = '^$、。・「」『』（）【】［］〈〉《》';
const discountAt = (n: number) => 1 - Math.max(n - 100, 0) / 50;

/** Step by step the substrings that are new, over `^text$` (cut to `cut` code points). */
function* newSubstrings(text: string, cut = Number.POSITIVE_INFINITY) {
  const wrapped = Array.from(`^${text}$`).slice(0, cut);
  const seen = new Set<string>();
  for (let p = 1; p <= wrapped.length - 1; p++) {
    const fresh: string[] = [];
    for (let n = 1; n <= Math.min(10, p - 1); n++) {
      const gram = wrapped.slice(p - n, p).join('');
      if (!seen.has(gram)) fresh.push(gram);
      seen.add(gram);
    }
    yield fresh;
  }
}

class ByHand {
  dist = new Map<string, number>();
  baseline = 1;
  texts: readonly string[];

  constructor(texts: readonly string[]) {
    this.texts = texts;
    for (const text of texts)
      for (const fresh of newSubstrings(text))
        for (const gram of fresh) this.dist.set(gram, (this.dist.get(gram) ?? 0) + 1);
    let total = 0;
    for (const text of texts) total += this.fluency(text);
    this.baseline = total / texts.length;
  }

  fluency(answer: string): number {
    let [total, best, m] = [0, 0, 0];
    for (const fresh of newSubstrings(answer, 202)) {
      for (const gram of fresh) total += this.dist.get(gram) ?? 0;
      if (m >= 1) best = Math.max(best, (total * discountAt(m)) / this.baseline);
      m++;
    }
    return best;
  }

  truthfulness(answer: string): number {
    const text = Array.from(`^${answer}$`).slice(0, 202);
    let [total, count, score, best] = [0, 0, 0, 0];
    text.forEach((character, n) => {
      if (MARKS.includes(character)) return;
      const covering = [n - 2, n - 1, n]
        .filter((i) => i >= 0 && i + 3 <= text.length)
        .map((i) => this.dist.get(text.slice(i, i + 3).join('')) ?? 0);
      total += Math.min(1, (Math.max(0, ...covering) / this.texts.length) * 200);
      count++;
      score = (total / count) * discountAt(n);
      if (n >= 100) best = Math.max(best, score);
    });
    return Math.max(best, score);
  }
}

/** How far an answer must go until a rule is fulfilled. */
function endOf(answer: string, rule: Rule): number {
  if (rule.kind !== 'text') {
    const ends = rule.rules.map((part) => endOf(answer, part));
    return rule.kind === 'and' ? Math.max(...ends) : Math.min(...ends);
  }
  const [before] = answer.split(rule.text);
  return before === answer && rule.text !== '' ? 9999 : Array.from(before! + rule.text).length;
}

function helpfulnessByHand(whole: string, rules: readonly Rule[]): number {
  const answer = Array.from(whole).slice(0, 200);
  const curve: number[] = [];
  for (let i = 0; i <= answer.length; i++) {
    let value = discountAt(i);
    if (value < 0) break;
    for (const rule of rules) if (i < endOf(answer.join(''), rule)) value *= 1 - rule.importance;
    curve.push(value);
  }
  return Math.max(...curve);
}

const text = (value: string, importance = 1): Rule => ({ kind: 'text', text: value, importance });
const rules: Rule[] = [
  text('あい'),
  text('猫🍣', 0.5),
  {
    kind: 'or',
    importance: 0.5,
    rules: [text('、。'), { kind: 'and', importance: 1, rules: [text('う'), text('え')] }],
  },
  { kind: 'and', importance: 1, rules: [text('𠮷'), { kind: 'or', importance: 1, rules: [text('いい'), text('x')] }] },
];

describe.each([1, 2, 3])('random groups (%d)', (seed) => {
  const groups = new Map([
    ['P', randomTexts(seed, [3, 90, 100, 110, 120, 230, 1])],
    ['T', randomTexts(seed + 50, [0, 100, 101, 100, 100])],
    // Enough texts that a trigram of one of them earns less than full credit.
    ['S', randomTexts(seed + 90, Array<number>(401).fill(12))],
  ]);
  const tables = buildTables({ groups });
  const scorer = new AnswerScorer({ rules }, tables);
  const byHand = new Map(Array.from(groups, ([group, texts]) => [group, new ByHand(texts)]));
  const lengths = [0, 1, 2, 3, 50, 99, 100, 101, 102, 149, 150, 151, 152, 160, 199, 200, 201, 202, 203, 300];

  it('have the baselines of the description', () => {
    for (const { group, baseline } of tables) expect(baseline).toBe(byHand.get(group)!.baseline);
  });

  it('score answers of all lengths as the description says', () => {
    const answers = [
      ...randomTexts(seed + 1000, lengths),
      ...randomTexts(seed + 2000, lengths, 'あい。外の文字'),
      ...groups.get('P')!,
      '、。、。',
      `${'外'.repeat(120)}${groups.get('P')![1]}`,
    ];
    for (const answer of answers) {
      const scores = scorer.score(answer);
      for (const [group, hand] of byHand) {
        expect(scores.fluency[group], answer).toBe(roundDecimal(hand.fluency(answer) / 3, 6));
        expect(scores.truthfulness[group], answer).toBe(roundDecimal(hand.truthfulness(answer) / 3, 6));
      }
      expect(scores.helpfulness, answer).toBe(roundDecimal(helpfulnessByHand(answer, rules), 5));
    }
  });
});

describe('helpfulness', () => {
  const of = (answer: string, ...given: Rule[]) => helpfulness(codePointsOf(answer), given);

  it('is whole when everything is said within a hundred characters', () => {
    expect(of('東京は日本の首都', text('東京'), text('首都'))).toEqual({ score: 1, shortcomings: [] });
  });

  it('names what is missing', () => {
    expect(of('東京', text('東京'), text('首都'), text('日本', 0.5))).toEqual({
      score: 0,
      shortcomings: [
        ['首都', 0],
        ['日本', 0.5],
      ],
    });
  });

  it('counts the excess to the point where all is said', () => {
    const late = `${'あ'.repeat(109)}首都${'い'.repeat(80)}`;
    expect(of(late, text('首都'))).toEqual({ score: 1 - 11 / 50, shortcomings: [['11字超過', 1 - 11 / 50]] });
    expect(of(`${'あ'.repeat(149)}首都`, text('首都')).score).toBe(0);
  });

  it('looks at two hundred characters, and counts them by code points', () => {
    expect(of(`${'🍣'.repeat(98)}首都`, text('首都')).score).toBe(1);
    expect(of(`${'🍣'.repeat(119)}首都`, text('首都')).score).toBe(1 - 21 / 50);
  });

  it('names the part of a rule that decided', () => {
    const either: Rule = { kind: 'or', importance: 1, rules: [text('甲'), text('乙')] };
    const both: Rule = { kind: 'and', importance: 1, rules: [text('甲'), text('乙')] };
    expect(of('丙', either).shortcomings).toEqual([['甲', 0]]);
    expect(of('甲', both).shortcomings).toEqual([['乙', 0]]);
    expect(of('乙', both).shortcomings).toEqual([['甲', 0]]);
  });
});
