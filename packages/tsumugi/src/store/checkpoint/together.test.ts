// Parts of a checkpoint by several writers, seen by one of them: its share, the order of pieces, what is missing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { arange, scope, zeros } from '../../torch/index.ts';
import { writeSafetensors } from '../safetensors/index.ts';
import { openJoined, piecesMetadata } from './joined.ts';
import { onEach, requireWhole } from './together.ts';
import { shareOut, type Writers } from './writers.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsumugi-together-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const writers: Writers = {
  rank: 0,
  world: 3,
  nameOf: (rank) => `writer ${rank}`,
  gather: (value) => [value, value, value],
};

it('pieces are joined in the order of their places, whatever the files', () => {
  const path = (name: string) => join(folder, `${name}.safetensors`);
  scope(() => {
    for (const [name, from, to] of [['a', 4, 6], ['b', 0, 1], ['c', 1, 4]] as const) // biome-ignore format: a list
      writeSafetensors(path(name), [['w', arange(from, to)]], piecesMetadata({ w: { shape: [2, 3], from } }));
    using joined = openJoined(folder, ['a', 'b', 'c'].map(path));
    expect(joined.tensor('w').tolist()).toEqual([[0, 1, 2], [3, 4, 5]]); // biome-ignore format: rows
    expect(joined.elements('w', 1, 4).tolist()).toEqual([1, 2, 3, 4]);
  });
});

it('whole tensors are shared out by their bytes, each to one', () => {
  scope(() => {
    const tensors = [5, 1, 3, 4, 2, 3].map((size, i) => [`t${i}`, zeros([size])] as [string, ReturnType<typeof zeros>]);
    const shares = [0, 1, 2].map((rank) => shareOut({ model: tensors }, { rank, world: 3 }).get('model')!);
    const names = shares.map((share) => share.tensors.map(([name]) => name));
    expect(names.flat().sort()).toEqual(['t0', 't1', 't2', 't3', 't4', 't5']);
    expect(shares.map((share) => share.tensors.reduce((sum, [, { shape }]) => sum + shape[0]!, 0))).toEqual([6, 6, 6]);
    for (const share of shares) expect(share.names).toHaveLength(6);
  });
});

describe('a checkpoint is not complete', () => {
  const file = (name: string, bytes: number) => ({ name, bytes, sha256: '' });

  it('where a file of another writer is missing or shorter', () => {
    writeFileSync(join(folder, 'here'), '12345');
    const fault = (bytes: number, name = 'here') =>
      thrown(UserError, () => requireWhole(folder, [[], [file(name, bytes)]], new Map(), writers)).fault;
    expect(fault(7)).toMatch(/^writer 1 wrote here of .*, and for writer 0 it has 5 bytes instead of 7$/);
    expect(fault(5, 'gone')).toMatch(/writer 1 wrote gone of .* it is not there$/);
    requireWhole(folder, [[], [file('here', 5)]], new Map(), writers);
  });

  it('where nobody wrote a tensor', () => {
    scope(() => {
      const { bytes } = writeSafetensors(join(folder, 'model-00001-of-00003.safetensors'), [['w', zeros([1])]], {});
      const look = (...names: string[]) =>
        requireWhole(folder, [[file('model-00001-of-00003.safetensors', bytes)]], new Map([['model', names]]), writers);
      look('w');
      expect(() => look('w', 'v')).toThrow('"v" of the group "model" was written by nobody');
    });
  });

  it('where another writer failed, which is named', () => {
    const undone: number[] = [];
    const told = { ...writers, gather: (value: unknown) => [value, value, { problem: 'no room' }] } as Writers;
    const error = thrown(UserError, () => onEach(told, 'place', () => 1, () => void undone.push(1))); // biome-ignore format: one line
    expect(error.fault).toBe('writer 2 could not save: no room');
    expect(undone).toEqual([1]);
    expect(onEach(writers, 'place', () => 1, () => void undone.push(2))).toEqual([1, 1, 1]); // biome-ignore format: one line
    expect(undone).toEqual([1]);
  });
});
