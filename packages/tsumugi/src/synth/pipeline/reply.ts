// What a reply says: a text, a list of texts, a number.
import type { Reading } from './built-in.ts';
import { listItems } from './list-items.ts';

/** Values for the field, one for each row that the reply makes; or why it cannot be read. */
export type Read = { readonly values: readonly (string | number)[] } | { readonly fault: string };

export interface ReadOptions {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** A reply in a fence is what is inside. */
function unwrapped(text: string): string {
  const whole = text.trim();
  const fenced = /^(`{3,}|~{3,})[^\n`]*\n((?:(?!\1)[\s\S])*)\1$/.exec(whole)?.[2];
  return (fenced ?? whole).trim();
}

/** What a number is measured by, and is not the number: 5点満点中, 10点中, 1から5の, out of 5, a scale of 1 to 5. */
const scale =
  /\d+\s*点満点|\d+\s*点中|\d+\s*点?\s*(?:から|[〜~])\s*\d+\s*点?(?:の|で)|out of \d+|scale (?:of|from) \d+\s*(?:to|[-–])\s*\d+/gi;
/** A hyphen behind a letter or a digit is no sign. */
const numeral = /(?:(?<![\p{L}\p{N}])[-−])?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:e[-+]?\d+)?|\.\d+)/iu;

const readers: Readonly<Record<Reading, (text: string, options: ReadOptions) => Read>> = {
  text: (text) => ({ values: [text] }),
  list(text) {
    const items = listItems(text);
    return items.length > 0 ? { values: items } : { fault: 'a list without an item' };
  },
  number(text, { min = -Infinity, max = Infinity }) {
    const half = text.normalize('NFKC');
    const [first] = numeral.exec(half.replaceAll(scale, '')) ?? numeral.exec(half) ?? [];
    if (first === undefined) return { fault: `no number in ${JSON.stringify(text.slice(0, 40))}` };
    const value = Number(first.replace('−', '-').replaceAll(',', ''));
    return value >= min && value <= max ? { values: [value] } : { fault: `${value}, not within ${min} and ${max}` };
  },
};

export function readReply(reply: string, reading: Reading, options: ReadOptions = {}): Read {
  const text = unwrapped(reply);
  return text === '' ? { fault: 'an empty reply' } : readers[reading](text, options);
}
