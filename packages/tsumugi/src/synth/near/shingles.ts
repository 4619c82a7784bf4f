// A text as the set of its n-grams of characters, each known by a 32-bit hash.
import { codePoints, normalized } from '../normalized.ts';
import { mix } from './mix.ts';

/**
 * Hashes of the n-grams of characters (code points) of the normalized text, in order, with what repeats. A text of less than
 * n characters is one n-gram of its own, so short texts are alike when they are equal.
 */
export function shinglesOf(text: string, n: number): Uint32Array {
  const points = codePoints(normalized(text));
  const length = Math.min(n, points.length);
  const hashes = new Uint32Array(points.length - length + 1);
  for (let i = 0; i < hashes.length; i++) {
    let hash = length;
    for (let j = i; j < i + length; j++) hash = Math.imul(hash ^ points[j]!, 0x9e3779b1) ^ (hash >>> 15);
    hashes[i] = mix(hash);
  }
  return hashes;
}
