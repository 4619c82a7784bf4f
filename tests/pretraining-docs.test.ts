// docs/pretraining.md: its tables say what the code says, its programs run, and the files it names are there.
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describeSettings } from '../packages/tsumugi/src/cli/describe-settings.ts';
import { preset, presetNames } from '../packages/tsumugi/src/lm/index.ts';
import { pretrainConfig, pretrainMayChange } from '../packages/tsumugi/src/train/index.ts';
import { readPage, root, runSnippets, snippetsOf } from './snippets.testing.ts';

const page = readPage('pretraining.md');
const source = (file: string) => readFileSync(`${root}packages/tsumugi/src/${file}`, 'utf8');
/** The lines of the table that begins with this line, without its rule. */
const table = (head: string) => {
  const lines = page.slice(page.indexOf(`\n${head}\n`) + 1).split('\n');
  return lines.slice(2, lines.indexOf(''));
};

it('has every setting, with its default and whether it may change', () => {
  const may = new Set<string>(pretrainMayChange);
  const rows = describeSettings(pretrainConfig).map(
    ([key, text]) => `| \`${key}\` | ${text} | ${may.has(key) ? 'yes' : ''} |`,
  );
  expect(table('| setting | | may change later |')).toEqual(rows);
});

it('has every preset with all keys', () => {
  const models = presetNames.map((name) => preset(name) as unknown as Record<string, unknown>);
  const rows = Object.keys(preset('mini')).map(
    (key) => `| \`${key}\` | ${models.map((model) => JSON.stringify(model[key])).join(' | ')} |`,
  );
  expect(table(`| key | ${presetNames.map((name) => `\`${name}\``).join(' | ')} |`)).toEqual(rows);
});

it('has every event that a run of training writes', () => {
  const events = source('run/events.ts');
  const types = [...events.matchAll(/^ {2}type: '(\w+)'/gm)].map(([, type]) => type!);
  const named = table('| event | what it has |').map((row) => /`(\w+)`/.exec(row)![1]!);
  // Those of recipes are not a run's.
  expect([...named, 'stage'].sort()).toEqual(types.sort());
  for (const row of table('| event | what it has |'))
    for (const [, field] of row.matchAll(/`(\w+)`/g)) {
      const known = [
        events,
        source('train/common-config.ts'),
        source('train/evaluate.ts'),
        source('train/pretrain-config.ts'),
      ];
      expect(
        known.some((text) => text.includes(field!)),
        field,
      ).toBe(true);
    }
});

it('names files that are there', () => {
  const files = [...page.matchAll(/`((?:lm|train)\/[\w.-]+\.ts)`/g)].map(([, file]) => file!);
  expect(files.length).toBeGreaterThan(15);
  for (const file of files) expect(existsSync(`${root}packages/tsumugi/src/${file}`), file).toBe(true);
});

const snippets = snippetsOf(page);
const outcomes = runSnippets(snippets);
it.each(snippets.map((snippet, i) => [snippet.name, snippet, outcomes[i]!] as const))('%s', (_, snippet, ran) => {
  expect(ran).toEqual({ prints: snippet.prints });
});

it('shows a study in at most thirty lines', () => {
  const study = snippets.find(({ code }) => code.includes('afterStep'))!;
  const lines = study.code
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('//'));
  expect(lines.length).toBeLessThanOrEqual(30);
});
