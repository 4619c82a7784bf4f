// docs/builders.md: its programs run, its table has the builders that there are, its settings those of cleaning; what the experiment
// behind the results plants is what it says.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { BUILDERS, cleanConfig } from '../packages/tsumugi/src/synth/index.ts';
import { jaccard, PlantedDuplicates } from '../recipes/experiments/planted-duplicates.ts';
import { readPage, root, runSnippets, snippetsOf } from './snippets.testing.ts';

const page = readPage('builders.md');

it('has programs that do what they say', () => {
  const snippets = snippetsOf(page);
  expect(snippets.map(({ prints }) => prints.length)).toEqual([3, 2]);
  expect(runSnippets(snippets)).toEqual(snippets.map(({ prints }) => ({ prints })));
}, 60_000);

it('has the builders that there are, and what they make', () => {
  for (const { name, reads, rows, task } of BUILDERS) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`))!;
    const cells = row.split('|').map((cell) => cell.trim());
    expect(cells.slice(2, 5), name).toEqual([reads, rows.join(', '), task ? 'yes' : '–']);
  }
});

it('has the settings of cleaning', () => {
  for (const name of Object.keys(cleanConfig.shape)) expect(page).toContain(`| \`${name}\` |`);
});

describe('planted duplicates', () => {
  const sentences = Array.from(
    { length: 500 },
    (_, i) => `${i}番目の文には${'いろはにほへと'.repeat(1 + (i % 3))}と書いてある。`,
  );

  it('are a function of the seed and their number', () => {
    const [one, again, other] = [0, 0, 1].map((seed) => new PlantedDuplicates(sentences, 100, { seed }));
    expect([70, 99, 3].map((i) => one!.at(i))).toEqual([70, 99, 3].map((i) => again!.at(i)));
    expect(one!.at(3).text).not.toBe(other!.at(3).text);
    for (let i = 0; i < 100; i++) {
      const { parent, change } = one!.at(i);
      expect([parent === i, change === undefined]).toEqual([i < 70, i < 70]);
    }
  });

  it('are as alike as their sets of n-grams', () => {
    // いろは ろはに はにほ | いろは ろはに はにへ: 2 of 4.
    expect(jaccard('いろはにほ', 'いろはにへ', 3)).toBe(2 / 4);
    expect(jaccard('ＡＢ　ＣＤ', 'AB CD', 3)).toBe(1);
    const planted = new PlantedDuplicates(sentences, 400);
    for (let i = planted.originals; i < 400; i++) {
      const { text, parent, change } = planted.at(i);
      const similarity = jaccard(text, planted.at(parent).text);
      if (change === 'exact' || change === 'spaced') expect(similarity).toBe(1);
      else expect(similarity).toBeLessThan(1.0000001);
    }
  });

  it('are found by the experiment, of the novels when no corpus is named', () => {
    const words = ['recipes/experiments/near-duplicates.ts', '--documents', '2000'];
    const printed = execFileSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
    const share = (name: string) => Number(new RegExp(`\\| ${name}.*\\| ([\\d.]+) %`).exec(printed)![1]);
    // 95 % of pairs at the threshold are compared, of which half are alike by the estimate; most are well above it.
    expect(share('recall')).toBeGreaterThan(90);
    expect(share('precision')).toBeGreaterThan(90);
    expect(printed).not.toMatch(/NaN|undefined/);
  }, 120_000);
});
