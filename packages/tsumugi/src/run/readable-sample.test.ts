// A sample that is shown has no broken character, and says so where it had one.
import { expect, it } from 'vitest';
import { readableSample } from './readable-sample.ts';

it.each([
  ['猫である。', '猫である。'],
  ['', ''],
  ['猫\ufffdである', '猫である [left out: 1 place with bytes that are no character]'],
  ['\ufffd猫\ufffd\ufffd', '猫 [left out: 3 places with bytes that are no character]'],
])('%j is shown as %j', (text, shown) => {
  expect(readableSample(text)).toBe(shown);
});
