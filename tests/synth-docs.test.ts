// docs/synth.md: its program runs, and its table of chances is the formula's.
import { expect, it } from 'vitest';
import { bandsFor, chanceOfCandidate } from '../packages/tsumugi/src/synth/index.ts';
import { readPage, runSnippets, snippetsOf } from './snippets.testing.ts';

const page = readPage('synth.md');

it('has a program that does what it says', () => {
  const snippets = snippetsOf(page);
  expect(snippets).toHaveLength(1);
  const { prints } = snippets[0]!;
  expect(prints).toHaveLength(3);
  expect(runSnippets(snippets)).toEqual([{ prints }]);
});

it('has the chances of being compared', () => {
  const bands = bandsFor(0.8, 128, 0.95);
  expect(page).toContain(`${bands.bands} bands of ${bands.rows} for 0.8`);
  const row = [0.5, 0.6, 0.7, 0.8, 0.9].map((each) => `${Math.round(100 * chanceOfCandidate(each, bands))} %`);
  expect(page).toContain(`| compared | ${row.join(' | ')} |`);
});
