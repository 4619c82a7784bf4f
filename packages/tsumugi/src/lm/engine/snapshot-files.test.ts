// Snapshots on disk: an engine goes on from them with the same bits, and nothing that lies there brings it down.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine, initialWeights, Plamo2 } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import type { EngineRequest } from './request.ts';
import { ask, someIds, writeAll } from './writing.testing.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-snapshots-'));
afterAll(() => rmSync(home, { recursive: true }));
const at = (name: string) => join(home, name);

const model = new Plamo2(smallConfig({ full_attention_idx: [1] }), initialWeights(4));
afterAll(() => model.dispose());
writeAll(model, [{ maxTokens: 2 }]); // the model keeps its tables of angles
const modelHash = 'abc';
const salted = { prompt: someIds(50, 2), cacheSalt: 'tenant' };

function write(engine: Engine, request: Partial<EngineRequest>) {
  const written = ask(engine, { maxTokens: 8, logprobs: 2, ...request });
  while (engine.busy) engine.step();
  const { ids, logprobs, usage } = written;
  return { ids, logprobs, cached: usage!.cached, reason: usage!.cachedReason };
}

let turn: number[];
beforeAll(() => {
  using engine = new Engine(model);
  const { ids } = write(engine, { prompt: someIds(70), boundaries: [40], remember: true });
  write(engine, salted);
  turn = [...someIds(70), ...ids, 7];
  const { snapshots, bytes } = engine.saveSnapshots(at('kept'), { modelHash });
  expect([snapshots, engine.counters.snapshots, bytes > 0]).toEqual([4, 4, true]);
});

/** A copy of the folder, changed. */
function changed(name: string, change: (folder: string) => void): string {
  cpSync(at('kept'), at(name), { recursive: true });
  change(at(name));
  return at(name);
}

it('is gone on from with the same bits, by whom it belongs to', () => {
  using cold = new Engine(model);
  using warm = new Engine(model);
  expect(warm.loadSnapshots(at('kept'), { modelHash })).toMatchObject({ snapshots: 4 });
  const requests = [
    { prompt: [...someIds(40), 9, 9], boundaries: [40] },
    { prompt: someIds(70), boundaries: [40] },
    salted,
  ];
  for (const [i, request] of requests.entries()) {
    const found = write(warm, request);
    expect(found).toMatchObject({ ...write(cold, request), cached: [40, 70, 50][i], reason: expect.any(String) });
  }
  expect(write(warm, { prompt: turn }).cached).toBe(77);
  expect(write(warm, { prompt: salted.prompt })).toMatchObject({ cached: 0, reason: 'nothing-known' });
});

it('replaces what was there, and nothing that is something else', () => {
  using engine = new Engine(model);
  engine.loadSnapshots(at('kept'), { modelHash });
  const folder = changed('replaced', () => {});
  write(engine, { prompt: someIds(33, 3) });
  expect(engine.saveSnapshots(folder, { modelHash }).snapshots).toBe(5);
  expect(readdirSync(folder)).toHaveLength(6);
  writeFileSync(join(folder, 'mine.txt'), '');
  expect(() => engine.saveSnapshots(folder, { modelHash })).toThrow('holds something else');
  expect(existsSync(join(folder, 'mine.txt'))).toBe(true);
});

it('takes the most recently used where there is not room for all', () => {
  const options = { cacheBytes: 60_000 };
  using engine = new Engine(model, options);
  const { snapshots, ignored } = engine.loadSnapshots(at('kept'), { modelHash });
  expect([snapshots > 0 && snapshots < 4, ignored]).toEqual([true, expect.stringContaining('the memory is full')]);
  expect(engine.counters.bytesUsed).toBeLessThanOrEqual(options.cacheBytes);
  expect(write(engine, salted).cached).toBe(50);
});

describe('is left alone, with a sentence, when it', () => {
  const flip = (file: string) => (folder: string) => {
    const bytes = readFileSync(join(folder, file));
    bytes[bytes.length - 20]! ^= 1;
    writeFileSync(join(folder, file), bytes);
  };
  const edit = (from: string | RegExp, to: string) => (folder: string) => {
    const path = join(folder, 'snapshots.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
  };
  it.each<[string, (folder: string) => void, string]>([
    ['is of another model', edit('abc', 'abd'), 'are of another model'],
    ['has a state that was changed', flip('000000.safetensors'), '000000.safetensors was changed'],
    ['has a list that was changed', edit(/"length": ?70/, '"length":69'), 'snapshots.json was changed'],
    [
      'has a list that is no list',
      (folder) => writeFileSync(join(folder, 'snapshots.json'), '[]'),
      'does not hold what it should',
    ],
    [
      'has a list that is no JSON',
      (folder) => writeFileSync(join(folder, 'snapshots.json'), '{"form'),
      'is not valid JSON',
    ],
    ['lacks a file', (folder) => rmSync(join(folder, '000000.safetensors')), '000000.safetensors'],
    ['lacks its list', (folder) => rmSync(join(folder, 'snapshots.json')), 'snapshots.json'],
    ['is not there', (folder) => rmSync(folder, { recursive: true }), 'snapshots.json'],
  ])('%s', (name, change, sentence) => {
    using engine = new Engine(model);
    const { snapshots, ignored } = engine.loadSnapshots(changed(name, change), { modelHash });
    expect(ignored).toContain(sentence);
    expect(ignored).toMatch(/^The snapshots in .*\.$/);
    expect([snapshots, engine.counters.snapshots]).toEqual([0, 0]);
    expect(write(engine, salted).ids).toHaveLength(8);
  });

  it('is of a model of another shape, though its hash is the same', () => {
    using other = new Plamo2(smallConfig({ mamba_d_state: 4 }), initialWeights(4));
    using engine = new Engine(other);
    expect(engine.loadSnapshots(at('kept'), { modelHash }).ignored).toContain('does not fit the model');
  });
});

it('needs an engine with a prefix cache', () => {
  using engine = new Engine(model, { prefixCache: false });
  expect(() => engine.saveSnapshots(at('none'), { modelHash })).toThrow('the engine has no prefix cache');
  expect(() => engine.loadSnapshots(at('kept'), { modelHash })).toThrow('the engine has no prefix cache');
});
