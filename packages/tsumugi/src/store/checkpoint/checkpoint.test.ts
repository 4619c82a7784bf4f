// Checkpoints: bit-identical round trips, retention, and every kind of damage.
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError, RandomStream } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { fromBytes, Rng, randn, scope, tensor } from '../../torch/index.ts';
import {
  bestCheckpoint,
  cleanCheckpoints,
  latestCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  loadLatestCheckpoint,
  pruneCheckpoints,
  type State,
  saveCheckpoint,
} from './index.ts';
import { decodeState, encodeState } from './state.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-checkpoint-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const save = (step: number, score?: number) =>
  scope(() => saveCheckpoint(home, step, { tensors: { model: [['w', tensor([step])]] }, state: { step }, score }));
const steps = () => listCheckpoints(home).map(({ step }) => step);

describe('order', () => {
  it('is that of the steps, however many digits they have', () => {
    const all = [1_000_000_000, 999_999_999, 10_000_000_000, 7, 12];
    for (const step of all.toSorted((a, b) => a - b)) save(step);
    expect(steps()).toEqual([7, 12, 999_999_999, 1_000_000_000, 10_000_000_000]);
    expect(latestCheckpoint(home)?.step).toBe(10_000_000_000);
    expect(pruneCheckpoints(home, { keepLast: 2 })).toEqual([7, 12, 999_999_999]);
  });

  it.each([
    [[0, 1, 2], 1, 3],
    [[1, 0, -1], 3, 1],
    [[Number.NaN, 0.5, undefined], 2, 2],
    [[Number.POSITIVE_INFINITY, 0, 0], 3, 3],
    [[undefined, Number.NaN, undefined], undefined, undefined],
  ])('of scores %j is lowest at %j, highest at %j', (scores, lowest, highest) => {
    for (const [i, score] of scores.entries()) save(i + 1, score);
    expect([bestCheckpoint(home, 'lowest')?.step, bestCheckpoint(home, 'highest')?.step]).toEqual([lowest, highest]);
  });
});

describe('round trip', () => {
  it('brings tensors, random streams and numbers back bit for bit', () => {
    scope(() => {
      const rng = new Rng(3);
      const shuffles = new RandomStream(4);
      const weights = randn([7, 3], rng);
      const oddBits = fromBytes(Uint32Array.of(0x7fc00001, 0xff800000, 0x80000000, 1), 'float32', [4]);
      saveCheckpoint(home, 12, {
        tensors: { model: [['層.w', weights]], optimizer: new Map([['層.w.m', oddBits]]) },
        state: { rng: rng.state, shuffles: shuffles.state, lr: 0.1 + 0.2 },
      });
      const after = [randn([4], rng).tolist(), shuffles.next()];

      using loaded = loadLatestCheckpoint(home)!;
      expect([loaded.step, loaded.groups]).toEqual([12, ['model', 'optimizer']]);
      expect(loaded.tensors('model').tensor('層.w').bytes()).toEqual(weights.bytes());
      expect(loaded.tensors('optimizer').tensor('層.w.m').bytes()).toEqual(oddBits.bytes());
      expect(() => loaded.tensors('modle')).toThrow(/holds no "modle" tensors/);
      const state = loaded.state as { rng: Uint8Array; shuffles: number[]; lr: number };
      const restored = new Rng(0);
      restored.state = state.rng;
      expect([randn([4], restored).tolist(), new RandomStream(state.shuffles).next()]).toEqual(after);
      expect(state.lr).toBe(0.1 + 0.2);
    });
  });

  it('encodes every kind of state', () => {
    const values: State[] = [
      null, true, '', '漢字', 0, -0, 1e-320, Number.MAX_VALUE, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY,
      2n ** 70n, -1n, new Uint8Array(0), Uint8Array.of(0, 255), [], {}, [[1], { a: [-0] }], { a: { b: Uint8Array.of(1) } },
    ]; // biome-ignore format: a list
    for (const value of values) {
      const back = decodeState(JSON.parse(JSON.stringify(encodeState(value))));
      expect(back).toStrictEqual(value);
      expect(Object.is(back, value) || typeof value === 'object').toBe(true);
    }
    expect(decodeState(encodeState({ a: undefined, b: 1 }))).toEqual({ b: 1 });
    expect(Object.hasOwn(decodeState(JSON.parse('{"__proto__":1}')) as object, '__proto__')).toBe(true);
    expect(() => encodeState({ a: [new Map() as unknown as State] })).toThrow(/state\.a\[0\] is not plain data/);
    expect(() => encodeState({ $x: 1 })).toThrow(/begins with "\$"/);
    expect(() => decodeState({ $new: 1 })).toThrow(/does not know/);
  });
});

describe('which checkpoints there are', () => {
  it('ignores unfinished, nameless and foreign folders', () => {
    expect([latestCheckpoint(join(home, 'none')), loadLatestCheckpoint(home)]).toEqual([undefined, undefined]);
    save(1);
    save(20);
    mkdirSync(join(home, 'step-000000030.partial-here-4711-0'));
    mkdirSync(join(home, 'step-000000031')); // no manifest
    renameSync(save(32).path, join(home, 'step-000000033')); // a manifest that says 32
    writeFileSync(join(save(34).path, 'manifest.json'), '{"format":"tsumugi-che');
    writeFileSync(join(home, 'step-000000035'), 'a file');
    mkdirSync(join(home, 'step-x'));
    expect(latestCheckpoint(home)!.step).toBe(20);
    expect(steps()).toEqual([1, 20]);
    expect(thrown(CheckpointError, () => loadCheckpoint(join(home, 'step-000000031'))).code).toBe(
      'incomplete-checkpoint',
    );
    expect(thrown(CheckpointError, () => loadCheckpoint(join(home, 'step-000000034'))).code).toBe(
      'incomplete-checkpoint',
    );
  });

  it('replaces the same step and drops later ones, from which the run did not go on', () => {
    save(1);
    save(5);
    scope(() => saveCheckpoint(home, 5, { tensors: {}, state: 'second' }));
    expect(loadLatestCheckpoint(home)!.state).toBe('second');
    save(3);
    expect(steps()).toEqual([1, 3]);
    expect(readdirSync(home)).toEqual(['step-000000001', 'step-000000003']);
  });

  it('leaves nothing when a save fails', () => {
    save(1);
    const broken = {
      dtype: 'float32',
      shape: [1],
      read: () => {
        throw new Error('on purpose');
      },
    } as const;
    expect(() => saveCheckpoint(home, 2, { tensors: { m: [['w', broken]] }, state: null })).toThrow('on purpose');
    expect(readdirSync(home)).toEqual(['step-000000001']);
  });

  it('keeps the last ones and the best', () => {
    for (const [index, score] of [5, 1, 3, 4, 1, 2].entries()) save(index + 1, score);
    save(7, Number.NaN);
    expect(bestCheckpoint(home, 'lowest')!.step).toBe(5); // the newest of equals
    expect(bestCheckpoint(home, 'highest')!.step).toBe(1);
    expect(pruneCheckpoints(home, { keepLast: 2, best: 'lowest' })).toEqual([1, 2, 3, 4]);
    expect(steps()).toEqual([5, 6, 7]);
    expect(pruneCheckpoints(home, { keepLast: 1 })).toEqual([5, 6]);
    expect(bestCheckpoint(home, 'lowest')).toBeUndefined();
    expect(readdirSync(home)).toEqual(['step-000000007']);
  });

  it('cleans up after a killed writer', () => {
    save(1);
    mkdirSync(join(home, 'step-000000002.partial-here-4711-0'));
    writeFileSync(join(home, 'step-000000002.partial-here-4711-0', 'model.safetensors.partial-1'), 'x');
    renameSync(save(4).path, join(home, 'step-000000004.partial-here-4711-1.old'));
    mkdirSync(join(home, 'step-000000001.partial-here-4711-0.old'));
    expect(cleanCheckpoints(home)).toBe(2);
    expect(readdirSync(home)).toEqual(['step-000000001', 'step-000000004']);
    expect(cleanCheckpoints(join(home, 'none'))).toBe(0);
  });
});

describe('damage', () => {
  const model = (step: number) => join(home, `step-00000000${step}`, 'model.safetensors');

  it('names a file that was cut, lengthened or lost', () => {
    for (const harm of [
      (file: string) => writeFileSync(file, readFileSync(file).subarray(1)),
      (file: string) => appendFileSync(file, 'x'),
      (file: string) => rmSync(file),
    ]) {
      save(1);
      save(2);
      harm(model(2));
      const error = thrown(CheckpointError, () => latestCheckpoint(home));
      expect([error.code, error.fields['file']]).toEqual(['damaged-checkpoint', model(2)]);
      expect(error.message).toContain(model(2));
      const warnings: string[] = [];
      expect(latestCheckpoint(home, { fallback: true, warn: (text) => warnings.push(text) })!.step).toBe(1);
      expect(warnings).toEqual([expect.stringContaining(model(2))]);
    }
  });

  it('finds one flipped bit anywhere, and loads the checkpoint before only when asked', () => {
    save(1);
    save(2);
    for (const file of [model(2), join(home, 'step-000000002', 'state.json')]) {
      const good = readFileSync(file);
      for (let bit = 0; bit < good.length * 8; bit += 37) {
        const bad = Buffer.from(good);
        bad[bit >> 3]! ^= 1 << (bit & 7);
        writeFileSync(file, bad);
        expect(thrown(CheckpointError, () => loadLatestCheckpoint(home)).fields['file']).toBe(file);
      }
      const warnings: string[] = [];
      using loaded = loadLatestCheckpoint(home, { fallback: true, warn: (text) => warnings.push(text) })!;
      expect([loaded.step, loaded.state, warnings.length]).toEqual([1, { step: 1 }, 1]);
      writeFileSync(file, good);
      expect(loadLatestCheckpoint(home)!.step).toBe(2);
    }
  });

  it('throws without fallback even when all are damaged with it', () => {
    save(1);
    rmSync(model(1));
    expect(loadLatestCheckpoint(home, { fallback: true, warn: () => {} })).toBeUndefined();
  });
});
