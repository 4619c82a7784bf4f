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
  /** 0: something may follow; 1: nothing but the end; 2: nothing at all. */
  state: 1,
  bits: 2,
} as const;

export const FAILED = -1;
