// `tsumugi run`: finding recipes, settings, plan, refusals, the report.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { sha256 } from '../base/index.ts';
import { RecipeFolder } from '../recipe/folder.ts';
import { embeddedText } from '../text/index.ts';
import { runCli } from './cli.testing.ts';
import { loadRecipe } from './recipes.ts';

const tiny = fileURLToPath(new URL('tiny-recipe.testing.ts', import.meta.url));
let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-run-command-'));
  writeFileSync(join(home, 'text.txt'), readFileSync(embeddedText()[1]!, 'utf8').slice(0, 6000));
});
afterEach(() => rmSync(join(home, 'out'), { recursive: true, force: true }));
afterAll(() => rmSync(home, { recursive: true }));
const place = (name: string) => join(home, name);
const run = (...args: string[]) => runCli(['run', ...args]);

it('lists recipes, and the settings of one', async () => {
  const { code, stdout } = await run('--list');
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^ {2}plamo2-mini +The recipe of PLaMo 2 in miniature.*recipes\/plamo2-mini\.ts$/m),
  ]);
  const help = await run('plamo2-mini', '--help');
  expect(help.code).toBe(0);
  expect(help.stdout).toContain('Usage: tsumugi run RECIPE [options]');
  expect(help.stdout).toMatch(/^ {2}pretrain\.sequenceLength +tokens of a row \(default 256\)$/m);
  expect((await run('--help')).stdout).not.toContain('pretrain.sequenceLength');
});

it('lists recipes without running their files', async () => {
  const recipes = join(home, 'recipes');
  mkdirSync(recipes);
  const code = `(await import('node:fs')).writeFileSync(${JSON.stringify(place('it-ran'))}, '');`;
  writeFileSync(join(recipes, 'evil.ts'), `// Trains on  my notes.\n// With care.\n${code}\nexport default {};\n`);
  writeFileSync(join(recipes, 'mute.ts'), code);
  const before = process.cwd();
  process.chdir(home);
  try {
    const { stdout } = await run('--list');
    expect(stdout).toMatch(/^ {2}evil +Trains on my notes\. — recipes\/evil\.ts$/m);
    expect(stdout).toMatch(/^ {2}mute +recipes\/mute\.ts$/m);
    for (const args of [[], ['evl'], ['--help'], ['evil', '--list']]) await run(...args);
    expect(existsSync(place('it-ran'))).toBe(false);
    await run('./recipes/evil.ts', '--plan');
    expect(existsSync(place('it-ran'))).toBe(true); // asked for by name: it is code, and runs
  } finally {
    process.chdir(before);
  }
});

it.each([
  [[], 'needs the name of a recipe, or the path of one\n  → There are: .*plamo2-mini'],
  [['plamo2-mimi'], 'there is no recipe "plamo2-mimi"\n  → Did you mean "plamo2-mini"?'],
  [['something'], 'there is no recipe "something"\n  → There are: '],
  [['./none.ts'], './none.ts does not exist'],
  [
    ['plamo2-mini', '--set', 'pretrain.stepz=3'],
    '--set: there is no setting "pretrain.stepz"\n  → Did you mean "pretrain.steps"?',
  ],
  [['plamo2-mini', '--set', 'pretrain.steps=-3'], 'pretrain.steps: expected more than 0, got "-3"'],
  [['plamo2-mini', '--set', 'text=/none', '--plan'], '/none does not exist'],
  [
    ['plamo2-mini', '--set', 'evaluate.tasks=neadle', '--plan'],
    'there is no task "neadle"\n  → Did you mean "needle"?',
  ],
  [
    ['plamo2-mini', '--set', 'evaluate.options.lenghts=1K', '--plan'],
    'an option "lenghts"\n  → Did you mean "lengths"?',
  ],
])('explains: run %j', async (args, message) => {
  const { code, stdout, stderr } = await run(...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(new RegExp(message.replaceAll(/[?]/g, '\\?')));
});

it.each([
  ['export const recipe = 1;', 'it has no default export'],
  ['export default { name: "x", summary: "y", config: {} };', 'its recipe has no "stages" (a function)'],
  ...['null', '[]', '{}', '{ steps: 3 }'].map((config) => [
    `export default { name: "x", summary: "y", config: ${config}, stages() {} };`,
    'its recipe has no "config" (a z.object of its settings)',
  ]),
  ['throw new Error("on purpose");', 'it cannot be loaded: line 1: on purpose', '--debug'],
  ['import "tsumugi/nothing"; export default 1;', 'it cannot be loaded: ', '--debug'],
])('refuses a file that is no recipe: %s', async (content, message, remedy = 'docs/recipes.md') => {
  const path = place(`wrong-${sha256(content).slice(0, 8)}.ts`); // a module is loaded once
  writeFileSync(path, content);
  const { code, stderr } = await run(path, '--out', place('out'));
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr).toContain(remedy);
  expect(existsSync(place('out'))).toBe(false);
});

/** A recipe of one stage, forecast to take a second, in a file of its own. */
const writeOwn = () =>
  writeFileSync(
    place('own.ts'),
    `import { defineRecipe, given } from 'tsumugi/recipe';
     import { tokenizer } from 'tsumugi/stages';
     import { z } from 'zod';
     export default defineRecipe({
       name: 'own',
       summary: 'a tokenizer',
       config: z.strictObject({ tokenizer: tokenizer.settings({ vocabularySize: 420 }) }),
       stages: (config) => [tokenizer.stage('tokenizer', config.tokenizer, { text: given('text', ${JSON.stringify(place('text.txt'))}) })],
     });`,
  );

it('takes minutes as minutes, and cleans only when asked', async () => {
  writeOwn();
  const own = (...args: string[]) => run(place('own.ts'), '--out', place('out'), ...args);
  const refused = await own('--minutes', '0.01'); // 0.6 s
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/about 1\.0 s of time.*600 ms are/)]);
  expect((await own('--minutes', '0.05')).code).toBe(0); // 3 s
  const artefacts = () => readdirSync(join(place('out'), 'artefacts')).length;
  expect((await own('--set', 'tokenizer.vocabularySize=430')).code).toBe(0);
  expect(artefacts()).toBe(2);
  const cleaned = await own('--set', 'tokenizer.vocabularySize=430', '--clean');
  expect([cleaned.code, cleaned.stderr, artefacts()]).toEqual([0, expect.stringMatching(/^removed .*tokenizer-/m), 1]);
}, 60_000);

it('finds tsumugi and zod for a recipe that is somewhere else', async () => {
  writeOwn();
  const { code, stdout, stderr } = await run(place('own.ts'), '--out', place('out'));
  expect([code, stderr]).toEqual([0, expect.stringContaining('tokenizer: new, not made yet')]);
  expect(stdout).toMatch(/tokenizer +made .*\n(?:.*\n)*.*pieces +420\n\nreport: .*report\.html\n$/);
  expect(readFileSync(join(place('out'), 'report.html'), 'utf8')).toContain('<h1>own</h1>');
  const again = JSON.parse((await run(place('own.ts'), '--out', place('out'), '--json')).stdout);
  expect(again).toMatchObject({ recipe: 'own', stages: [{ name: 'tokenizer', state: 'unchanged' }] });
});

it('gives each of its options an effect', async () => {
  writeFileSync(
    place('sized.ts'),
    `import { defineRecipe, given } from 'tsumugi/recipe';
     import { tokenizer } from 'tsumugi/stages';
     import { z } from 'zod';
     export default defineRecipe({
       name: 'sized',
       summary: 'a tokenizer',
       config: z.strictObject({ tokenizer: tokenizer.settings({ vocabularySize: 420 }) }),
       stages: (config) => [tokenizer.stage('tokenizer', config.tokenizer, { text: given('text', ${JSON.stringify(place('text.txt'))}) })],
     });`,
  );
  writeFileSync(place('sized.json'), '{"tokenizer": {"vocabularySize": 430}}');
  const sized = (...args: string[]) => run(place('sized.ts'), '--out', place('out'), ...args);
  const artefacts = () => readdirSync(join(place('out'), 'artefacts')).length;
  const pieces = /pieces +(\d+)/;
  const rows: Record<string, () => Promise<void>> = {
    plan: async () => expect([(await sized('--plan')).stdout, existsSync(place('out'))]).toEqual(['', false]),
    minutes: async () => expect((await sized('--minutes', '0.0001')).code).toBe(2),
    out: async () => expect([(await sized()).code, artefacts()]).toEqual([0, 1]),
    config: async () => expect(pieces.exec((await sized('--config', place('sized.json'))).stdout)![1]).toBe('430'),
    set: async () => expect(pieces.exec((await sized('--set', 'tokenizer.vocabularySize=440')).stdout)![1]).toBe('440'),
    clean: async () => expect([artefacts(), (await sized('--clean')).code, artefacts()]).toEqual([3, 0, 1]),
    json: async () => expect(JSON.parse((await sized('--json')).stdout)).toMatchObject({ recipe: 'sized' }),
    list: async () => expect((await run('--list')).stdout).toContain('plamo2-mini'),
    'dry-run': async () => expect((await sized('--dry-run')).stdout).toMatch(/^dry run of sized: one stage ran on/),
  };
  for (const effect of Object.values(rows)) await effect();
  const known = [...(await run('--help')).stdout.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name!);
  expect(Object.keys(rows).sort()).toEqual(known.sort());
});

it('runs what docs/recipes.md shows', async () => {
  const page = readFileSync(fileURLToPath(new URL('../../../../docs/recipes.md', import.meta.url)), 'utf8');
  const [recipe, stage] = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);
  writeFileSync(place('two-sizes.ts'), recipe!);
  const sets = ['--set', `text=${place('text.txt')}`, '--set', 'reading.encoding=utf-8'];
  const { code, stderr } = await run(place('two-sizes.ts'), '--out', place('out'), ...sets, '--plan');
  expect([code, stderr]).toEqual([0, expect.stringMatching(/ {2}large +new +/)]);
  writeFileSync(
    place('with-density.ts'),
    `${stage}
     import { defineRecipe, given } from 'tsumugi/recipe';
     import { data, tokenizer } from 'tsumugi/stages';
     export default defineRecipe({
       name: 'with-density',
       summary: 'the stage of the page',
       config: z.strictObject({ text: z.array(z.string()) }),
       stages(config) {
         const text = given('text', config.text);
         const pieces = tokenizer.stage('tokenizer', { vocabularySize: 420 }, { text });
         const shards = data.stage('data', {}, { text, tokenizer: pieces });
         return [pieces, shards, density.stage('density', {}, { data: shards })];
       },
     });`,
  );
  const made = await run(place('with-density.ts'), '--out', place('out'), ...sets.slice(0, 2));
  expect([made.code, made.stdout]).toEqual([
    0,
    expect.stringMatching(/density\n +characters per token +[01]\.\d{3}\n/),
  ]);
});

it('plans without writing, and refuses what cannot fit', async () => {
  const args = [tiny, '--out', place('out'), '--set', `text=${place('text.txt')}`];
  const { code, stdout, stderr } = await run(...args, '--plan');
  expect([code, stdout]).toEqual([0, '']);
  expect(stderr).toMatch(/ {2}extend +new +[\d.]+ m?s +[\d.]+ MiB +[\d.]+ MiB\n/);
  const huge = await run(...args, '--set', 'pretrain.model=8b', '--set', 'pretrain.modelChanges={}');
  expect(huge.code).toBe(2);
  expect(huge.stderr).toMatch(/error: pretrain will need about .* of memory.*\n.*--set pretrain\.model=…/);
  expect((await run(...args, '--minutes', '0.0001')).stderr).toMatch(
    /error: .* of time, the whole recipe .*are available/,
  );
  expect(existsSync(place('out'))).toBe(false);
  using _other = new RecipeFolder(place('out'), 'tiny');
  expect((await run(...args)).stderr).toMatch(/is being written by process \d+ on \S+, for /);
});

it.each(['pretrain', 'extend'])(
  'refuses a schedule of %s that cannot be, before anything is written',
  async (stage) => {
    const sets = ['schedule=wsd', 'warmup=0.5', 'decay=0.6'].flatMap((each) => ['--set', `${stage}.${each}`]);
    const args = [tiny, '--out', place('out'), '--set', `text=${place('text.txt')}`, ...sets];
    for (const more of [['--plan'], []]) {
      const { code, stderr } = await run(...args, ...more);
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining('warmup 0.5 and decay 0.6 together are more than all'),
      ]);
      expect(existsSync(place('out'))).toBe(false);
    }
  },
);

it('plans over text in folders whose links lead in circles, and refuses a recipe that is one', async () => {
  const circle = place('circle');
  mkdirSync(join(circle, 'inner'), { recursive: true });
  writeFileSync(join(circle, 'text.txt'), readFileSync(place('text.txt')));
  symlinkSync(circle, join(circle, 'inner', 'up'));
  symlinkSync('.', join(circle, 'here'));
  for (const [from, to] of [['a.txt', 'b.txt'], ['b.txt', 'a.txt'], ['self.txt', 'self.txt']] as const) // biome-ignore format: pairs
    symlinkSync(to, join(circle, from));
  const planned = await run(tiny, '--out', place('out'), '--set', `text=${circle}`, '--plan');
  expect([planned.code, planned.stderr]).toEqual([0, expect.stringMatching(/ {2}tokenizer +new +/)]);
  symlinkSync('recipe.ts', place('recipe.ts'));
  const { code, stderr } = await run(place('recipe.ts'), '--plan');
  expect(code).toBe(2);
  expect(stderr).toContain(place('recipe.ts'));
});

it('has recipes whose settings are complete', async () => {
  const recipe = await loadRecipe('plamo2-mini');
  const stagesOf = (config: object) =>
    recipe.stages(recipe.config.parse(config)).map(({ name, kind }) => `${name}: ${kind}`);
  const first = ['tokenizer: tokenizer', 'data: data', 'pretrain: model', 'grow: model', 'extend: model'];
  const smaller = ['prune: model', 'distill: model', 'sibling: model', 'merge: model'];
  const questions = ['questions', 'unseen', 'pairs', 'unseenPairs'].map((name) => `${name}: examples`);
  const models = ['sft', 'sftSibling', 'sftMerge', 'dpo', 'dpoMerge', 'quantize'].map((name) => `${name}: model`);
  const aligned = [...questions, ...models, 'export: gguf', 'answers: metrics'];
  expect(stagesOf({})).toEqual([...first, ...smaller, ...aligned, 'evaluate: metrics']);
  expect(stagesOf({ smaller: false })).toEqual([...first, ...aligned, 'evaluate: metrics']);
  expect(stagesOf({ longContext: false, aligned: false })).toEqual([
    ...first.slice(0, -1),
    ...smaller,
    'quantize: model',
    'export: gguf',
    'evaluate: metrics',
  ]);
});
