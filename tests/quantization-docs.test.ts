// docs/quantization.md: the program prints what it says, and the page names every kind of matrix.
import { expect, it } from 'vitest';
import { matrixKinds } from '../packages/tsumugi/src/compress/index.ts';
import { readPage, runSnippets, snippetsOf } from './snippets.testing.ts';

const page = readPage('quantization.md');
const snippets = snippetsOf(page);
const outcomes = runSnippets(snippets);

it.each(snippets.map((snippet, i) => [snippet.name, snippet, outcomes[i]!] as const))('%s', (_, { prints }, ran) => {
  expect(prints).not.toEqual([]);
  expect(ran).toEqual({ prints });
});

it('names every kind of matrix', () => {
  for (const kind of matrixKinds) expect(page, kind).toContain(`\`${kind}\``);
});
