// Helpfulness: the largest length-discounted score at which an answer has said everything it should.
import { discount } from './fluency.ts';
import type { Rule } from './questions.ts';

/** Characters of an answer that are looked at. */
const LENGTH = 200;
/** End of a match that there is none of: beyond every answer. */
const NOWHERE = 9999;

/** Something that lowered the score: the text that was missed (or the excess of length), and what was left of the score. */
export type Shortcoming = [name: string, factor: number];

interface Match {
  end: number;
  name: string;
}

/** Where a rule is fulfilled, in code points, and the text that decided it. */
function match(answer: string, rule: Rule): Match {
  if (rule.kind === 'text') {
    const at = answer.indexOf(rule.text);
    return { end: at < 0 ? NOWHERE : Array.from(answer.slice(0, at + rule.text.length)).length, name: rule.text };
  }
  const parts = rule.rules.map((part) => match(answer, part));
  return parts.reduce(rule.kind === 'and' ? (a, b) => (b.end > a.end ? b : a) : (a, b) => (b.end < a.end ? b : a));
}

/** @param codePoints of the answer */
export function helpfulness(
  codePoints: readonly number[],
  rules: readonly Rule[],
): { score: number; shortcomings: Shortcoming[] } {
  const looked = codePoints.slice(0, LENGTH);
  const answer = String.fromCodePoint(...looked);
  const scores = Array.from({ length: looked.length + 1 }, (_, i) => discount(i)).filter((score) => score >= 0);
  const results = rules.map((rule) => ({ ...match(answer, rule), factor: 1 - rule.importance }));
  for (const { end, factor } of results) for (let i = 0; i < Math.min(scores.length, end); i++) scores[i]! *= factor;
  const score = Math.max(...scores);
  const at = scores.lastIndexOf(score);
  const shortcomings = results.filter(({ end }) => at < end).map(({ name, factor }): Shortcoming => [name, factor]);
  if (at > 100 && score > 0) shortcomings.push([`${at - 100}字超過`, discount(at)]);
  return { score, shortcomings };
}
