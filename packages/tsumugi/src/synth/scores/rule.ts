// Rules: an answer is right (1) or wrong (0) by what the row says it should be.
import { DataError, sha256 } from '../../base/index.ts';
import { exactMatch, readAnswer, readTarget } from '../../eval/index.ts';
import { referencesOf, type Scorer } from './scorer.ts';

/** What stands raised or lowered, alone or with a unit, is no number of its own: NFKC makes "12cm2" of "12cm²". */
const raised = /[²³¹⁰-ₜ㎟-㎦㎨㎯]/gu;
/** The same in plain digits, of units of area and volume. */
const power = /(?<=\d\s*[cdkm]?m\^?)[23](?!\d|[.,]\d)/g;

/** A sign (which after a digit, a Latin letter or a bracket is a hyphen), digits with or without commas between groups, a fraction,
 * an exponent. */
const number =
  /(?:(?<![\p{Script=Latin}\d)])[-−])?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<![\p{L}\d.])\.\d+)(?:[eE][-+]?\d+(?![\p{Script=Latin}\d]))?/gu;

/** The last number in a text, in digits of any width; undefined where there is none. */
export function lastNumber(text: string): number | undefined {
  const found = [...text.replace(raised, ' ').normalize('NFKC').replace(power, ' ').matchAll(number)].at(-1)?.[0];
  return found === undefined ? undefined : Number(found.replaceAll(',', '').replace('−', '-'));
}

const rules = {
  /** The whole answer, as llm-jp-eval reads it: up to the first blank line, stripped, in NFKC. */
  exact: (answer: string, reference: string) => exactMatch(readAnswer(answer), readTarget(reference).trim()) === 1,
  /** The last number in the answer is the last number in the reference. */
  number: (answer: string, reference: string) => lastNumber(answer) === lastNumber(reference),
} as const;

export type RuleName = keyof typeof rules;
export const ruleNames = Object.keys(rules) as RuleName[];

/** @param field of the row that has the right answer, or a list of them */
export function ruleScorer(rule: RuleName, field = 'answer'): Scorer {
  return {
    name: `${rule} (${field})`,
    hash: sha256(`rule 2 ${JSON.stringify([rule, field])}`),
    right: 1,
    check(row) {
      for (const reference of referencesOf(row, field))
        if (rule === 'number' && lastNumber(reference) === undefined)
          throw new DataError('no-reference', `${field} has no number: ${JSON.stringify(reference.slice(0, 40))}`, {
            remedy: 'Write the number there, name another field, or score by "exact".',
            fields: { field },
          });
    },
    async score(items) {
      return items.map(({ answer, row }) =>
        referencesOf(row, field).some((reference) => rules[rule](answer, reference)) ? 1 : 0,
      );
    },
  };
}
