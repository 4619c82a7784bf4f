// n-grams of characters, each known by a 32-bit hash.
import { mix } from './mix.ts';

/**
 * Hashes of the n-grams in order, with what repeats. What is shorter than n is one n-gram of its own.
 *
 * @param seed other hashes of the same n-grams
 */
export function gramHashes(points: Uint32Array, n: number, seed = 0): Uint32Array {
  const length = Math.min(n, points.length);
  const hashes = new Uint32Array(points.length - length + 1);
  for (let i = 0; i < hashes.length; i++) {
    let hash = mix(seed) ^ length;
    for (let j = i; j < i + length; j++) hash = Math.imul(hash ^ points[j]!, 0x9e3779b1) ^ (hash >>> 15);
    hashes[i] = mix(hash);
  }
  return hashes;
}
