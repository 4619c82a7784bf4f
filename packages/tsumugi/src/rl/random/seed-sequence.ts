// NumPy's SeedSequence: spreads a seed over as many words as are asked for (O'Neill's "Developing a seed_seq alternative").
import { checkSeed, UserError } from '../../base/index.ts';

const POOL = 4;

/** NumPy's entropy is a whole number of any size that is not negative. */
function wordsOf(seed: number): number[] {
  if (checkSeed(seed) < 0) {
    throw new UserError('bad-seed', `the seed of an environment is a whole number of at least 0, got ${seed}`, {
      fields: { seed },
    });
  }
  return seed < 2 ** 32 ? [seed] : [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
}

const mix = (x: number, y: number): number => {
  const mixed = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
  return (mixed ^ (mixed >>> 16)) >>> 0;
};

/** `SeedSequence(seed).generate_state(words)`: words of 32 bits. */
export function seedWords(seed: number, words: number): Uint32Array {
  let factor = 0x43b0d7e5;
  const hashed = (value: number): number => {
    const held = value ^ factor;
    factor = Math.imul(factor, 0x931e8875);
    const product = Math.imul(held, factor) >>> 0;
    return (product ^ (product >>> 16)) >>> 0;
  };
  const entropy = wordsOf(seed);
  const pool = Uint32Array.from({ length: POOL }, (_, i) => hashed(entropy[i] ?? 0));
  for (let from = 0; from < POOL; from++)
    for (let to = 0; to < POOL; to++) if (from !== to) pool[to] = mix(pool[to]!, hashed(pool[from]!));

  let outer = 0x8b51f9dd;
  return Uint32Array.from({ length: words }, (_, i) => {
    const held = pool[i % POOL]! ^ outer;
    outer = Math.imul(outer, 0x58f38ded);
    const product = Math.imul(held, outer) >>> 0;
    return (product ^ (product >>> 16)) >>> 0;
  });
}
