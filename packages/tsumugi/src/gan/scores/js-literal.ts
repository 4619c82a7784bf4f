// Data that a bundler wrote into a script: `….exports = {a: 1, b: "…"}`. The value is read, never run: what is downloaded
// stays data. Only literals are understood, with a minifier's spellings (`!0`, `.5`, keys without quotes).
import { FormatError } from '../../base/index.ts';

type Literal = null | boolean | number | string | Literal[] | { [key: string]: Literal };

/** Lists and objects within one another; a model has about ten. */
const DEEPEST = 200;

const tokens = {
  space: /\s*/y,
  number: /-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/iy,
  key: /[\p{ID_Start}$_][\p{ID_Continue}$]*/uy,
  word: /!0|!1|true|false|null/y,
};

const words: Readonly<Record<string, boolean | null>> = {
  '!0': true,
  '!1': false,
  true: true,
  false: false,
  null: null,
};

class Reader {
  readonly #text: string;
  readonly #path: string;
  #place: number;
  #depth = 0;

  constructor(text: string, place: number, path: string) {
    this.#text = text;
    this.#place = place;
    this.#path = path;
  }

  #fail(): never {
    const found = JSON.stringify(this.#text.slice(this.#place, this.#place + 20));
    throw new FormatError('not-literal', `${this.#path}: expected data at character ${this.#place}, found ${found}`, {
      remedy: 'Fetch the package again; another version may be packed in another way.',
      fields: { path: this.#path, place: this.#place },
    });
  }

  #take(token: keyof typeof tokens): RegExpExecArray | null {
    const pattern = tokens[token];
    pattern.lastIndex = this.#place;
    const found = pattern.exec(this.#text);
    if (found) this.#place = pattern.lastIndex;
    return found;
  }

  #sign(sign: string): boolean {
    this.#take('space');
    if (this.#text[this.#place] !== sign) return false;
    this.#place++;
    return true;
  }

  /** Found by hand: a regular expression would need a stack as deep as a shard of five million characters. */
  #string(): string | undefined {
    const from = this.#place;
    if (this.#text[from] !== '"') return undefined;
    let to = from;
    do to = this.#text.indexOf('"', to + 1);
    while (to >= 0 && /(?<!\\)(?:\\\\)*\\$/.test(this.#text.slice(Math.max(from, to - 20), to)));
    if (to < 0) this.#fail();
    this.#place = to + 1;
    const body = this.#text.slice(from + 1, to);
    if (!body.includes('\\')) return body;
    try {
      return JSON.parse(this.#text.slice(from, to + 1)) as string;
    } catch {
      this.#place = from;
      return this.#fail();
    }
  }

  /** Entries up to `end`, with commas between them. */
  #entries<T>(end: string, entry: () => T): T[] {
    const entries: T[] = [];
    if (++this.#depth > DEEPEST) this.#fail();
    while (!this.#sign(end)) {
      if (entries.length > 0 && !this.#sign(',')) this.#fail();
      this.#take('space');
      entries.push(entry());
    }
    this.#depth--;
    return entries;
  }

  value(): Literal {
    if (this.#sign('[')) return this.#entries(']', () => this.value());
    if (this.#sign('{'))
      return Object.fromEntries(
        this.#entries('}', () => {
          const key = this.#string() ?? this.#take('key')?.[0] ?? this.#fail();
          if (!this.#sign(':')) this.#fail();
          return [key, this.value()] as const;
        }),
      );
    const text = this.#string();
    if (text !== undefined) return text;
    const word = this.#take('word');
    if (word) return words[word[0]]!;
    const number = this.#take('number');
    return number ? Number(number[0]) : this.#fail();
  }
}

/** The value of the first `exports = …` in a script. @throws FormatError when there is none, or it is no literal */
export function exportedLiteral(script: string, path: string): Literal {
  const found = /\bexports\s*=\s*(?=["[{])/.exec(script);
  if (!found)
    throw new FormatError('no-exports', `${path} exports no data`, {
      remedy: 'Give the folder of a tfjs layers model: model.json, or model.min.js, with its shards.',
      fields: { path },
    });
  return new Reader(script, found.index + found[0].length, path).value();
}
