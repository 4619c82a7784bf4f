// From rendered text to ids. The special pieces that a template writes become their ids; the same letters from a message do not, so
// that nobody can open a turn or end a text from inside a message. What lies between is encoded by itself, piece by piece.
import { atOnce, type Steps } from '../../base/index.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Conversation } from './message.ts';

/** Letters of special pieces inside messages stand between two of these, by number. It is no character (Unicode, 23.7). */
const MARK = '\ufdd0';
/** As `tojson` may write it. */
const marked = /(?:\ufdd0|\\ufdd0)(\d+)(?:\ufdd0|\\ufdd0)/gi;

interface Specials {
  /** Their texts; the mark itself comes last. */
  texts: readonly string[];
  pattern: RegExp;
  inMessages: RegExp;
}

const known = new WeakMap<Tokenizer, Specials>();

function specialsOf(tokenizer: Tokenizer): Specials {
  const before = known.get(tokenizer);
  if (before) return before;
  const { pieces } = tokenizer.vocabulary;
  // Of two that begin alike, the longer one is meant.
  const texts = pieces
    .filter((_, id) => tokenizer.vocabulary.isSpecial(id))
    .map(({ text }) => text)
    .sort((a, b) => b.length - a.length);
  const any = (all: readonly string[]) => new RegExp(`(${all.map((text) => RegExp.escape(text)).join('|')})`, 'u');
  const specials = {
    texts: [...texts, MARK],
    pattern: any(texts),
    inMessages: new RegExp(any([...texts, MARK]).source, 'gu'),
  };
  known.set(tokenizer, specials);
  return specials;
}

/** A conversation whose messages spell no special piece: `encodeText` gives them back as letters. */
export function guardConversation(tokenizer: Tokenizer, { messages, tools }: Conversation): Conversation {
  const { texts, inMessages } = specialsOf(tokenizer);
  // Half of a character is U+FFFD to the tokenizer, too: clients that cut texts by length send some.
  const guardText = (text: string) =>
    text.toWellFormed().replace(inMessages, (found) => `${MARK}${texts.indexOf(found)}${MARK}`);
  const guard = (value: unknown): unknown => {
    if (typeof value === 'string') return guardText(value);
    if (Array.isArray(value)) return value.map(guard);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [guardText(key), guard(inner)]));
  };
  return guard({ messages, tools }) as Conversation;
}

/** What a guarded text says, for people. */
export function unguardText(tokenizer: Tokenizer, text: string): string {
  const { texts } = specialsOf(tokenizer);
  return text.replace(marked, (all, number) => texts[Number(number)] ?? all);
}

/** The ids of a text of a template with guarded messages. */
export const encodeText = (tokenizer: Tokenizer, text: string): number[] => atOnce(encodeTextSteps(tokenizer, text));

export function* encodeTextSteps(tokenizer: Tokenizer, text: string): Steps<number[]> {
  const { pattern } = specialsOf(tokenizer);
  const ids: number[] = [];
  // Every second part of the split is a special piece.
  for (const [i, part] of text.split(pattern).entries()) {
    if (i % 2 === 1) ids.push(tokenizer.idOf(part)!);
    else if (part !== '')
      yield* append(ids, yield* tokenizer.encodeSteps(unguardText(tokenizer, part), { safe: true }));
  }
  return ids;
}

/** Ids that are copied between two steps. */
const COPIED_IDS = 1 << 16;

export function* append(ids: number[], more: readonly number[]): Steps<void> {
  for (let from = 0; from < more.length; from += COPIED_IDS) {
    if (from > 0) yield;
    const to = Math.min(from + COPIED_IDS, more.length);
    for (let i = from; i < to; i++) ids.push(more[i]!);
  }
}
