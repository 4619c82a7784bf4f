// A target that the published 1B shape cannot meet: what it can have at least, and what holds it up. Numbers by hand:
//
//   embedding        100,000 · 2048 · 2 bytes                                    = 409.6 MB of 976 MB: 42 %
//   out_proj (kept)  8 layers · 2048 · 4096 · 2 bytes = 134.2 MB, in 4 bits with a scale and a zero for 128: 4.156 bits, 34.9 MB
import { expect, it } from 'vitest';
import { ConfigError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { preset } from '../../lm/index.ts';
import { describeParts, type SizePart } from './least-parts.ts';
import { quantizeForecast } from './plan.ts';

const refusal = (tensorBits = {}) =>
  thrown(ConfigError, () => quantizeForecast(preset('1b'), { targetBits: 3, tensorBits }));
const partOf = (error: ConfigError, what: string) =>
  (error.fields['parts'] as SizePart[]).find((part) => part.what === what)?.bytes;

it('is refused with what the smallest is made of', () => {
  const error = refusal();
  expect(error.message).toContain(
    'the smallest is 6.05 bits per weight (58 % matrices in 4 bits; 42 % the embedding, which is kept)',
  );
  expect(error.message).toContain('Choose targetBits=6.05 or more.');
  expect(partOf(error, 'the embedding, which is kept')).toBe(100_000 * 2048 * 2);
  const parts = error.fields['parts'] as SizePart[];
  expect(parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(error.fields['least']);
});

it('names kinds that tensorBits keeps', () => {
  const error = refusal({ out_proj: 16 });
  expect(partOf(error, 'out_proj, which is kept')).toBe(8 * 2048 * 4096 * 2);
  expect(error.message).toContain('% out_proj, which is kept');
});

it('leaves out what is less than one percent', () => {
  const parts = [
    { what: 'a', bytes: 990 },
    { what: 'b', bytes: 10 },
    { what: 'c', bytes: 9 },
  ];
  expect(describeParts(parts)).toBe('98 % a');
  expect(describeParts(parts.slice(0, 2))).toBe('99 % a; 1 % b');
});
