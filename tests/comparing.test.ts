// docs/comparing.md: its programs run, its study is the example, and its commands do what they say.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { embeddedText } from '../packages/tsumugi/src/text/index.ts';
import { tinyModel } from '../packages/tsumugi/src/train/train.testing.ts';
import { blocksOf, readPage, root, runSnippets, snippetsOf } from './snippets.testing.ts';

const page = readPage('comparing.md');
const example = join(root, 'examples', 'two-by-two.ts');
const home = mkdtempSync(join(tmpdir(), 'tsumugi-comparing-'));
afterAll(() => rmSync(home, { recursive: true }));

it('shows the example as it is', () => {
  const code = readFileSync(example, 'utf8').replace(/^(\/\/.*\n)+/, '');
  expect(blocksOf(page, 'ts')).toContain(code);
});

it('has programs that print what they say', () => {
  const snippets = snippetsOf(page).filter(({ prints }) => prints.length > 0);
  expect(snippets.length).toBeGreaterThan(0);
  expect(runSnippets(snippets).map(({ prints }) => prints)).toEqual(snippets.map(({ prints }) => prints));
});

it('runs a two-by-two study, whose runs are then reported, compared and exported', { timeout: 120_000 }, async () => {
  const out = join(home, 'study');
  const text = join(home, 'text.txt');
  writeFileSync(text, readFileSync(embeddedText()[1]!, 'utf8').slice(0, 12_000));
  const tiny = [
    `text=["${text}"]`,
    'reading.documentCharacters=800',
    'tokenizer.vocabularySize=420',
    'data.heldOutFraction=0.2',
    ...['steps=3', 'evaluateEvery=0', 'sequenceLength=48', 'batchSize=2'].map((set) => `pretrain.${set}`),
    `pretrain.modelChanges=${JSON.stringify(tinyModel)}`,
  ];
  const ran = await runCli(['run', example, '--out', out, ...tiny.flatMap((set) => ['--set', set]), '--json']);
  expect(ran.code, ran.stderr).toBe(0);
  const [study] = JSON.parse(ran.stdout).sweeps;
  expect(study.rows.map(({ values, seeds }: { values: object; seeds: number[] }) => [values, seeds])).toEqual([
    [{ zLoss: 0, learningRate: 1e-3 }, [0, 1]],
    [{ zLoss: 0, learningRate: 3e-3 }, [0, 1]],
    [{ zLoss: 1e-4, learningRate: 1e-3 }, [0, 1]],
    [{ zLoss: 1e-4, learningRate: 3e-3 }, [0, 1]],
  ]);
  for (const { metrics } of study.rows)
    expect(metrics.find(({ name }: { name: string }) => name === 'held-out bits per character')).toMatchObject({
      n: 2,
      lost: 0,
    });

  const report = await runCli(['report', out]);
  expect(report.stdout).toContain('study: mean (range) over the seeds');
  const runs = readdirSync(out)
    .filter((name) => name.startsWith('study-'))
    .map((name) => join(out, name));
  expect(runs).toHaveLength(8);
  const compared = await runCli([
    'compare',
    ...runs,
    '--by',
    'tokens',
    '--html',
    join(home, 'comparison.html'),
    '--tensorboard',
    join(home, 'logs'),
  ]);
  expect(compared.code, compared.stderr).toBe(0);
  expect(compared.stdout).toContain('learningRate 0.001, zLoss 0.0001 (2 seeds)');
  expect(compared.stdout).not.toMatch(/data +[0-9a-f]{12}/); // the inputs are the same
  expect(readdirSync(join(home, 'logs'))).toHaveLength(8);
  // Recipes, too: the same one moved has no settings that differ.
  cpSync(out, join(home, 'moved'), { recursive: true });
  const both = await runCli(['compare', out, join(home, 'moved'), '--json']);
  expect(both.code, both.stderr).toBe(0);
  expect(JSON.parse(both.stdout)).toMatchObject({ differences: [], groups: [{ runs: ['study', 'moved'] }] });
  const csv = await runCli(['report', runs[0]!, '--csv', join(home, 'curves.csv')]);
  expect(csv.code).toBe(0);
  expect(readFileSync(join(home, 'curves.csv'), 'utf8').split('\r\n')[0]).toBe(/`(run,chart[^`]*)`/.exec(page)![1]);
  expect(existsSync(join(home, 'comparison.html'))).toBe(true);
});
