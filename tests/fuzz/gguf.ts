// GGUF files that are nearly right: lengths and types that lie, arrays in arrays, keys twice, tensors of impossible sizes.
import type { RandomStream } from '../../packages/tsumugi/src/base/index.ts';
import { damage, pick } from './fuzz.ts';

const strangeLengths = [
  0n,
  1n,
  7n,
  255n,
  65_536n,
  1n << 22n,
  1n << 31n,
  1n << 32n,
  (1n << 53n) + 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: bigint) => Buffer.from(BigUint64Array.of(value).buffer);

/** A length, now and then another than the true one. */
const length = (random: RandomStream, value: number) =>
  u64(random.below(25) === 0 ? pick(random, ...strangeLengths) : BigInt(value));

function text(random: RandomStream, value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([length(random, bytes.length), bytes]);
}

const sizes = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const key = (random: RandomStream) =>
  pick(
    random,
    'general.architecture',
    'general.alignment',
    'tokenizer.ggml.tokens',
    '__proto__',
    'constructor',
    '',
    'a',
    'b',
    '\u0000',
  );

function value(random: RandomStream, type: number): Buffer {
  if (type === 8) return text(random, pick(random, '', 'plamo2', '魚', 'x'.repeat(100)));
  if (type === 9) {
    const element = random.below(20) === 0 ? random.below(20) : pick(random, 0, 4, 5, 6, 8);
    const count = random.below(5);
    const items = Array.from({ length: count }, () => value(random, element));
    return Buffer.concat([u32(element), length(random, count), ...items]);
  }
  return Buffer.from(Array.from({ length: sizes[type] ?? 4 }, () => pick(random, 0, 0, 1, 32, 127, 255)));
}

/** The bytes of a file. */
export function strangeGguf(random: RandomStream): Buffer {
  const entries = Array.from({ length: random.below(6) }, () => {
    const type = random.below(30) === 0 ? random.below(1 << 16) : random.below(13);
    return Buffer.concat([text(random, key(random)), u32(type), value(random, type)]);
  });
  const tensors = Array.from({ length: random.below(3) }, (_, i) => {
    const dimensions = Array.from({ length: random.below(5) }, () => u64(pick(random, ...strangeLengths)));
    const rank = random.below(20) === 0 ? 0xffffffff : dimensions.length;
    return Buffer.concat([
      text(random, `t${i}`),
      u32(rank),
      ...dimensions,
      u32(random.below(40)),
      u64(pick(random, ...strangeLengths)),
    ]);
  });
  const version = random.below(20) === 0 ? pick(random, 0, 1, 4, 0x3000000, 0xffffffff) : pick(random, 2, 3);
  const file = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    length(random, tensors.length),
    length(random, entries.length),
    ...entries,
    ...tensors,
    Buffer.alloc(random.below(64)),
  ]);
  return random.below(5) === 0 ? damage(random, file) : file;
}
