// docs/growing.md: the program prints what it says.
import { expect, it } from 'vitest';
import { readPage, runSnippets, snippetsOf } from './snippets.testing.ts';

const snippets = snippetsOf(readPage('growing.md'));
const outcomes = runSnippets(snippets);

it.each(snippets.map((snippet, i) => [snippet.name, snippet, outcomes[i]!] as const))('%s', (_, { prints }, ran) => {
  expect(prints).not.toEqual([]);
  expect(ran).toEqual({ prints });
});
