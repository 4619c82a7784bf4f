// What a reply says: a text, a list of texts, a number.
import type { Reading } from './built-in.ts';

/** Values for the field, one for each row that the reply makes; or why it cannot be read. */
export type Read = { readonly values: readonly (string | number)[] } | { readonly fault: string };

export interface ReadOptions {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** The marks of items: ・, -, *, •, 1., 1), （1）, ①, 問1：, Q1. */
const mark =
  /^(?:[・•●○◦*＊-]\s*|[（(]?[0-9０-９]{1,3}[)）.．、:：]\s*|[①-⑳]\s*|(?:質問|問|Q)\s*[0-9０-９]{0,3}\s*[.．:：、]\s*)+/u;

/** A reply in a fence, or in quotation marks, is what is inside. */
function unwrapped(text: string): string {
  const whole = text.trim();
  const fenced = /^```\w*\n([\s\S]*?)\n?```$/.exec(whole)?.[1];
  return (fenced ?? whole).trim();
}

const readers: Readonly<Record<Reading, (text: string, options: ReadOptions) => Read>> = {
  text: (text) => ({ values: [text] }),
  // Where lines are marked as items, the others are a preamble; where none is, a line that ends in a colon is one.
  list(text) {
    const lines = text.split('\n').map((line) => line.trim());
    const marked = lines.filter((line) => mark.test(line));
    const items = (marked.length > 0 ? marked : lines.filter((line) => !/[:：]$/.test(line)))
      .map((line) => line.replace(mark, '').trim())
      .filter((line) => line !== '');
    return items.length > 0 ? { values: [...new Set(items)] } : { fault: 'a list without an item' };
  },
  number(text, { min = -Infinity, max = Infinity }) {
    const [first] = /[-−]?\d+(?:\.\d+)?/.exec(text.normalize('NFKC')) ?? [];
    if (first === undefined) return { fault: `no number in ${JSON.stringify(text.slice(0, 40))}` };
    const value = Number(first.replace('−', '-'));
    return value >= min && value <= max ? { values: [value] } : { fault: `${value}, not within ${min} and ${max}` };
  },
};

export function readReply(reply: string, reading: Reading, options: ReadOptions = {}): Read {
  const text = unwrapped(reply);
  return text === '' ? { fault: 'an empty reply' } : readers[reading](text, options);
}
