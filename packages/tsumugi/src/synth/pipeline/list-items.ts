// A reply that is a list: its items, without what marks them and what stands around them.
import { parseJson } from '../../base/index.ts';

const digit = '[0-9０-９]';
/** The marks of items: ・, -, *, •, 1., 1), （1）, [1], ①, 問1：, Q1. A number that goes on (3.14, 10:30, -5) is none. */
const marks = [
  `[・•●○◦＊－]\\s*|\\*(?!\\*)\\s*|-(?!${digit})\\s*|[–—]\\s+`,
  `[（(［[]?${digit}{1,3}(?:[)）\\]］]|\\\\?[.．、:：](?!${digit}))\\s*`,
  '[①-⑳]\\s*',
  `(?:質問|問|Q)\\s*${digit}{0,3}\\s*[.．:：、]\\s*`,
].join('|');
const mark = new RegExp(`^(?:${marks}|\\*\\*(?:${marks})\\*\\*\\s*)+`, 'u');
/** A mark without a space before an item that begins with a number: 2.2024年. */
const closeMark = /^([0-9０-９]{1,3})[.．](?=[0-9０-９])/u;

/** **A line in bold**. */
const plain = (line: string): string => /^\*\*((?:(?!\*\*).)+)\*\*$/u.exec(line)?.[1]?.trim() ?? line;

/** The items among lines: where some are marked, the others are a preamble; where none is, a line that ends in a colon is one. */
function itemsOf(lines: readonly string[]): readonly string[] {
  let count = 0;
  let sure = 0;
  const marked = lines.flatMap((line) => {
    const bare = plain(line);
    const isMarked = mark.test(bare);
    const close = closeMark.exec(bare)?.[1]?.normalize('NFKC');
    if (!isMarked && Number(close) !== count + 1) return [];
    count++;
    if (isMarked) sure++;
    return [bare.replace(isMarked ? mark : closeMark, '')];
  });
  if (sure > 0 || (count > 1 && count === lines.length)) return marked;
  return lines.filter((line) => !/[:：]$/.test(line));
}

/** The texts of a list in JSON; undefined for what is none. */
function jsonList(text: string): readonly string[] | undefined {
  if (!/^\[[\s\S]*\]$/.test(text)) return undefined;
  try {
    const list: unknown = parseJson(text);
    return Array.isArray(list) && list.every((each) => typeof each === 'string') ? list : undefined;
  } catch {
    return undefined;
  }
}

/** The items of a list, each once. */
export function listItems(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  const items = jsonList(text) ?? itemsOf(lines.filter((line) => line !== ''));
  return [...new Set(items.map((item) => plain(item.trim())).filter((item) => item !== ''))];
}
