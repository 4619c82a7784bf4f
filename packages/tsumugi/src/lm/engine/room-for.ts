// How much memory an engine needs, for whoever knows what it will write.
import { cacheBytes } from '../cache-bytes.ts';
import type { Plamo2Config } from '../config.ts';

/** For prefixes beside the texts. */
const PREFIXES = 256 << 20;

/** What `cacheBytes` of an engine may be, so that so many texts of at most so many tokens find room at the same time. */
export function roomFor(model: Plamo2Config, texts: number, tokens: number): number {
  // Twice, for pages that are not full, and numbers of 8 bytes.
  return PREFIXES + 2 * texts * cacheBytes(model, tokens);
}
