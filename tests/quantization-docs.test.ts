// docs/quantization.md: the program prints what it says, and the page names every kind of matrix.
import { expect, it } from 'vitest';
import { matrixKinds } from '../packages/tsumugi/src/compress/index.ts';
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

const page = readPage('quantization.md');
const snippets = snippetsOf(page);
testPrograms(snippets);

it('names every kind of matrix', () => {
  for (const kind of matrixKinds) expect(page, kind).toContain(`\`${kind}\``);
});
