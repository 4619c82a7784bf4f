// The group size that a model gets where none was asked for.
import { expect, it } from 'vitest';
import { preset } from '../../lm/index.ts';
import { settingsFor } from './group-size.ts';

const narrow = (changes: object) => preset('mini', changes); // 256 wide, FFN 704, mixers 512 and 256 wide

it.each([
  ['128 where it divides all inputs', {}, { intermediate_size: 768 }, 128],
  ['64 where an FFN has 704', {}, {}, 64],
  ['32', {}, { intermediate_size: 672 }, 32],
  ['16', {}, { intermediate_size: 688 }, 16],
  ['128, to be refused by name, where none fits', {}, { intermediate_size: 700 }, 128],
  ['what was asked for', { groupSize: 32 }, {}, 32],
  ['a whole row', { groupSize: -1 }, {}, -1],
  ['128 where what does not fit is kept', { tensorBits: { down_proj: 16 } }, {}, 128],
  ['64 again where it may be chosen', { tensorBits: { down_proj: 16 }, targetBits: 6 }, {}, 64],
] as const)('is %s', (_, input, changes, groupSize) => {
  expect(settingsFor(narrow(changes), input).groupSize).toBe(groupSize);
});
