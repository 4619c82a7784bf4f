// Regular expressions as grammars: what JavaScript and JSON schema write, without what looks around, back, or at the text's borders.
import { type CharacterSet, complement, single, spell, spellInJson, union } from './characters.ts';
import { grammarError, Rules } from './ebnf.ts';

const MAX_DEPTH = 64;
const digits: CharacterSet = [[0x30, 0x39]];
/** Of `\w`. */
const wordCharacters: CharacterSet = union([digits, [[0x41, 0x5a]], [[0x61, 0x7a]], single('_')]);
const blanks: CharacterSet = union([
  [[9, 13]],
  [...' \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff'].map((each) => single(each)[0]!),
  [[0x2000, 0x200a]],
]);
const lineEnds: CharacterSet = union([...'\n\r\u2028\u2029'].map(single));
const named: Readonly<Record<string, CharacterSet>> = {
  d: digits,
  w: wordCharacters,
  s: blanks,
  D: complement(digits),
  W: complement(wordCharacters),
  S: complement(blanks),
};
const control: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', 0: '\0' };

/** A grammar of the texts that a regular expression matches from end to end. @throws DataError saying what and where */
export function regexGrammar(pattern: string): string {
  const rules = new Rules();
  return rules.text(new RegexReader(pattern, rules, spell, 'the regular expression').read());
}

/** The part of a grammar that a pattern is within a JSON string. @param where who asks for it, for errors */
export const jsonPattern = (pattern: string, rules: Rules, where: string): string =>
  new RegexReader(pattern, rules, spellInJson, where).read();

class RegexReader {
  readonly #characters: readonly string[];
  readonly #rules: Rules;
  readonly #spell: (set: CharacterSet) => string[];
  readonly #where: string;
  #place = 0;
  #depth = 0;

  constructor(pattern: string, rules: Rules, spell: (set: CharacterSet) => string[], where: string) {
    this.#characters = [...pattern];
    this.#rules = rules;
    this.#spell = spell;
    this.#where = where;
  }

  read(): string {
    const body = this.#alternatives();
    if (this.#next !== undefined) throw this.#refuse('has a ) without its (');
    return body;
  }

  get #next(): string | undefined {
    return this.#characters[this.#place];
  }

  #refuse(what: string, remedy = 'Write it otherwise.') {
    return grammarError(`${this.#where} ${what} at character ${this.#place + 1}`, remedy, {
      character: this.#place + 1,
    });
  }

  #takes(text: string): boolean {
    const found = [...text].every((each, i) => this.#characters[this.#place + i] === each);
    if (found) this.#place += [...text].length;
    return found;
  }

  #alternatives(): string {
    if (++this.#depth > MAX_DEPTH) throw this.#refuse(`is nested more than ${MAX_DEPTH} deep`);
    const parts = [this.#sequence()];
    while (this.#takes('|')) parts.push(this.#sequence());
    this.#depth--;
    return parts.join(' | ');
  }

  /** Text is matched from end to end, so `^` and `$` say nothing at its borders, and are refused elsewhere. */
  #sequence(): string {
    const parts: string[] = [];
    if (this.#depth === 1) this.#takes('^');
    while (this.#next !== undefined && this.#next !== '|' && this.#next !== ')') {
      if (this.#depth === 1 && this.#next === '$' && [undefined, '|'].includes(this.#characters[this.#place + 1])) {
        this.#place++;
        break;
      }
      parts.push(this.#quantified());
    }
    return parts.length > 0 ? parts.join(' ') : '""';
  }

  #quantified(): string {
    const item = this.#item();
    const bounds = this.#bounds();
    if (!bounds) return item;
    this.#takes('?'); // Lazy: it matches the same texts.
    const isClass = /^\[[^\]]*\]$/.test(item);
    return this.#rules.repeat(isClass ? item : this.#rules.add(item), ...bounds);
  }

  #bounds(): [least: number, most?: number] | undefined {
    if (this.#takes('*')) return [0];
    if (this.#takes('+')) return [1];
    if (this.#takes('?')) return [0, 1];
    const [all, least, comma, most] =
      /^\{(\d{1,6})(,?)(\d{0,6})\}/.exec(this.#characters.slice(this.#place, this.#place + 16).join('')) ?? [];
    if (all === undefined) return undefined;
    this.#place += all.length;
    const bounds: [number, number?] =
      comma === '' ? [Number(least), Number(least)] : most ? [Number(least), Number(most)] : [Number(least)];
    if (bounds[1] !== undefined && bounds[1] < bounds[0])
      throw this.#refuse(`repeats ${all}, at most less than at least,`);
    return bounds;
  }

  #item(): string {
    const character = this.#next!;
    if (character === '(') return this.#group();
    if (character === '[') return this.#set(this.#class());
    if (character === '.') {
      this.#place++;
      return this.#set(complement(lineEnds));
    }
    if (/[*+?]/.test(character)) throw this.#refuse(`repeats nothing with ${character}`);
    if (/[\^$]/.test(character)) throw this.#refuse(`has ${character} within the text`);
    if (/[{}\]]/.test(character))
      throw this.#refuse(`has a ${character} by itself`, `Write \\${character} for the character.`);
    return this.#set(this.#escape());
  }

  #set(set: CharacterSet): string {
    const spelled = this.#spell(set);
    if (spelled.length === 0) throw this.#refuse('has a set without a character that can be written, before what is');
    return spelled.length === 1 && /^\[[^\]]*\]$/.test(spelled[0]!) ? spelled[0]! : `(${spelled.join(' | ')})`;
  }

  #group(): string {
    this.#place++;
    if (this.#takes('?')) {
      const name = /^<[A-Za-z_]\w*>/.exec(this.#characters.slice(this.#place, this.#place + 64).join(''))?.[0];
      if (name) this.#place += name.length;
      else if (!this.#takes(':'))
        throw this.#refuse('looks around, or has a flag,', 'Leave it out: groups are ( ), (?: ) and (?<name> ).');
    }
    const body = this.#alternatives();
    if (!this.#takes(')')) throw this.#refuse('has a ( without its )');
    return `(${body})`;
  }

  #class(): CharacterSet {
    this.#place++;
    const negated = this.#takes('^');
    const parts: CharacterSet[] = [];
    while (!this.#takes(']')) {
      if (this.#next === undefined) throw this.#refuse('has a [ without its ]');
      const first = this.#escape();
      const isRange = this.#next === '-' && ![']', undefined].includes(this.#characters[this.#place + 1]);
      if (!isRange) {
        parts.push(first);
        continue;
      }
      this.#place++;
      const last = this.#escape();
      const [from, to] = [first[0]![0], last.at(-1)![1]];
      if (!isSingle(first) || !isSingle(last) || from > to)
        throw this.#refuse('has a range that does not go upward, before what is');
      parts.push([[from, to]]);
    }
    return negated ? complement(union(parts)) : union(parts);
  }

  /** A character, or what a backslash means. */
  #escape(): CharacterSet {
    const character = this.#characters[this.#place++]!;
    if (character !== '\\') return single(character);
    const letter = this.#characters[this.#place++];
    if (letter === undefined) throw this.#refuse('ends in a backslash');
    if (letter in named) return named[letter]!;
    if (letter in control) return single(control[letter]!);
    const hex = { x: 2, u: 4 }[letter];
    if (hex !== undefined) {
      const code = this.#characters.slice(this.#place, this.#place + hex).join('');
      this.#place += hex;
      if (code.length === hex && /^[0-9A-Fa-f]+$/.test(code))
        return [[Number.parseInt(code, 16), Number.parseInt(code, 16)]];
      throw this.#refuse(`has a \\${letter} without ${hex} hexadecimal digits, before what is`);
    }
    if (/[A-Za-z1-9]/.test(letter)) {
      this.#place -= 2;
      throw this.#refuse(
        `has \\${letter}, which is not known here,`,
        'Known are \\d \\w \\s \\D \\W \\S \\n \\r \\t \\f \\v \\0 \\xHH and \\uHHHH.',
      );
    }
    return single(letter);
  }
}

const isSingle = (set: CharacterSet): boolean => set.length === 1 && set[0]![0] === set[0]![1];
