// Seeds derived from labels never coincide by spelling; streams take whole seeds only and go on from their state.
import { describe, expect, it } from 'vitest';
import { UserError } from './errors.ts';
import { deriveSeed, RandomStream } from './random.ts';

describe('deriveSeed', () => {
  it('is the head of SHA-256 over the list in JSON', () => {
    // Python: struct.unpack('<I', hashlib.sha256(text.encode()).digest()[:4])
    expect(deriveSeed(0)).toBe(295812304);
    expect(deriveSeed(7, 'epoch', 3)).toBe(2803165065);
    expect(deriveSeed(7, 'epoch', '3')).toBe(2720575102);
    expect(deriveSeed(-1, 'a', '', '日本')).toBe(3261982110);
  });

  it('differs wherever the seed or a label does', () => {
    const lists: [number, ...(string | number)[]][] = [
      ...[
        [1, '0abc'],
        [0, '1abc'],
        [0, '1', 'abc'],
        [0, 1, 'abc'],
        [0, '1\u0000abc'],
        [0, '1,abc'],
      ],
      ...[[0], [0, ''], [0, '', ''], [0, '\u0000'], [1], [-1], [4294967295], [4294967296], [2 ** 53 - 1]],
      ...[
        [0, 'ab', 'c'],
        [0, 'a', 'bc'],
        [0, 'abc'],
        [0, 'a","b'],
        [0, 'a', 'b'],
        [12, 3],
        [1, 23],
        [1, 2, 3],
      ],
      ...[
        [0, '\ud800'],
        [0, '\ud801'],
        [0, '\ufffd'],
        [0, -1],
        [0, '-1'],
      ],
    ] as never;
    expect(new Set(lists.map((list) => deriveSeed(...list))).size).toBe(lists.length);
  });

  it('refuses what is not a whole number', () => {
    for (const wrong of [0.5, Number.NaN, Infinity, 2 ** 53])
      for (const make of [() => deriveSeed(wrong), () => deriveSeed(0, wrong), () => new RandomStream(wrong)])
        expect(make).toThrow(UserError);
  });
});

describe('RandomStream', () => {
  it('gives different numbers for different seeds, also beyond 32 bits and below 0', () => {
    const first = [0, 1, -1, 2 ** 32, 2 ** 32 - 1, 2 ** 40].map((seed) => new RandomStream(seed).nextUint32());
    expect(new Set(first).size).toBe(6);
  });

  it('goes on from its state, and refuses what is none', () => {
    const stream = new RandomStream(3);
    stream.next();
    const again = new RandomStream(stream.state);
    expect([again.next(), again.next()]).toEqual([stream.next(), stream.next()]);
    for (const wrong of [[], [1, 2, 3], [0, 0, 0, 0], [1, 2, 3, -4], [1, 2, 3, 4.5]])
      expect(() => new RandomStream(wrong)).toThrow(/four 32-bit words/);
  });

  it('is xoshiro128**', () => {
    // Python, from the reference code of Blackman and Vigna: https://prng.di.unimi.it/xoshiro128starstar.c
    const stream = new RandomStream([1, 2, 3, 4]);
    expect(Array.from({ length: 10 }, () => stream.nextUint32())).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  it.each([
    [3, 4294967295, 2, 2],
    [2 ** 31 + 1, 2 ** 31 + 1, 5, 5],
    [10, 4294967290, 19, 9],
  ])('below %i passes over %i, which would favour small numbers', (bound, passed, next, expected) => {
    class Told extends RandomStream {
      readonly #words = [passed, next];
      override nextUint32(): number {
        return this.#words.shift()!;
      }
    }
    expect(new Told(0).below(bound)).toBe(expected);
  });

  it('shuffles into every order equally often', () => {
    const counts = new Map<string, number>();
    const stream = new RandomStream(5);
    for (let i = 0; i < 2400; i++) {
      const order = stream.shuffle(['a', 'b', 'c', 'd']).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // χ² with 23 degrees of freedom is above 49.7 once in a thousand seeds.
    expect([...counts.values()].reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0)).toBeLessThan(49.7);
  });

  it('never waits for a number below nothing', () => {
    for (const bound of [0, -1, 1.5, Number.NaN, 2 ** 33])
      expect(() => new RandomStream(0).below(bound)).toThrow(/below/);
  });
});
