// docs/pitfalls.md: every program does what its comments say; the wrong ones go wrong as they are said to.
import { expect, it } from 'vitest';
import { readPage, runSnippets, snippetsOf } from './snippets.testing.ts';

const snippets = snippetsOf(readPage('pitfalls.md'));
const outcomes = runSnippets(snippets);

it.each(snippets.map((snippet, i) => [snippet.name, snippet, outcomes[i]!] as const))('%s', (_, snippet, ran) => {
  const { prints, throws } = snippet;
  expect(ran).toEqual({ prints, ...(throws !== undefined && { throws: expect.stringContaining(throws) }) });
  expect(snippet.prints.length + Number(snippet.throws !== undefined)).toBeGreaterThan(0);
});

it('has a wrong and a right program for each', () => {
  const perHeading = Object.groupBy(snippets, ({ name }) => name.replace(/ \(\d+\)$/, ''));
  expect(Object.keys(perHeading).length).toBeGreaterThan(12);
  for (const [heading, programs] of Object.entries(perHeading))
    expect(programs!.length, heading).toBeGreaterThanOrEqual(2);
});
