// Every option of `tsumugi demo` reaches the recipe that it runs, or what is printed of it. An option without a row fails.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { TinyModel } from '../lm/tiny-model.testing.ts';
import { runCli } from './cli.testing.ts';

const asked = vi.hoisted((): unknown[] => []);
vi.mock('../recipe/index.ts', async (original) => ({
  ...(await original<object>()),
  runRecipe: (_recipe: unknown, settings: unknown, { out }: { out: string }) => {
    asked.push([settings, out]);
    return { interrupted: false, report: { stages: [{ name: 'extend', kind: 'model', metrics: [] }] } };
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
  minutes: ['0.5', 'pretrain.minutes', 0.5],
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
