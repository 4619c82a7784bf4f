// Grammars from outside, with their classes of characters spelled in bytes (characters.ts). All else is XGrammar's to read.
import { type CharacterSet, complement, spell, union } from './characters.ts';
import { grammarError } from './ebnf.ts';

const token = /"(?:\\.|[^"\\\n])*"|#[^\n]*|\[(?:\\.|[^\]\\])*\]|./gsu;
const element =
  /\\x(?<x>[0-9A-Fa-f]{2})|\\u(?<u>[0-9A-Fa-f]{4})|\\U(?<U>[0-9A-Fa-f]{8})|\\(?<escaped>.)|(?<plain>.)/suy;
const control: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', b: '\b', 0: '\0' };

/** @throws DataError for a class that cannot be read */
export const spellClasses = (grammar: string): string =>
  grammar.replaceAll(token, (text, place: number) =>
    text.startsWith('[') && text.length > 1 ? `(${classAlternatives(text, grammar, place)})` : text,
  );

function classAlternatives(text: string, grammar: string, place: number): string {
  const refuse = (what: string) => {
    const line = grammar.slice(0, place).split('\n').length;
    return grammarError(
      `the grammar has ${text} in line ${line}, ${what}`,
      'Write a class such as [a-zぁ-ん] or [^"].',
    );
  };
  const negated = text[1] === '^';
  const end = text.length - 1;
  const parts: CharacterSet[] = [];
  element.lastIndex = negated ? 2 : 1;
  const next = (): number => {
    const { x, u, U, escaped, plain } = element.exec(text)!.groups!;
    const code = x ?? u ?? U;
    if (code !== undefined) {
      const point = Number.parseInt(code, 16);
      if (point > 0x10ffff) throw refuse('a character that there is not');
      return point;
    }
    if (escaped !== undefined && /[A-Za-z]/.test(escaped) && !(escaped in control))
      throw refuse(`where \\${escaped} is not known`);
    return (control[escaped ?? ''] ?? escaped ?? plain!).codePointAt(0)!;
  };
  while (element.lastIndex < end) {
    const first = next();
    const isRange = text[element.lastIndex] === '-' && element.lastIndex < end - 1;
    if (isRange) element.lastIndex++;
    const last = isRange ? next() : first;
    if (last < first) throw refuse('a range that does not go upward');
    parts.push([[first, last]]);
  }
  const set = negated ? complement(union(parts)) : union(parts);
  const alternatives = spell(set);
  if (alternatives.length === 0) throw refuse('a class without a character');
  return alternatives.join(' | ');
}
