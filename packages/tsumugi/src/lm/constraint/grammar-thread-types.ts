// What goes between an engine and the thread that knows grammars.

/** A grammar to begin with, after `ids` that have come; an id that comes; or the end of the text. */
export type Order =
  | { key: number; open: string; ids: readonly number[]; shared: SharedArrayBuffer }
  | { key: number; take: number }
  | { key: number; close: true };

/** The answer to `open`. */
export interface Opened {
  key: number;
  refused?: string;
}

/** The memory that is shared: numbers of 32 bits. */
export const SHARED = {
  /** How many ids the bits come after, plus one: 0 before the first, −1 when it has failed. */
  step: 0,
  /** A value of `STATE`. */
  state: 1,
  /** From here on: bit b of word w is that of id 32·w + b. */
  bits: 2,
} as const;

/** What may follow: an id, with the end or without it; the end alone; or nothing at all. */
export const STATE = { goesOn: 0, ends: 1, isStuck: 2 } as const;

export const FAILED = -1;
