// Grammars in the EBNF of XGrammar: rules `name ::= body`, literals in quotes, classes in brackets, `|`, `*`, `+`, `?`, `{n,m}`.
import { DataError } from '../../base/index.ts';

/** Characters of a grammar. The largest schemas in use come to a tenth of it. */
export const MAX_GRAMMAR_CHARACTERS = 2 ** 17;
/**
 * Places that repetitions of a fixed number of times take in a grammar: `{0,9}` takes nine. Compiling one takes 20 ms with a
 * vocabulary of 100,000, and what waits for the same thread waits for all of them.
 */
export const MAX_GRAMMAR_REPEATS = 256;

/** The code of errors about schemas, regular expressions and grammars that text cannot be held to. */
export const BAD_GRAMMAR = 'bad-grammar';

/** A grammar that cannot be had: what, where, and what to do. */
export const grammarError = (message: string, remedy: string, fields: Record<string, unknown> = {}): DataError =>
  new DataError(BAD_GRAMMAR, message, { remedy, fields });

/** A text as it is. */
export const literal = (text: string): string => `"${Array.from(text, escaped).join('')}"`;

/** One character in a literal or a class. */
export function escaped(character: string): string {
  if (/[A-Za-z0-9]/.test(character)) return character;
  const code = character.codePointAt(0)!;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** Rules that are being put together. */
export class Rules {
  readonly #rules: string[] = [];
  readonly #named = new Map<string, string>();
  #characters = 0;
  #repeats = 0;

  /** Adds a rule, whose body may name itself. @returns its name */
  add(body: string | ((name: string) => string), lookahead = ''): string {
    const name = this.reserve();
    this.define(name, typeof body === 'string' ? body : body(name), lookahead);
    return name;
  }

  /** A name whose rule comes later. */
  reserve(): string {
    return `r${this.#rules.push('') - 1}`;
  }

  define(name: string, body: string, lookahead = ''): void {
    const rule = `${name} ::= (${body})${lookahead && ` (=${lookahead})`}`;
    this.#characters += rule.length;
    if (this.#characters > MAX_GRAMMAR_CHARACTERS)
      throw tooLarge(`makes a grammar of more than ${MAX_GRAMMAR_CHARACTERS} characters`);
    this.#rules[Number(name.slice(1))] = rule;
  }

  /** A rule that is needed in several places, made once. */
  shared(key: string, body: () => string, lookahead = ''): string {
    const known = this.#named.get(key);
    if (known !== undefined) return known;
    const name = this.reserve();
    this.#named.set(key, name);
    this.define(name, body(), lookahead);
    return name;
  }

  /** `item` from `least` to `most` times. */
  repeat(item: string, least: number, most = Number.POSITIVE_INFINITY): string {
    const bounded = most === Number.POSITIVE_INFINITY ? least : most;
    this.#repeats += bounded > 1 ? bounded : 0;
    if (this.#repeats > MAX_GRAMMAR_REPEATS) throw countsTooFar('its limits of lengths');
    if (most === 0) return '""';
    if (most === Number.POSITIVE_INFINITY)
      return least === 0 ? `${item}*` : least === 1 ? `${item}+` : `${item}{${least},}`;
    return least === 0 && most === 1 ? `${item}?` : `${item}{${least},${most}}`;
  }

  /** The grammar, which begins with `root`. */
  text(root: string): string {
    return [`root ::= ${root}`, ...this.#rules].join('\n');
  }
}

const tooLarge = (what: string) =>
  grammarError(`what is asked ${what}`, 'Ask for less: fewer alternatives, smaller limits.');

const countsTooFar = (where: string) =>
  grammarError(
    `what is asked counts to more than ${MAX_GRAMMAR_REPEATS} in ${where} together`,
    `Keep the sum of maxLength, maxItems and {n,m} to ${MAX_GRAMMAR_REPEATS}: leave the largest out, and check the text.`,
  );

/** A grammar from outside, looked at before anybody reads it. @throws DataError for one that is too large */
export function checkedGrammar(grammar: string): string {
  if (grammar.length > MAX_GRAMMAR_CHARACTERS)
    throw tooLarge(`is a grammar of more than ${MAX_GRAMMAR_CHARACTERS} characters`);
  if (!grammar.isWellFormed())
    throw grammarError('the grammar holds half of a surrogate pair, which no text can', 'Write whole characters.');
  let repeats = 0;
  for (const [, least, most] of grammar.matchAll(/\{\s*(\d+)\s*,?\s*(\d*)\s*\}/g))
    repeats += Math.max(Number(least), Number(most));
  if (repeats > MAX_GRAMMAR_REPEATS) throw countsTooFar('its repetitions');
  return grammar;
}
