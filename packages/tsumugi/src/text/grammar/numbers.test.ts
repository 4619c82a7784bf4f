// Numbers between bounds, held against arithmetic.
import { expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { integersBetween, numbersBetween } from './numbers.ts';

/** The alternatives as an expression. */
const matcher = (parts: readonly string[]) =>
  new RegExp(
    `^(?:${
      parts
        .join('|')
        .replaceAll(/"([^"]*)"/g, '$1')
        .replaceAll(' ', '') || '(?!)'
    })$`,
  );

it('has the integers between the bounds and no others', () => {
  const random = new RandomStream(1);
  for (let round = 0; round < 120; round++) {
    const scale = [3, 20, 150, 2500][random.below(4)]!;
    const [least, most] = [random.below(2 * scale) - scale, random.below(2 * scale) - scale].sort((a, b) => a - b) as [
      number,
      number,
    ];
    const [leastOpen, mostOpen] = [random.below(2) === 1, random.below(2) === 1];
    const half = random.below(3) === 0 ? 0.5 : 0;
    const pattern = matcher(integersBetween({ least: least + half, leastOpen, most: most + half, mostOpen }));
    for (let value = least - 3; value <= most + 3; value++) {
      const [low, high] = [least + half, most + half];
      const within = (leastOpen ? value > low : value >= low) && (mostOpen ? value < high : value <= high);
      expect(pattern.test(String(value)), `${value} in ${low}…${high} ${leastOpen} ${mostOpen}`).toBe(within);
    }
    for (const bad of ['-0', '01', '-01', '', '-', '1.0', '1e1']) expect(pattern.test(bad), bad).toBe(false);
  }
});

it('has a side without a bound, up to 15 digits', () => {
  const atLeast5 = matcher(integersBetween({ least: 5, leastOpen: false, most: Infinity, mostOpen: false }));
  for (const [
    text,
    fits,
  ] of [['4', false], ['5', true], ['17', true], ['999999999999999', true], ['9999999999999999', false], ['-7', false]] as const) // biome-ignore format: cases
    expect(atLeast5.test(text), text).toBe(fits);
  const below0 = matcher(numbersBetween({ least: -Infinity, leastOpen: false, most: 0, mostOpen: true }));
  for (const [text, fits] of [['0', false], ['-0', false], ['-0.1', true], ['-12.5', true], ['3', false]] as const) // biome-ignore format: cases
    expect(below0.test(text), text).toBe(fits);
});

it('writes numbers between the bounds alone, and nearly all of them', () => {
  const random = new RandomStream(2);
  for (let round = 0; round < 300; round++) {
    const places = random.below(4);
    const draw = () => Number((random.below(400) / 10 - 20).toFixed(places));
    const [least, most] = [draw(), draw()].sort((a, b) => a - b) as [number, number];
    const bounds = { least, leastOpen: random.below(2) === 1, most, mostOpen: random.below(2) === 1 };
    const pattern = matcher(numbersBetween(bounds));
    for (let k = 0; k < 60; k++) {
      const digits = random.below(4);
      const value = [least, most, least + random.next() * (most - least), draw()][random.below(4)]!;
      const text = value.toFixed(digits);
      const written = Number(text);
      const within =
        (bounds.leastOpen ? written > least : written >= least) && (bounds.mostOpen ? written < most : written <= most);
      const context = `${text} in ${JSON.stringify(bounds)}`;
      if (!within) expect(pattern.test(text), context).toBe(false);
      // A zero at the end, or in front of nothing, is another way to write the same.
      else if (!/^-0(\.0*)?$/.test(text)) expect(pattern.test(String(written)), context).toBe(true);
    }
  }
});

it('is empty between bounds that leave nothing', () => {
  expect(integersBetween({ least: 1, leastOpen: true, most: 2, mostOpen: true })).toEqual([]);
  expect(numbersBetween({ least: 1, leastOpen: true, most: 1, mostOpen: false })).toEqual([]);
  expect(numbersBetween({ least: 2, leastOpen: false, most: 1, mostOpen: false })).toEqual([]);
});
