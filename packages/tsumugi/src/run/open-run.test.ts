// Going on with a run: the same settings and the same inputs, wherever they lie by now.
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConfigError, contentHash, DataError, FormatError, TsumugiError } from '../base/index.ts';
import { saveCheckpoint } from '../store/index.ts';
import { ones, scope } from '../torch/index.ts';
import { inputAt, openRun, RunFolder } from './index.ts';

let home: string;
beforeEach(() => {
  said = [];
  home = mkdtempSync(join(tmpdir(), 'tsumugi-open-run-'));
  writeFileSync(at('a'), 'one');
  mkdirSync(at('b'));
  writeFileSync(at('b', 'x'), 'two');
});
afterEach(() => rmSync(home, { recursive: true }));
let said: string[];
const at = (...names: string[]) => join(home, ...names);

interface Settings {
  out: string;
  data: string;
  mix: { data: string; weight: number }[];
  steps: number;
  minutes?: number;
}
const settings = (changes: Partial<Settings> = {}): Settings => ({
  out: at('run'),
  data: at('a'),
  mix: [{ data: at('b'), weight: 1 }],
  steps: 3,
  ...changes,
});

async function open(
  changes: Partial<Settings> = {},
  { name = 'train', resume = true, mayChange = [] as string[] } = {},
): Promise<RunFolder> {
  const config = settings(changes);
  const inputs = {
    data: inputAt(config.data, await contentHash(config.data)),
    'mix.0.data': inputAt(config.mix[0]!.data, await contentHash(config.mix[0]!.data)),
  };
  return openRun(name, config, { resume, mayChange, say: (line) => said.push(line) }, inputs);
}
const begin = async (changes: Partial<Settings> = {}): Promise<void> => {
  using run = await open(changes, { resume: false });
  run.openEvents()[Symbol.dispose]();
};
async function refusal(opening: Promise<RunFolder>): Promise<TsumugiError> {
  const error = await opening.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TsumugiError);
  expect((error as TsumugiError).remedy).toBeTruthy();
  return error as TsumugiError;
}

it('begins, and writes down what it is made from', async () => {
  await begin();
  const run = RunFolder.open(at('run'));
  expect(run.inputs).toEqual({
    data: { path: at('a'), sha256: await contentHash(at('a')), bytes: 3, written: expect.any(String) },
    'mix.0.data': { path: at('b'), sha256: await contentHash(at('b')), bytes: 3, written: expect.any(String) },
  });
  (await open())[Symbol.dispose]();
});

it('says when there is nothing to go on with: no run, or one that has saved nothing', async () => {
  {
    using begun = await open();
    begun.openEvents()[Symbol.dispose]();
  }
  expect(said).toEqual([`there is no run in ${at('run')} to go on with: a new one begins`]);
  const run = await open();
  expect(said.slice(1)).toEqual([`the run in ${at('run')} has not saved anything yet: it begins anew`]);
  scope(() => saveCheckpoint(run.checkpoints, 1, { tensors: { model: [['w', ones([1])]] }, state: {} }));
  run[Symbol.dispose]();
  (await open())[Symbol.dispose]();
  expect(said).toHaveLength(2);
  // Who does not ask to go on is told nothing.
  (await open({ out: at('new') }, { resume: false }))[Symbol.dispose]();
  expect(said).toHaveLength(2);
});

it('goes on when run and inputs were moved or are named otherwise, and says where they are now', async () => {
  await begin();
  const { created } = RunFolder.open(at('run'));
  renameSync(at('run'), at('moved'));
  mkdirSync(at('elsewhere'));
  renameSync(at('a'), at('elsewhere', 'text'));
  symlinkSync(at('b'), at('link'));
  const places = {
    out: `${at('moved')}/`,
    data: `${home}/b/../elsewhere/./text`,
    mix: [{ data: at('link'), weight: 1 }],
  };
  {
    using moved = await open(places);
    moved.openEvents(0)[Symbol.dispose]();
  }
  const run = RunFolder.open(at('moved'));
  expect([run.config, run.created]).toEqual([settings(places), created]);
  expect(run.inputs).toMatchObject({ data: { path: places.data }, 'mix.0.data': { path: at('link') } });
  (await open(places))[Symbol.dispose]();
});

it('refuses inputs that changed in place, each with what it was and is', async () => {
  await begin();
  const whole = readFileSync(at('run', 'run.json'), 'utf8');
  const then = await contentHash(at('a'));
  utimesSync(at('a'), 1, 1);
  writeFileSync(at('a'), 'eno');
  utimesSync(at('a'), 1, 1);
  const one = await refusal(open());
  expect(one).toBeInstanceOf(DataError);
  expect(one.code).toBe('input-changed');
  expect(one.message).toContain(`data was ${at('a')} (SHA-256 ${then.slice(0, 12)}…, 3 bytes, of 20`);
  expect(one.message).toContain(
    `and is ${at('a')} (SHA-256 ${(await contentHash(at('a'))).slice(0, 12)}…, 3 bytes, of 1970`,
  );
  expect(one.message).not.toContain('mix');
  writeFileSync(at('b', 'y'), 'three');
  expect((await refusal(open())).message).toMatch(/data was .*; mix\.0\.data was .*3 bytes.* and is .*8 bytes/);
  // Nothing was written, nothing is locked: put back, it goes on.
  expect(readFileSync(at('run', 'run.json'), 'utf8')).toBe(whole);
  writeFileSync(at('a'), 'one');
  rmSync(at('b', 'y'));
  (await open())[Symbol.dispose]();
});

it('refuses other settings, naming each, and those that are gone', async () => {
  await begin({ minutes: 5 });
  const error = await refusal(open({ steps: 4, mix: [{ data: at('b'), weight: 2 }] }));
  expect(error).toBeInstanceOf(ConfigError);
  expect(error.fields['changes']).toEqual(['mix.0.weight: 1 → 2', 'steps: 3 → 4', 'minutes: 5 → unset']);
  expect((await refusal(open({}, { name: 'other' }))).code).toBe('other-run');
  (await open({ minutes: 5 }))[Symbol.dispose]();
});

it('takes changes of what may change, says so, and writes them down with the first event', async () => {
  await begin({ minutes: 5 });
  const mayChange = ['steps', 'mix.0.weight'];
  const both = { minutes: 5, steps: 4, mix: [{ data: at('b'), weight: 2 }] };
  const stepsOf = () => RunFolder.open(at('run')).config['steps'];
  {
    using run = await open(both, { mayChange });
    expect(said[0]).toBe(`going on in ${at('run')} with mix.0.weight: 1 → 2, steps: 3 → 4`);
    expect(stepsOf()).toBe(3);
    run.openEvents(0)[Symbol.dispose]();
    expect(stepsOf()).toBe(4);
  }
  // Of several, those that may not are named.
  const error = await open({ ...both, steps: 9, minutes: 6 }, { mayChange }).catch((caught) => caught);
  expect(error.fields['changes']).toEqual(['minutes: 5 → 6']);
});

it('says so when one setting was changed, and writes down when an input was written to that is the same', async () => {
  await begin();
  utimesSync(at('a'), 1000, 1000);
  {
    using run = await open({}, {});
    run.openEvents(0)[Symbol.dispose]();
  }
  expect(said.filter((line) => line.startsWith('going on'))).toEqual([]);
  expect(RunFolder.open(at('run')).inputs['data']!.written).toBe(new Date(1000_000).toISOString());
  said = [];
  (await open({ steps: 4 }, { mayChange: ['steps'] }))[Symbol.dispose]();
  expect(said[0]).toBe(`going on in ${at('run')} with steps: 3 → 4`);
});

it('believes no run.json that is malformed', async () => {
  await begin();
  const run = JSON.parse(readFileSync(at('run', 'run.json'), 'utf8'));
  for (const inputs of [
    undefined,
    [],
    { data: { path: 'a' } },
    { data: { ...run.inputs.data, sha256: 'x' } },
    { data: { ...run.inputs.data, more: 1 } },
  ]) {
    writeFileSync(at('run', 'run.json'), JSON.stringify({ ...run, inputs }));
    expect(await refusal(open())).toBeInstanceOf(FormatError);
  }
  // Names that every object has are names like others.
  writeFileSync(at('run', 'run.json'), JSON.stringify({ ...run, inputs: {} }));
  expect((await refusal(open())).message).toContain('data was not named and is');
});
