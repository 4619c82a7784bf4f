// Phone books for experiments on looking up: a page is a list of entries, a name of one character and its number of one
// digit. Names come back with the number they have on their page; that number can only be known by looking it up.
import type { RandomStream } from 'tsumugi/base';
import { byteText, type Piece, SPECIAL_NAMES } from 'tsumugi/text';

export const names = Array.from({ length: 256 }, (_, i) => String.fromCodePoint(0x4e00 + i));
export const digits = [...'０１２３４５６７８９ＡＢＣＤＥＦ'];
const shareOfNewNames = 0.3;

const randomDigit = (random: RandomStream) => digits[random.below(digits.length)]!;

/**
 * A page of `tokens` tokens, a BOS before it included. How long ago a name that comes back stood last is drawn evenly over
 * the orders of magnitude, up to the whole page.
 */
export function page(random: RandomStream, tokens: number): string {
  const unused = random.shuffle([...names]);
  const numbers = new Map<string, string>();
  /** Names by the entry in which they stood last, the oldest first. */
  const recent: { name: string; entry: number }[] = [];
  let text = '';
  for (let entry = 0; 2 * entry + 1 < tokens; entry++) {
    const isNew = entry === 0 || (unused.length > 0 && random.next() < shareOfNewNames);
    const ago = Math.exp(random.next() * Math.log(entry + 1));
    const place = isNew
      ? 0
      : Math.max(
          0,
          recent.findLastIndex((each) => each.entry <= entry - ago),
        );
    const name = isNew ? unused.pop()! : recent.splice(place, 1)[0]!.name;
    if (isNew) numbers.set(name, randomDigit(random));
    recent.push({ name, entry });
    text += name + numbers.get(name);
  }
  return text.slice(0, tokens - 1);
}

export interface Questions {
  text: string;
  /** The places of the names asked for, in tokens with a BOS before the text; the answer is the token after each. */
  places: number[];
}

/** Up to 16 names, then others, then the same names once more: each stood exactly `distance` tokens ago, and not since. */
export function questionsAt(random: RandomStream, distance: number): Questions {
  const gap = distance / 2;
  const order = random.shuffle([...names]);
  const asked = order.slice(0, Math.min(gap, 16));
  const others = order.slice(asked.length);
  const between = Array.from({ length: gap - asked.length }, () => others[random.below(others.length)]!);
  const numbers = new Map(names.map((name) => [name, randomDigit(random)]));
  const text = [...asked, ...between, ...asked].map((name) => name + numbers.get(name)).join('');
  return { text, places: asked.map((_, i) => 1 + 2 * (gap + i)) };
}

/** A tokenizer's pieces: every name and digit, and what a vocabulary must have. */
export function phoneBookPieces(): Piece[] {
  const { unk, bos, eos, pad, op } = SPECIAL_NAMES;
  const controls = [bos, eos, pad, op].map((text) => ({ text, score: 0, type: 'CONTROL' as const }));
  const bytes = Array.from({ length: 256 }, (_, byte) => ({ text: byteText(byte), score: 0, type: 'BYTE' as const }));
  const characters = [...names, ...digits].map((text) => ({ text, score: -1, type: 'NORMAL' as const }));
  return [{ text: unk, score: 0, type: 'UNKNOWN' }, ...controls, ...bytes, ...characters];
}
