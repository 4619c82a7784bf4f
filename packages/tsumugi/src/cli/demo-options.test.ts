// Every option of `tsumugi demo` reaches the recipe that it runs, or what is printed of it. An option without a row fails.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { UserError } from '../base/index.ts';
import { TinyModel } from '../lm/tiny-model.testing.ts';
import { runCli } from './cli.testing.ts';

const asked = vi.hoisted((): [settings: unknown, out: string][] => []);
/** What the recipe is refused for, one time after the other, and stages of its report besides. */
const [trouble, more] = vi.hoisted((): [string[], object[]] => [[], []]);
vi.mock('../recipe/index.ts', async (original) => ({
  ...(await original<object>()),
  runRecipe: (_recipe: unknown, settings: unknown, { out }: { out: string }) => {
    asked.push([settings, out]);
    if (trouble.length > 0) throw new UserError(trouble.shift()!, 'on purpose');
    const stages: object[] = [{ name: 'extend', kind: 'model', metrics: [] }];
    return { interrupted: false, report: { stages: [...stages, ...more] } };
  },
}));

let home: string;
let tiny: TinyModel;
const at = (...names: string[]) => join(home, ...names);
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-demo-'));
  tiny = new TinyModel();
  for (const out of ['one', 'two']) {
    mkdirSync(at(out, 'extend'), { recursive: true });
    symlinkSync(tiny.folder, at(out, 'extend', 'model'));
  }
  writeFileSync(at('text.txt'), '猫');
});
afterAll(() => {
  tiny[Symbol.dispose]();
  rmSync(home, { recursive: true });
});

async function demo(...options: string[]): Promise<{ asked: unknown; stdout: string }> {
  asked.length = 0;
  const { code, stdout, stderr } = await runCli(['demo', '--out', at('one'), ...options]);
  expect([code, asked.length], stderr).toEqual([0, 1]);
  return { asked: asked[0], stdout };
}

/** Option → its value, and where in the recipe's settings it arrives. */
const rows: Record<string, [value: string | undefined, place: string | undefined, arrives: unknown]> = {
  text: ['TEXT', 'text', ['TEXT']],
  field: ['body', 'reading.field', 'body'],
  encoding: ['euc-jp', 'reading.encoding', 'euc-jp'],
  'document-characters': ['700', 'reading.documentCharacters', 700],
  minutes: ['3', 'pretrain.minutes', 1.25],
  'vocabulary-size': ['500', 'tokenizer.vocabularySize', 500],
  model: ['dense', 'pretrain.model', 'dense'],
  seed: ['7', 'pretrain.seed', 7],
  out: ['OUT', undefined, undefined],
  json: [undefined, undefined, undefined],
};

const settingAt = (settings: unknown, place: string) =>
  place.split('.').reduce((value, key) => (value as Record<string, unknown>)[key], settings);

it('has a row for every option', async () => {
  const { stdout } = await runCli(['demo', '--help']);
  expect([...stdout.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name).sort()).toEqual(Object.keys(rows).sort());
});

it.each(Object.entries(rows))('--%s', async (name, [value, place, arrives]) => {
  const real = (word: string) => word.replace('TEXT', at('text.txt')).replace('OUT', at('two'));
  const before = await demo();
  const after = await demo(`--${name}`, ...(value === undefined ? [] : [real(value)]));
  const [settings, out] = after.asked as [unknown, string];
  if (name === 'json') {
    expect(JSON.parse(after.stdout)).toMatchObject({ model: at('one', 'extend', 'model') });
    expect(before.stdout).toContain('吾輩は猫である。');
    return;
  }
  expect(after.asked).not.toEqual(before.asked);
  if (place === undefined) return expect(out).toBe(at('two'));
  const expected = JSON.parse(real(JSON.stringify(arrives)));
  expect(settingAt(settings, place)).toEqual(expected);
  // A seed is that of everything random.
  if (name === 'seed') for (const step of ['data', 'extend']) expect(settingAt(settings, `${step}.seed`)).toBe(7);
});

it('makes every training shorter with less time, and none longer with more', async () => {
  const trainings = async (minutes: string) => {
    const [settings] = (await demo('--minutes', minutes)).asked as [unknown];
    const at = (place: string) => settingAt(settings, place);
    const phases = at('extend.phases') as { steps: number }[];
    return {
      steps: [...phases.map(({ steps }) => steps), at('distill.steps') as number, at('sibling.steps') as number],
      epochs: ['sft', 'sftSibling', 'dpo'].map((stage) => at(`${stage}.epochs`)),
    };
  };
  const [whole, half, double] = [await trainings('12'), await trainings('6'), await trainings('24')];
  expect(half.steps).toEqual(whole.steps.map((steps) => Math.ceil(steps / 2)));
  expect(half.epochs).toEqual([1.5, 1.5, 0.5]);
  expect([double.steps, double.epochs, whole.epochs]).toEqual([
    whole.steps,
    Array(3).fill(undefined),
    Array(3).fill(undefined),
  ]);
});

it('leaves out what a text is not good for', async () => {
  trouble.push('nothing-built', 'no-long-document');
  asked.length = 0;
  const { code, stderr } = await runCli(['demo', '--out', at('one')]);
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/on purpose: the model learns no answers\n[\s\S]*keeps the context it has/),
  ]);
  expect(asked.map(([settings]) => ['aligned', 'longContext'].map((key) => settingAt(settings, key)))).toEqual([
    [true, true],
    [false, true],
    [false, false],
  ]);
  trouble.push('nothing-built', 'nothing-built');
  expect((await runCli(['demo', '--out', at('one')])).code).toBe(2);
  trouble.length = 0;
});

it('shows what was asked, with the answers of the base and of the aligned model', async () => {
  const shares = [
    ['always “を”', 0.34, null, null, null, null, null, 438],
    ['merge', 0.02, 0.01, 0.04, null, null, null, 438],
    ['last', 0.5, 0.45, 0.55, 0.48, 0.43, 0.53, 438],
  ];
  const some = [['次の文の（　）に…\n\n猫（　）好き', 'が', '猫\n猫', 'が']];
  const tables = [
    { title: '', columns: [], rows: shares },
    { title: '', columns: ['question', 'right answer', 'merge', 'last'], rows: some },
  ];
  mkdirSync(at('one', 'merge'), { recursive: true });
  symlinkSync(tiny.folder, at('one', 'merge', 'model'));
  more.push({ name: 'answers', kind: 'metrics', metrics: [], tables });
  const { stdout } = await demo();
  // The tiny model writes bytes at random.
  expect(stdout.match(/ \[left out: \d+ places? with bytes that are no character\]\n\n/g)!.length).toBeGreaterThan(0);
  expect(stdout).not.toContain('\ufffd');
  expect(stdout).toContain('猫（　）好き\n  が is right; merge: 猫 猫; last: が\n');
  expect(stdout).toContain(
    'answers right, of 438 held-out questions\n  always “を”  34.0 %\n  merge  2.0 % (1.0 % to 4.0 %)\n',
  );
  expect(stdout).toContain('  last  50.0 % (45.0 % to 55.0 %)\n');
  expect(JSON.parse((await demo('--json')).stdout).answersRight).toEqual({ merge: 0.02, last: 0.5 });
  more.length = 0;
});
