// What a filter is: a text in, a verdict out, with the reason for people.

/** Kept, or the reason why not, with the measure that decided. */
export type Verdict = { keep: true } | { keep: false; reason: string };

export interface Filter {
  /** By which it is counted. */
  readonly name: string;
  judge(text: string): Verdict;
}

export const KEEP: Verdict = { keep: true };

export const drop = (reason: string): Verdict => ({ keep: false, reason });

/** `12.5 %` */
export const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;

/** How many characters (code points) a text has. */
export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** How many characters match: an expression of one character, with the flags g and u. */
export const countMatching = (text: string, kind: RegExp): number => text.match(kind)?.length ?? 0;
