// Band tables: what stands under a hash is met in order, through growth and around the end.
import { expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { BandTable } from './band-table.ts';

it('is a map from hashes to lists, in the order in which texts came', () => {
  const [table, random] = [new BandTable(1), new RandomStream(1)];
  const plain = new Map<number, number[]>();
  for (let text = 0; text < 5000; text++) {
    // Hashes near the end of every table, and few enough that lists grow long.
    const hash = (0xffffff00 + random.below(300)) >>> 0;
    const met: number[] = [];
    table.meet(hash, text, 10_000, (other) => {
      met.push(other);
      return false;
    });
    const list = plain.get(hash) ?? [];
    expect(met).toEqual(list);
    plain.set(hash, [...list, text]);
  }
});

it('stops at the first that is alike, and after the most; neither is then stored', () => {
  const table = new BandTable(8);
  const met = (text: number, most: number, is: number) => {
    const asked: number[] = [];
    table.meet(5, text, most, (other) => asked.push(other) > 0 && other === is);
    return asked;
  };
  expect([met(0, 9, -1), met(1, 9, -1), met(2, 9, 0), met(3, 2, -1), met(4, 9, -1)]).toEqual([
    [],
    [0],
    [0],
    [0, 1],
    [0, 1],
  ]);
});
