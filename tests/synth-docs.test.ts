// docs/synth.md: its programs and pipelines run, and its tables are those of the code.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { Service } from '../packages/tsumugi/src/eval/backends/openai.testing.ts';
import {
  bandsFor,
  builtIns,
  chanceOfCandidate,
  filterConfigs,
  sequences,
} from '../packages/tsumugi/src/synth/index.ts';
import { answering } from '../packages/tsumugi/src/synth/pipeline/pipeline.testing.ts';
import { blocksOf, readPage, runSnippets, snippetsOf } from './snippets.testing.ts';

const page = readPage('synth.md');

it('has programs that do what they say', () => {
  const snippets = snippetsOf(page);
  expect(snippets.map(({ prints }) => prints.length)).toEqual([1, 3]);
  expect(runSnippets(snippets)).toEqual(snippets.map(({ prints }) => ({ prints })));
});

const [first, own, pairs] = blocksOf(page, 'yaml');

it('has a pipeline of ten lines that makes data of documents', async () => {
  expect(first!.trimEnd().split('\n').length).toBeLessThanOrEqual(10);
  const service = await Service.start(answering);
  const home = mkdtempSync(join(tmpdir(), 'tsumugi-synth-docs-'));
  try {
    mkdirSync(join(home, 'documents'));
    writeFileSync(join(home, 'documents', '山.md'), '高尾山');
    const run = async (name: string, text: string) => {
      writeFileSync(join(home, `${name}.yaml`), text);
      const out = join(home, name);
      const words = ['synth', '--config', join(home, `${name}.yaml`), '--out', out, '--endpoint', service.address];
      const { code, stdout } = await runCli([...words, '--model', 'm', '--json']);
      return [code, JSON.parse(stdout).examples];
    };
    // The answer 高尾山とは何ですか。への答えです。 is Japanese, and its score 5.
    expect(await run('first', first!)).toEqual([0, 2]);
    expect(await run('pairs', pairs!)).toEqual([0, 1]);
    const rows = '[{title: 高尾山, body: 東京にある, question: 山は？}]';
    writeFileSync(join(home, 'judge.txt'), '採点：{{question}}');
    expect(await run('own', `rows: ${rows}\n${own}output: {user: simple, assistant: points}\n`)).toEqual([0, 4]);
  } finally {
    await Service.stopAll();
    rmSync(home, { recursive: true });
  }
}, 60_000);

it('has the steps that are there', () => {
  for (const [name, { into, read, temperature, with: values = {} }] of Object.entries(builtIns)) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`))!;
    const cells = row.split('|').map((cell) => cell.trim());
    expect([cells[3], cells[5]], name).toEqual([`\`${into}\``, String(temperature)]);
    expect(row).toContain({ text: 'a text', list: 'a list', number: 'a number' }[read]);
    for (const value of Object.keys(values)) expect(row).toContain(`\`${value}\``);
  }
  for (const name of [...Object.keys(sequences), ...Object.keys(filterConfigs)]) expect(page).toContain(`\`${name}\``);
});

it('has the chances of being compared', () => {
  const bands = bandsFor(0.8, 128, 0.95);
  expect(page).toContain(`${bands.bands} bands of ${bands.rows} for 0.8`);
  const row = [0.5, 0.6, 0.7, 0.8, 0.9].map((each) => `${Math.round(100 * chanceOfCandidate(each, bands))} %`);
  expect(page).toContain(`| compared | ${row.join(' | ')} |`);
});
