// How long a text is: in the model's tokens where its tokenizer is at hand, otherwise in characters; and texts of a wanted
// length, put together from pieces.
import { ConfigError } from '../../../base/index.ts';
import type { TaskContext } from '../../task.ts';

export interface Measure {
  unit: 'tokens' | 'characters';
  /** Length of a text, without BOS. */
  count(text: string): number;
}

export function measureOf({ countTokens }: Pick<TaskContext, 'countTokens'>): Measure {
  if (countTokens) return { unit: 'tokens', count: countTokens };
  return {
    unit: 'characters',
    count: (text) => {
      let count = 0;
      for (const _ of text) count++;
      return count;
    },
  };
}

export interface Piece {
  text: string;
  /** Its length by itself. */
  length: number;
}

/** A text may be this share shorter than what was asked for, never longer. */
export const TOLERANCE = 0.02;

/** How far behind the first piece that does not fit smaller ones are looked for. */
const LOOK_AHEAD = 300;
const ATTEMPTS = 8;

/** Pieces in order, as long as they fit; then those that still do. */
function take(pieces: readonly Piece[], room: number): string[] {
  const taken: string[] = [];
  let end = pieces.length;
  for (let i = 0; i < end; i++) {
    const { text, length } = pieces[i]!;
    if (length <= room) {
      taken.push(text);
      room -= length;
    } else end = Math.min(end, i + LOOK_AHEAD);
  }
  return taken;
}

/**
 * A text of at most `capacity`, and of 98 % of it where pieces are small enough for that; and the pieces in it. `assemble`
 * puts pieces into their surroundings. The pieces' lengths guide; the whole is what is measured, since a tokenizer may join
 * the end of one piece with the beginning of the next.
 *
 * @throws ConfigError when there are not enough pieces, or no room for one
 */
export function textOfLength(
  capacity: number,
  pieces: readonly Piece[],
  measure: Measure,
  assemble: (taken: readonly string[]) => string,
): { text: string; taken: readonly string[] } {
  const first = pieces[0]!;
  let room = capacity - measure.count(assemble([first.text])) + first.length;
  let best: { text: string; taken: readonly string[]; left: number } | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const taken = take(pieces, room);
    if (taken.length === 0) break;
    const text = assemble(taken);
    const left = capacity - measure.count(text);
    if (left >= 0 && left < (best?.left ?? Number.POSITIVE_INFINITY)) best = { text, taken, left };
    if (best && best.left <= TOLERANCE * capacity) return best;
    room += left;
  }
  if (best && best.taken.length < pieces.length) return best;
  throw new ConfigError('cannot-fill', `no text of ${capacity} ${measure.unit} can be put together for this task`, {
    remedy: 'Ask for other lengths with --set lengths=….',
    fields: { capacity, unit: measure.unit },
  });
}
