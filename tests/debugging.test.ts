// docs/debugging.md: its programs do what their comments say.
import { expect, it } from 'vitest';
import { readPage, runSnippets, snippetsOf } from './snippets.testing.ts';

const snippets = snippetsOf(readPage('debugging.md'));
const outcomes = runSnippets(snippets);

it.each(snippets.map((snippet, i) => [snippet.name, snippet, outcomes[i]!] as const))('%s', (_, snippet, ran) => {
  const { prints, throws } = snippet;
  expect(prints.length + Number(throws !== undefined)).toBeGreaterThan(0);
  expect(ran).toEqual({ prints, ...(throws !== undefined && { throws: expect.stringContaining(throws) }) });
});
