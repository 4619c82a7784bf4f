// `tsumugi run RECIPE --dry-run`: a recipe runs all of its stages on something tiny, and keeps nothing.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { inTime } from '../packages/tsumugi/src/base/thorough.testing.ts';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { loadModel } from '../packages/tsumugi/src/lm/index.ts';
import { given } from '../packages/tsumugi/src/recipe/index.ts';
import { shrinkSource } from '../packages/tsumugi/src/stages/index.ts';
import { type DpoSetup, dpoSetup } from '../packages/tsumugi/src/train/preference/preference.testing.ts';
import { jsonLines } from '../packages/tsumugi/src/train/sft.testing.ts';
import { writeCorpus } from './translation-corpus.testing.ts';

let setup: DpoSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await dpoSetup();
  mkdirSync(at('temporary'));
  const prompts = Array.from({ length: 40 }, (_, i) => ({ prompt: `${i}＋１は？`, answer: `${i + 1}` }));
  writeFileSync(at('prompts.jsonl'), jsonLines(prompts));
  writeCorpus(at('corpus'));
}, 120_000);
beforeEach(() => {
  vi.stubEnv('XDG_CACHE_HOME', at('cache'));
  vi.stubEnv('TMPDIR', at('temporary'));
});
afterEach(() => vi.unstubAllEnvs());
afterAll(() => setup[Symbol.dispose]());

/** Every recipe, with what it cannot do without. */
const needed: Record<string, () => string[]> = {
  finetune: () => [`model=${at('base')}`, `data=${at('rows.jsonl')}`, `pairs=${at('pairs.jsonl')}`],
  'iterative-dpo': () => [`model=${at('base')}`, `prompts=${at('prompts.jsonl')}`, `heldOut=${at('prompts.jsonl')}`],
  'plamo2-1b': () => [],
  'plamo2-mini': () => [],
  'translate-ja': () => [`corpus=${at('corpus')}`],
};
const dryRun = (recipe: string, ...more: string[]) =>
  runCli([
    ...['run', recipe, '--dry-run', '--out', at('out')],
    ...(needed[recipe]?.() ?? []).flatMap((set) => ['--set', set]),
    ...more,
  ]);

it('knows what every recipe needs', () => {
  const recipes = readdirSync('recipes').filter((name) => name.endsWith('.ts'));
  expect(Object.keys(needed)).toEqual(recipes.map((name) => name.slice(0, -3)).sort());
});

// The shape of plamo2-1b takes a minute to forecast, and plamo2-mini has 20 stages.
it.each(inTime(['finetune'], Object.keys(needed)))(
  '%s',
  async (recipe) => {
    const { code, stdout, stderr } = await dryRun(recipe, '--json');
    expect(code, stderr).toBe(0);
    const { stages } = JSON.parse(stdout) as { stages: { name: string; state: string }[] };
    // The forecast is of the recipe as it is, and has every stage that ran.
    for (const { name, state } of stages) {
      expect(state, name).toBe('made');
      expect(stderr, name).toMatch(new RegExp(`^ {2}${name} +new +`, 'm'));
    }
    // Of the published shape weights, gradients and AdamW's two moments of 8 of the 16 layers are 10 GB at least.
    if (recipe === 'plamo2-1b') expect(stderr).toMatch(/^ {2}pretrain +new .* \d\d(\.\d)? GiB /m);
    expect([existsSync(at('out')), readdirSync(at('temporary'))]).toEqual([false, []]);
  },
  300_000,
);

it('says to people that it ran', async () => {
  const { stdout } = await dryRun('finetune');
  expect(stdout).toMatch(/^dry run of finetune: \d+ stages ran on something tiny; nothing was kept\n$/);
}, 60_000);

it('reads a little of what comes from outside, and a tiny model with the same tokenizer', async () => {
  mkdirSync(at('small'));
  writeFileSync(at('long.txt'), '吾輩は猫である。名前はまだ無い。'.repeat(4000));
  const { paths } = await shrinkSource(given('model', at('base')), at('small'));
  using model = loadModel(paths[0]!);
  expect([model.config.hidden_size, model.config.vocab_size]).toEqual([64, 500]);
  expect(existsSync(`${paths[0]}/tokenizer.jsonl`)).toBe(true);
  const rows = await shrinkSource(given('examples', at('rows.jsonl')), at('small'));
  const other = given('images', at('small'));
  expect([rows.kind, rows.paths.length, await shrinkSource(other, at('small'))]).toEqual(['examples', 1, other]);
});

it.each(['', '.gz', '.zst'])('reads the first lines of JSON lines of any kind: .jsonl%s', async (ending) => {
  const folder = at(`lines${ending}`);
  mkdirSync(folder);
  const text = Array.from({ length: 20_000 }, (_, i) => `["${'吾輩は猫である'.slice(i % 7)}", ${i}]\n`).join('');
  const pack = { '': Buffer.from, '.gz': gzipSync, '.zst': zstdCompressSync }[ending]!;
  writeFileSync(join(folder, `rows.jsonl${ending}`), pack(text));
  writeFileSync(join(folder, `few.jsonl${ending}`), pack('{"a": 1}\n{"a": 2}'));
  const files = ['rows', 'few'].map((name) => join(folder, `${name}.jsonl${ending}`));
  const { kind, paths } = await shrinkSource(given('pairs', files, { field: 'x' }), folder);
  const [rows, few] = paths.map((path) => readFileSync(path, 'utf8'));
  expect([kind, few]).toEqual(['pairs', '{"a": 1}\n{"a": 2}']);
  expect([text.startsWith(rows!), rows!.endsWith(']\n')]).toEqual([true, true]);
  const bytes = Buffer.byteLength(rows!);
  expect([bytes > 2 ** 17, bytes <= 2 ** 19], `${bytes}`).toEqual([true, true]);
});

it('says that pairs stand in where a tiny model gives none, and fails as ever without a dry run', async () => {
  const { stderr } = await dryRun('iterative-dpo', '--set', 'rounds=1');
  expect(stderr).toMatch(/^ {2}none of 4 prompts gives a pair: .*; as this is a dry run, 8 pairs .* stand in$/m);
  const small = ['rounds=1', 'pairs.limit=4', 'pairs.samples=2', 'pairs.maxTokens=4', ...needed['iterative-dpo']!()];
  const args = ['run', 'iterative-dpo', '--out', at('real'), ...small.flatMap((set) => ['--set', set])];
  const real = await runCli(args);
  expect([real.code, real.stderr]).toEqual([2, expect.stringMatching(/none of 4 prompts gives a pair/)]);
}, 120_000);

it.each(['--plan', '--clean', '--minutes=1'])('%s has no effect beside it', async (option) => {
  const { code, stderr } = await dryRun('finetune', option);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/has no effect: --dry-run keeps nothing/)]);
});

it('tells what a stage refuses, and keeps nothing of it either', async () => {
  writeFileSync(at('broken.jsonl'), '{"instruction": 3}\n');
  const { code, stderr } = await dryRun('finetune', '--set', `data=${at('broken.jsonl')}`);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/row 1/)]);
  expect(readdirSync(at('temporary'))).toEqual([]);
}, 60_000);
