// Names of options, and the nearest name to a misspelt one.
import { expect, it } from 'vitest';
import { ConfigError } from './errors.ts';
import { editDistance, nearest } from './nearest.ts';
import { checkOptions } from './options.ts';

const known = { rng: true, bias: true } as const;
const check = (given: unknown) => () =>
  checkOptions('Linear', given as { rng: 1; bias: 1 }, known, { seed: 'Write rng.' });

it('takes what is known, all of it or nothing', () => {
  for (const given of [{}, { rng: 1 }, { rng: undefined, bias: false }, Object.create(null)])
    expect(check(given)).not.toThrow();
});

it('refuses anything else, with the nearest name, a hint, or all names', () => {
  expect(check({ bais: 1 })).toThrow(ConfigError);
  expect(check({ bais: 1 })).toThrow('Linear: there is no option "bais"\n  → Did you mean "bias"?');
  expect(check({ seed: 1 })).toThrow('\n  → Write rng.');
  expect(check({ constructor: 1 })).toThrow('there is no option "constructor"\n  → Known: rng, bias.');
  expect(check({ toString: undefined })).toThrow('there is no option "toString"');
  expect(check({ bais: undefined })).toThrow('there is no option "bais"');
});

it.each<[unknown, string]>([
  [null, 'null'],
  [3, 'number 3'],
  ['rng', 'string rng'],
  [true, 'boolean true'],
  [[], 'an array'],
  [
    new (class Box {
      size = 1;
    })(),
    'a Box',
  ],
])('says that options are an object, not %s', (given, kind) => {
  expect(check(given)).toThrow(`Linear: options are an object like { rng: … }, got ${kind}`);
});

it('counts a swap of neighbours as one edit', () => {
  // By hand: insert, leave out, replace, swap.
  expect(['rng', 'rgn', 'rn', 'rung', 'ring', 'lng', 'gnr'].map((name) => editDistance(name, 'rng'))).toEqual([
    0, 1, 1, 1, 1, 1, 2,
  ]);
  expect(nearest('rgn', ['device', 'rng'])).toBe('rng');
  expect(nearest('banana', ['device', 'rng'])).toBeUndefined();
});
