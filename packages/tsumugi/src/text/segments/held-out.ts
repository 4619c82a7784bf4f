// Which documents are held out: a number is drawn for each from its content and the seed, so that it keeps its side when others
// come or go.
import { hash } from 'node:crypto';
import { ConfigError, deriveSeed, RandomStream } from '../../base/index.ts';

/** The held-out share of the documents when none is given. */
export const HELD_OUT_FRACTION = 0.05;

/** The number, in [0, 1), of a document, by the fifth word of its text's SHA-256. */
export function heldOutDraws(seed: number): (word: number) => number {
  const derived = deriveSeed(seed, 'held-out');
  return (word) => new RandomStream((word ^ derived) >>> 0).next();
}

/** Whether `prepare` holds out a document of this (cleaned) text. */
export function isHeldOut(text: string, seed: number, fraction = HELD_OUT_FRACTION): boolean {
  return heldOutDraws(seed)(hash('sha256', text, 'buffer').readUInt32LE(16)) < fraction;
}

export function checkHeldOutFraction(fraction: number): number {
  if (fraction >= 0 && fraction < 1) return fraction;
  throw new ConfigError(
    'held-out-fraction',
    `the held-out fraction should be at least 0 and below 1 but is ${fraction}`,
    { remedy: 'Use a small share such as 0.05.' },
  );
}
