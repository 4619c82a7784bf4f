// Grammars of JSON values. Between them stands at most one blank, behind `:` and `,`: what `JSON.stringify` writes, or Python's
// `json.dumps`. A value has few spellings, so that little is left to choose that says nothing.
import { inJson, spellInJson } from './characters.ts';
import { escaped, literal, type Rules } from './ebnf.ts';
import { DIGITS, digits } from './numbers.ts';

/** What comes behind a string: masks are computed many times faster where that is known. */
const BEHIND_STRING = `[${[...',}]:'].map(escaped).join('')}]`;
const quote = literal('"');
/** A blank that may be left out. */
const blank = `${literal(' ')}?`;
export const colon = `${literal(':')} ${blank}`;
export const comma = `${literal(',')} ${blank}`;

export const stringCharacter = (rules: Rules): string =>
  rules.shared('character', () => spellInJson(inJson).join(' | '));

/** A string of what `body` matches. */
export const quoted = (rules: Rules, body: string): string => rules.add(`${quote} (${body}) ${quote}`, BEHIND_STRING);

/** Any string. */
export const anyString = (rules: Rules): string =>
  rules.shared('string', () => {
    const rest = rules.add(
      (name) => [quote, ...spellInJson(inJson).map((each) => `${each} ${name}`)].join(' | '),
      BEHIND_STRING,
    );
    return `${quote} ${rest}`;
  });

/** Up to 15 digits, which a double holds exactly, and an exponent that does not leave its range. */
export const anyNumber = (rules: Rules): string =>
  rules.shared('number', () => {
    const fraction = `(${literal('.')} ${digits(1, DIGITS)})?`;
    return `${literal('-')}? ${wholeDigits} ${fraction} ([eE] [${escaped('+')}${escaped('-')}]? [0-9] [0-9]?)?`;
  });

const wholeDigits = `("0" | [1-9] ${digits(0, DIGITS - 1)})`;
export const anyInteger = (rules: Rules): string =>
  rules.shared('integer', () => `"0" | ${literal('-')}? [1-9] ${digits(0, DIGITS - 1)}`);

export const anyObject = (rules: Rules): string =>
  rules.shared('object', () => objectOf(anyString(rules), anyValue(rules)));

/** An object of any number of pairs. */
export const objectOf = (key: string, value: string): string => {
  const pair = `${key} ${colon} ${value}`;
  return `${literal('{')} (${pair} (${comma} ${pair})*)? ${literal('}')}`;
};

export const anyArray = (rules: Rules): string => rules.shared('array', () => arrayOf(rules, anyValue(rules)));

/** An array of so many values. */
export function arrayOf(rules: Rules, item: string, least = 0, most = Number.POSITIVE_INFINITY): string {
  if (most === 0) return literal('[]');
  const more = rules.repeat(`(${comma} ${item})`, Math.max(0, least - 1), most - 1);
  const all = `${item} ${more}`;
  return `${literal('[')} ${least === 0 ? `(${all})?` : all} ${literal(']')}`;
}

export const anyValue = (rules: Rules): string =>
  rules.shared('value', () =>
    [anyString, anyNumber, anyObject, anyArray]
      .map((of) => of(rules))
      .concat(['true', 'false', 'null'].map(literal))
      .join(' | '),
  );
