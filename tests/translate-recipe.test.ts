// recipes/translate-ja.ts and its stages: what is held out, what counts as newer, and all of it from end to end with a tiny model.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadRecipe } from '../packages/tsumugi/src/cli/recipes.ts';
import { applySettings } from '../packages/tsumugi/src/cli/settings.ts';
import { runRecipe } from '../packages/tsumugi/src/recipe/index.ts';
import { silent, tinyModel } from '../packages/tsumugi/src/train/train.testing.ts';
import type { Pair } from '../recipes/translation/corpus.ts';
import { familyOf } from '../recipes/translation/packages.ts';
import { writeCorpus } from './translation-corpus.testing.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-translate-'));
  vi.stubEnv('XDG_CACHE_HOME', join(home, 'cache'));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

describe('packages', () => {
  it('are of a family when their names differ in numbers alone', () => {
    expect(familyOf('wesnoth-1.16-httt')).toBe(familyOf('wesnoth-1.18-httt'));
    expect(familyOf('wesnoth-1.16-httt')).not.toBe(familyOf('wesnoth-1.16-did'));
  });
});

const settings = (corpus: string) => ({
  corpus,
  split: { heldOutFamilies: 0.2, heldOutPerFamily: 20 },
  text: { japanese: 0.3 },
  tokenizer: { vocabularySize: 400 },
  data: { heldOutFraction: 0.1 },
  pretrain: { model: 'mini', modelChanges: tinyModel, steps: 3, sequenceLength: 48, batchSize: 2, evaluateEvery: 2 },
  examples: { share: 0.3 },
  sft: { epochs: 1, batchSize: 16, sequenceLength: 128, evaluateEvery: 2 },
  hdpo: { steps: 2, batchSize: 16, sequenceLength: 128, evaluateEvery: 2 },
  compare: { sentences: 6, maxTokens: 8, shown: 3 },
});

it('goes from a corpus to translations of held-out packages', async () => {
  const corpus = join(home, 'corpus');
  writeCorpus(corpus);
  const recipe = await loadRecipe('translate-ja');
  const out = join(home, 'out');
  const { report } = await runRecipe(recipe, applySettings(recipe.config, settings(corpus)), { out, stream: silent });
  const read = (...path: string[]) => readFileSync(join(out, ...path), 'utf8');
  const rows = (...path: string[]): Pair[] =>
    read(...path)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Pair);

  // Whole families are held out, and nothing of theirs is learned from.
  const [train, heldOut] = [rows('split', 'split', 'train.jsonl'), rows('split', 'split', 'held-out.jsonl')];
  expect(heldOut.length).toBeGreaterThan(5);
  const families = new Set(heldOut.map(({ source }) => familyOf(source)));
  expect(train.filter(({ source }) => families.has(familyOf(source)))).toEqual([]);
  const learned = read('text', 'text', 'text.jsonl');
  for (const { en, ja } of heldOut) {
    expect(learned).not.toContain(en);
    expect(learned).not.toContain(ja);
  }
  expect(learned).toContain(train[0]!.en);

  // The published format, and the newer translation preferred.
  const pairs = rows('preferences', 'examples', 'rows.jsonl') as unknown as {
    chosen: { content: string }[];
    rejected: { content: string }[];
  }[];
  expect(pairs.length).toBeGreaterThan(20);
  expect(
    pairs.every(({ chosen, rejected }) => chosen[0]!.content.endsWith('。') && rejected[0]!.content.endsWith('よ')),
  );
  expect(read('hdpo', 'model', 'tokenizer_config.json')).toContain('<|plamo:op|>output');

  const compared = report.stages.find(({ name }) => name === 'compare')!;
  expect(compared.metrics.map(({ name }) => name)).toEqual([
    'chrF of the English as it is',
    'chrF of pretrain, as in its text',
    'chrF of pretrain',
    'chrF of sft',
    'chrF of hdpo',
  ]);
  expect(compared.tables.map(({ rows: all }) => all.length)).toEqual([5, 4, 3]);
}, 120_000);

it('takes out what stands in held-out sentences: pairs of other packages, and lines of documents', async () => {
  const corpus = join(home, 'copies');
  writeCorpus(corpus);
  const plain = await splitOf('before', corpus);
  const [first] = plain.heldOut;
  const copy = { ...first!, source: plain.train[0]!.source };
  const file = join(corpus, 'en-ja-pairs.jsonl');
  writeFileSync(file, `${readFileSync(file, 'utf8')}${JSON.stringify(copy)}\n`);
  const manual = { source: 'doc-z', text: `一行目\n${first!.ja}\n三行目` };
  const documents = join(corpus, 'ja-docs.jsonl');
  writeFileSync(documents, `${readFileSync(documents, 'utf8')}${JSON.stringify(manual)}\n`);
  const after = await splitOf('after', corpus);
  expect(after.heldOut.map(({ en }) => en)).toContain(first!.en);
  expect(after.train).toEqual(plain.train);
  expect(after.documents).toContainEqual({ source: 'doc-z', text: '一行目\n三行目' });
  expect(after.metrics['sentences shared before']).toBe(1);
  expect(after.metrics['sentences shared']).toBe(0);
}, 60_000);

it('measures no short sentence that stands inside of something that is learned', async () => {
  const corpus = join(home, 'inside');
  writeCorpus(corpus);
  const plain = await splitOf('before-inside', corpus);
  const short = { source: plain.heldOut[0]!.source, en: 'Aaa bbb ccc ddd', ja: '木林を日月は' };
  const file = join(corpus, 'en-ja-pairs.jsonl');
  const write = (pairs: Pair[]) => {
    writeCorpus(corpus);
    writeFileSync(file, readFileSync(file, 'utf8') + pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
  };
  write([short]);
  expect((await splitOf('alone', corpus)).heldOut).toContainEqual(short);
  write([short, { ...plain.train[0]!, ja: `あいうえお${short.ja}かきくけこさしすせそ` }]);
  const { heldOut, train } = await splitOf('inside-of', corpus);
  expect(train.length).toBe(plain.train.length + 1);
  expect(heldOut).not.toContainEqual(short);
}, 60_000);

/** The first stage alone: the later ones fail for want of text. */
async function splitOf(name: string, corpus: string) {
  const { split } = await import('../recipes/translation/split.ts');
  const { defineRecipe, given } = await import('../packages/tsumugi/src/recipe/index.ts');
  const { z } = await import('zod');
  const inputs = {
    pairs: given('pairs', join(corpus, 'en-ja-pairs.jsonl')),
    descriptions: given('pairs', join(corpus, 'package-descriptions.jsonl')),
    documents: given('documents', join(corpus, 'ja-docs.jsonl')),
  };
  const recipe = defineRecipe({
    name,
    summary: name,
    config: z.strictObject({}),
    stages: () => [split.stage('split', settings(corpus).split, inputs)],
  });
  const out = join(home, name);
  const { report } = await runRecipe(recipe, {}, { out, stream: silent });
  const rows = <Row = Pair>(part: string) =>
    readFileSync(join(out, 'split', 'split', `${part}.jsonl`), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Row);
  const metrics = Object.fromEntries(report.stages[0]!.metrics.map(({ name: each, value }) => [each, value]));
  return { train: rows('train'), heldOut: rows('held-out'), documents: rows<object>('documents'), metrics };
}

describe('a corpus that is not there', () => {
  const stages = async (corpus?: string) => {
    const recipe = await loadRecipe('translate-ja');
    return () => recipe.stages(applySettings(recipe.config, corpus === undefined ? {} : { corpus }) as never);
  };

  it('is asked for, with where to get it', async () => {
    expect(await stages()).toThrow(
      /learns from a folder with en-ja-pairs\.jsonl.*\n.*--set corpus=FOLDER.*docs\/translate-ja\.md/,
    );
  });

  it('is named by the file that it lacks', async () => {
    const folder = join(home, 'empty');
    mkdirSync(folder);
    expect(await stages(folder)).toThrow(`${folder} has no en-ja-pairs.jsonl`);
  });

  it('that is broken is named by file and row', async () => {
    const corpus = join(home, 'broken');
    writeCorpus(corpus, { documents: '{"source":"a","text":"x"}\n{"source":"a","txt":"x"}\n' });
    await expect(splitOf('breaking', corpus)).rejects.toThrow(/ja-docs\.jsonl, row 2: "text" should be a text/);
  });
});
