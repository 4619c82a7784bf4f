// What differs between settings: which values, by which names, in which order.
import { expect, it } from 'vitest';
import { describeChanges, findChanges } from './changes.ts';

it('names values inside objects and lists of objects, and other lists as a whole', () => {
  const before = { a: 1, list: [1, 2], parts: [{ n: 1 }, { n: 2 }], gone: true, same: [3] };
  const after = { new: null, list: [1, 3], parts: [{ n: 1 }, { n: 5 }], a: 2, same: [3] };
  expect(findChanges(before, after).map(({ name }) => name)).toEqual(['list', 'parts.1.n', 'a', 'gone']);
  expect(describeChanges(before, after)).toEqual([
    'list [1,2] → [1,3]',
    'parts.1.n 2 → 5',
    'a 1 → 2',
    'gone true → unset',
  ]);
  expect(describeChanges({ parts: [{ n: 1 }] }, { parts: [{ n: 1 }, { n: 2 }] })).toEqual([
    'parts [{"n":1}] → [{"n":1},{"n":2}]',
  ]);
  expect(describeChanges({ text: 'a'.repeat(38) }, { text: 'a'.repeat(39) })).toEqual([
    `text "${'a'.repeat(38)}" → "${'a'.repeat(38)}…`,
  ]);
});
