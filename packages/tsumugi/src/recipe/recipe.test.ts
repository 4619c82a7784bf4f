// Recipes: what is made, skipped, gone on with, and why; what is refused; what is left behind.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigError, UserError } from '../base/index.ts';
import { readEvents } from '../run/index.ts';
import { RecipeFolder } from './folder.ts';
import { defineRecipe, defineStage, given, type RecipeReport, runRecipe } from './index.ts';
import { count, log, toy, toyConfig, trouble, words } from './toy-recipe.testing.ts';

let home: string;
let text: string;
let shown: string;
const stream = {
  write: (part: string) => {
    shown += part;
  },
};
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-recipe-'));
  text = join(home, 'novel.txt');
  writeFileSync(text, 'cat dog');
  log.length = 0;
  shown = '';
  for (const key of Object.keys(trouble)) delete trouble[key as keyof typeof trouble];
});
afterEach(() => rmSync(home, { recursive: true }));

const out = () => join(home, 'out');
const run = (changes: object = {}, options: object = {}) =>
  runRecipe(toy, toyConfig.parse({ text: [text], ...changes }), { out: out(), stream, ...options });
const states = ({ stages }: RecipeReport) => stages.map(({ name, state, why }) => `${name} ${state}: ${why}`);
const made = /made \d{4}-\d\d-\d\d \d\d:\d\d/;

async function refusal(body: () => Promise<unknown>): Promise<string> {
  const error = await body().catch((caught) => caught);
  expect(error).toBeInstanceOf(UserError);
  return `${(error as UserError).code}: ${(error as UserError).message}`;
}

describe('a recipe', () => {
  it('makes its stages, then skips them, and says why', async () => {
    const first = await run();
    expect(states(first.report)).toEqual(['words made: for the first time', 'count made: for the first time']);
    expect(log).toEqual(['words', 'count from 0']);
    const second = await run();
    expect(log).toHaveLength(2);
    for (const state of states(second.report)) expect(state).toMatch(/unchanged: made \d{4}-/);
    expect(second.report.stages.map(({ metrics }) => metrics)).toEqual(
      first.report.stages.map(({ metrics }) => metrics),
    );
    expect(second.report.stages[1]!.metrics[0]).toEqual({ name: 'total', value: 35, unit: 'letters' });
    expect(readFileSync(join(out(), 'count', 'count', 'total.txt'), 'utf8')).toBe('35');
    expect(JSON.parse(readFileSync(join(out(), 'report.json'), 'utf8'))).toEqual(second.report);
    expect(readEvents(join(out(), 'events.jsonl')).map(({ type, step }) => `${type} ${step}`)).toEqual([
      ...['start 0', 'stage 1', 'stage 1', 'stage 2', 'stage 2', 'end 2'],
      ...['start 0', 'stage 1', 'stage 2', 'end 2'],
    ]);
  });

  it('remakes exactly what a setting, the code or a file changes', async () => {
    await run();
    expect(states((await run({ count: { steps: 3 } })).report)[1]).toBe('count made: config changed: steps 5 → 3');
    expect(log.splice(0)).toEqual(['words', 'count from 0', 'count from 0']);
    // The first settings again: nothing to do.
    await run();
    expect(log.splice(0)).toEqual([]);
    expect(states((await run({ words: { upper: true } })).report)).toEqual([
      'words made: config changed: upper false → true',
      'count made: words is made anew',
    ]);
    writeFileSync(text, 'cat dog bird');
    expect(states((await run()).report)).toEqual([
      'words made: config changed: upper true → false; text: novel.txt changed',
      'count made: words is made anew',
    ]);
    expect(states((await run({ encoding: 'euc-jp' })).report)[0]).toBe(
      'words made: text is read differently: encoding unset → "euc-jp"',
    );
    await run();
    log.length = 0;
    const newer = defineRecipe({
      ...toy,
      stages: (config) =>
        toy
          .stages(config)
          .map((stage) =>
            stage.name === 'count' ? { ...stage, definition: { ...stage.definition, version: 2 } } : stage,
          ),
    });
    const { report } = await runRecipe(newer, toyConfig.parse({ text: [text] }), { out: out(), stream });
    expect(states(report)[1]).toBe('count made: the code of count changed (version 1 → 2)');
    expect(log).toEqual(['count from 0']);
    // Another stage, or one that uses something else, with the same settings and inputs.
    const withStage = (changes: object) => {
      const stages = (config: never) =>
        toy
          .stages(config)
          .map((stage) =>
            stage.name === 'count' ? { ...stage, definition: { ...stage.definition, ...changes } } : stage,
          );
      return runRecipe(defineRecipe({ ...toy, stages }), toyConfig.parse({ text: [text] }), { out: out(), stream });
    };
    const why = ({ report }: { report: RecipeReport }) => states(report)[1];
    await run();
    expect(why(await withStage({ name: 'tally' }))).toBe('count made: it is now made by tally, not by count');
    await run();
    expect(why(await withStage({ uses: async () => ({ rules: 2 }) }))).toBe(
      'count made: it uses another rules unset → 2',
    );
    expect(why(await withStage({ uses: async () => ({ rules: 3 }) }))).toBe('count made: it uses another rules 2 → 3');
  });

  it('knows files by their content, wherever they are', async () => {
    await run();
    const moved = join(home, 'moved.txt');
    writeFileSync(moved, 'cat dog');
    await run({ text: [moved] });
    expect(log).toHaveLength(2);
    writeFileSync(join(home, 'moved.md'), 'cat dog'); // another format
    await run({ text: [join(home, 'moved.md')] });
    expect(log).toHaveLength(4);
    for (const [i, name] of ['a.txt.gz', 'a.jsonl.gz'].entries()) {
      writeFileSync(join(home, name), 'cat dog'); // read otherwise, packed alike
      await run({ text: [join(home, name)] });
      expect(log).toHaveLength(6 + 2 * i);
    }
    expect(await refusal(() => run({ text: [join(home, 'none.txt')] }))).toMatch(/^missing-path: .*none\.txt/);
  });

  it('goes on with a stage that was cut off', async () => {
    trouble.interruptAt = 2;
    const { interrupted, report } = await run();
    expect(interrupted).toBe(true);
    expect(states(report)).toEqual(['words made: for the first time', 'count interrupted: not made yet']);
    expect(readEvents(join(out(), 'events.jsonl')).at(-1)).toMatchObject({ type: 'end', reason: 'interrupted' });
    delete trouble.interruptAt;
    shown = '';
    const resumed = await run();
    expect(shown).toContain('count: goes on, was cut off; goes on at step 2 of 5');
    // Three fifths of the time are left: 5 steps, a second for each of two words.
    expect(shown).toMatch(/count +goes on +6\.0 s/);
    expect(log).toEqual(['words', 'count from 0', 'count from 2']);
    expect(resumed.report.stages[1]!.curves[0]!.points).toHaveLength(5);
    // Other settings: the cut-off one is no use.
    expect(states((await run({ count: { steps: 2 } })).report)[1]).toContain('made: config changed: steps 5 → 2');
  });

  it('begins again what cannot go on, and what is damaged', async () => {
    trouble.fail = true;
    await expect(run()).rejects.toThrow('on purpose');
    const failed = JSON.parse(readFileSync(join(out(), 'report.json'), 'utf8')) as RecipeReport;
    expect(states(failed)).toEqual(['words failed: not made yet', 'count waiting: not made yet']);
    expect(readEvents(join(out(), 'events.jsonl')).at(-1)).toMatchObject({
      type: 'end',
      reason: 'failed',
      message: 'on purpose',
    });
    delete trouble.fail;
    expect(states((await run()).report)[0]).toBe('words made: was cut off, and begins again');
    writeFileSync(join(out(), 'words', 'words', 'list.txt'), 'cat');
    const { report } = await run();
    expect(states(report)[0]).toMatch(/^words made: made .*, but list\.txt was changed$/);
    expect(states(report)[1]).toMatch(made);
    rmSync(join(out(), 'words', 'stage.json'));
    expect(states((await run()).report)[0]).toContain('words made: for the first time');
  });

  it('refuses a result whose input changed meanwhile', async () => {
    trouble.before = () => writeFileSync(text, 'mouse');
    expect(await refusal(() => run())).toMatch(/^input-changed: .*novel\.txt changed while "words" was made/);
    delete trouble.before;
    await run();
    expect(readFileSync(join(out(), 'words', 'words', 'list.txt'), 'utf8')).toBe('mouse');
  });

  const list = () => join(out(), 'words', 'words', 'list.txt');
  /** Other content of the same size and time. */
  const tamper = (content: string) => {
    const { size, atime, mtime } = statSync(list());
    writeFileSync(list(), content);
    utimesSync(list(), atime, mtime);
    expect(statSync(list()).size).toBe(size);
  };

  it('makes anew what holds something else than was made, at whatever size and time', async () => {
    await run();
    tamper('cat\nbug');
    expect(states((await run()).report)[0]).toMatch(/^words made: made .*, but list\.txt was changed$/);
    expect(readFileSync(list(), 'utf8')).toBe('cat\ndog');
    writeFileSync(join(out(), 'words', 'words', 'more.txt'), '');
    expect(states((await run()).report)[0]).toMatch(/^words made: made .*, but more\.txt was added$/);
    expect(log).toEqual(['words', 'count from 0', 'words', 'words']); // count was made from the same
    for (const [folder, name] of [
      ['words', 'list.txt'],
      ['count', 'total.txt'],
    ] as const) {
      rmSync(join(out(), folder, folder, name));
      expect(states((await run()).report).find((state) => state.startsWith(folder))).toContain(`${name} is missing`);
    }
  });

  it('makes anew what was made from another artefact than there is now, begun or complete', async () => {
    await run();
    trouble.word = 'bird'; // made again it is another, as what depends on the time is
    tamper('cat\nbug');
    expect(states((await run()).report)[1]).toBe('count made: was made from another words');
    expect(log.splice(0)).toEqual(['words', 'count from 0', 'words', 'count from 0']);
    expect(readFileSync(join(out(), 'count', 'count', 'total.txt'), 'utf8')).toBe('60');
    expect(states((await run()).report)[1]).toMatch(/unchanged/);
    trouble.interruptAt = 2;
    await run({ count: { steps: 4 } });
    delete trouble.interruptAt;
    trouble.word = 'wolf';
    tamper('cat\nbug\nbird');
    log.length = 0;
    expect(states((await run({ count: { steps: 4 } })).report)[1]).toBe('count made: was made from another words');
    expect(log).toEqual(['words', 'count from 0']);
  });

  it('refuses what another stage made when it changed since', async () => {
    trouble.during = () => tamper('cat\nbug');
    expect(await refusal(() => run({ twice: true }))).toMatch(
      /^input-changed: .*list\.txt was changed while "count" was made/,
    );
    expect(existsSync(join(out(), 'again'))).toBe(false);
    // Before it is used, too: not a stage is begun on it.
    delete trouble.during;
    log.length = 0;
    const meanwhile = {
      write: (part: string) => {
        if (part.includes('2/3 count')) tamper('cat\nbug');
      },
    };
    expect(await refusal(() => run({ twice: true }, { stream: meanwhile }))).toMatch(
      /^input-changed: .*list\.txt was changed/,
    );
    expect(log).toEqual(['words']);
    await run({ twice: true });
    expect(log).toEqual(['words', 'words', 'count from 0', 'count from 0']);
  });

  it('keeps artefacts of other settings until it is asked to clean', async () => {
    await run();
    await run({ count: { steps: 2 }, twice: true });
    const artefacts = () =>
      readdirSync(join(out(), 'artefacts'))
        .map((name) => name.replace(/-.*/, ''))
        .sort();
    expect(artefacts()).toEqual(['again', 'count', 'count', 'words']);
    await run({ count: { steps: 2 } }, { clean: true });
    expect(artefacts()).toEqual(['count', 'words']);
    expect(readdirSync(join(out(), 'count')).sort()).toEqual(['at.txt', 'count', 'events.jsonl', 'stage.json']);
    expect(lstatSync(join(out(), 'count')).isSymbolicLink()).toBe(true);
  });

  it('only plans when that is asked', async () => {
    const { report } = await run({}, { planOnly: true });
    expect(states(report)).toEqual(['words waiting: not made yet', 'count waiting: not made yet']);
    expect(existsSync(out())).toBe(false);
  });
});

describe('a forecast', () => {
  it('is a table of all stages, those that are skipped left out of the sum', async () => {
    await run({}, { planOnly: true });
    const table = shown
      .split('\n\n')[1]!
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/));
    expect(table.slice(0, 4)).toEqual([
      ['stage', 'time', 'memory', 'disk'],
      ['words', 'new', '1.0 s', '7 B', '7 B'],
      ['count', 'new', '10.0 s', '8.00 MiB', '8 B'],
      ['total', '11.0 s', '8.00 MiB', '15 B'],
    ]);
    await run();
    shown = '';
    await run({ count: { steps: 3 } }, { planOnly: true });
    expect(shown).toMatch(/words +unchanged +– +– +–/);
    expect(shown).toMatch(/total +6\.0 s/);
  });

  it('takes what is not made yet to have the bytes of its own forecast, then those it has', async () => {
    const seen: number[] = [];
    const copy = defineStage({
      name: 'copy',
      version: 1,
      makes: 'words',
      inputs: { words: 'words' },
      config: z.strictObject({}),
      output: 'words',
      resumes: false,
      forecast({ inputs }) {
        seen.push(inputs.words.bytes);
        return { seconds: 1, memory: [], diskBytes: 1 };
      },
      async run({ folder }) {
        mkdirSync(join(folder, 'words'));
        writeFileSync(join(folder, 'words', 'list.txt'), '');
        return { metrics: [] };
      },
    });
    const stages = () => {
      const first = words.stage('words', {}, { text: given('text', text) });
      return [first, copy.stage('copy', {}, { words: first })];
    };
    const asked = (planOnly: boolean) =>
      runRecipe({ ...toy, stages }, toyConfig.parse({ text: [text] }), { out: out(), stream, planOnly });
    writeFileSync(text, 'cat  dog');
    await asked(true);
    await asked(false);
    writeFileSync(join(out(), 'copy', 'words', 'list.txt'), 'changed');
    await asked(true);
    // Eight of the text, as the forecast says; the list has a space less.
    expect(seen).toEqual([8, 8, 7]);
  });

  it('refuses what cannot fit before anything is written, with a value that would', async () => {
    const refused = await refusal(() => run({ count: { size: 2 ** 30 } }));
    expect(refused).toMatch(/^not-enough-memory: count will need about 1024 TiB of memory, and .* are available/);
    expect(refused).toMatch(/It would fit with --set count\.size=\d+\.$/);
    const size = Number(/size=(\d+)/.exec(refused)![1]);
    expect(await refusal(() => run({ count: { size: 4 * size } }))).toContain('--set count.light=true');
    expect(await refusal(() => run({ count: { fixed: 2 ** 50 } }))).toMatch(
      /Lower it with --set count\.light=… or --set count\.size=…; no single one of them is enough/,
    );
    expect(await refusal(() => run({}, { seconds: 8 }))).toMatch(
      /^not-enough-time: count will need about 10\.0 s of time, the whole recipe 11\.0 s, and 8\.0 s are available.*\n.*--set count.steps=2/,
    );
    expect(existsSync(out())).toBe(false);
  });
});

describe('the folder', () => {
  it('has one writer, and is not taken from something else', async () => {
    {
      using _folder = new RecipeFolder(out(), 'toy');
      expect(await refusal(() => run())).toMatch(/^run-in-use: /);
    }
    await run();
    const other = { ...toy, name: 'other' };
    const options = { out: out(), stream };
    const config = toyConfig.parse({ text: [text] });
    expect(await refusal(() => runRecipe(other, config, options))).toMatch(/^other-recipe: .*recipe toy, not of other/);
    expect(await refusal(() => runRecipe(toy, config, { out: home, stream }))).toMatch(/^not-a-recipe: /);
    expect(await refusal(() => runRecipe(toy, config, { out: text, stream }))).toMatch(/^not-a-folder: /);
  });
});

describe('a recipe that is wrong', () => {
  const stages = (stages: typeof toy.stages) =>
    refusal(() => runRecipe({ ...toy, stages }, toyConfig.parse({ text: [text] }), { out: out(), stream }));
  const source = () => given('text', text);

  it('is refused in a sentence', async () => {
    const list = words.stage('words', {}, { text: source() });
    expect(await stages(() => [])).toMatch(/^bad-recipe: recipe toy: it has no stages/);
    expect(await stages(() => [list, words.stage('words', {}, { text: source() })])).toContain(
      'two stages are called "words"',
    );
    expect(await stages(() => [count.stage('count', {}, { words: list })])).toContain(
      '"count" takes "words" as words, which is not made before it',
    );
    expect(() => words.stage('a b', {}, { text: source() })).toThrow(/cannot be called "a b"/);
    expect(() => count.stage('count', { steps: -1 }, { words: list })).toThrow(
      'stage "count": "steps" is -1, expected a number above 0',
    );
  });

  it.each([
    [null, 'inputs are an object, got null'],
    [['x'], 'inputs are an object, got an array'],
    [{}, '"text" is undefined, no input'],
    [{ text: 'file.txt' }, '"text" is string file.txt, no input'],
    [{ text: null }, '"text" is null, no input'],
    [{ text: [given('text', 'a.txt')] }, '"text" is an array, no input'],
    [{ text: given('words', 'a.txt') }, '"text" is of the kind "words", not "text"'],
    [{ text: given('text', 'a.txt'), texts: given('text', 'a.txt') }, 'it has no input "texts"'],
  ])('has inputs %j', (inputs, message) => {
    expect(() => words.stage('words', {}, inputs as never)).toThrow(ConfigError);
    expect(() => words.stage('words', {}, inputs as never)).toThrow(`stage "words": ${message}`);
  });

  it.each([['x'], [null], [undefined], [['x']], [Promise.resolve()]])('returns %j for a stage', async (stage) => {
    expect(await stages(() => [stage as never])).toMatch(
      /^bad-recipe: recipe toy: number 1 of what `stages` returns is/,
    );
  });

  it.each([[null], [undefined], [3], [[3]], [{}], [[]]])('gives the paths %j', (paths) =>
    expect(() => given('text', paths as never)).toThrow('the paths are a text or a list of texts'),
  );

  it.each([[null], ['x'], [['x']]])('gives what is no object: %j', (value) => {
    expect(() => given('text', text, value as never)).toThrow('how it is read is an object');
    expect(() => defineStage(value as never)).toThrow('it has no "name"');
    expect(() => words.settings(value as never)).toThrow('defaults of settings are an object');
  });

  it('defines a stage of settings without a schema', () => {
    const stage = { ...words, config: { least: 1 } };
    expect(() => defineStage(stage as never)).toThrow('defineStage of "words": it has no "config" (a z.object)');
    expect(() => defineStage({ ...words, run: undefined } as never)).toThrow('it has no "run" (a function)');
  });

  it('does not compile with an input of the wrong kind', () => {
    const list = words.stage('words', {}, { text: source() });
    const wrong = [
      // @ts-expect-error: a list of words is no text
      () => words.stage('words', {}, { text: list }),
      // @ts-expect-error: the input is missing
      () => count.stage('count', {}, {}),
      // @ts-expect-error: there is no such setting
      () => count.stage('count', { stepz: 3 }, { words: list }),
    ];
    expect(wrong).toHaveLength(3);
  });
});
