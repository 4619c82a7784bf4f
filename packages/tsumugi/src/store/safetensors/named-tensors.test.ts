// What writeSafetensors takes: tensors by name, in any of three forms; anything else is refused before a file is there.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ones, scope, tensor } from '../../torch/index.ts';
import { openSafetensors, writeSafetensors } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'named-tensors-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('takes pairs, a Map, and an object', () =>
  scope(() => {
    const [a, b] = [tensor([1, 2]), ones([1], { dtype: 'int64' })];
    const forms = [[['a', a], ['b', b]], new Map([['a', a], ['b', b]]), { a, b }] as const; // biome-ignore format: forms
    for (const [i, form] of forms.entries()) {
      const path = join(folder, `${i}.safetensors`);
      writeSafetensors(path, form as (typeof forms)[2]);
      using file = openSafetensors(path);
      expect([...file.names].toSorted()).toEqual(['a', 'b']);
      expect(file.tensor('a').tolist()).toEqual([1, 2]);
    }
  }));

it.each<[unknown, string]>([
  [undefined, 'got undefined'],
  ['weights', 'got string weights'],
  [{ a: [1, 2] }, 'got an array'],
  [{ a: 1 }, 'got number 1'],
  [[1], 'got number 1'],
  [[['a']], 'got undefined'],
])('refuses %s', (given, message) => {
  const path = join(folder, 'refused.safetensors');
  expect(() => writeSafetensors(path, given as never)).toThrow(message);
  expect(() => writeSafetensors(path, given as never)).toThrow('model.stateDict()');
  expect(existsSync(path)).toBe(false);
});

it('refuses a single tensor', () => {
  expect(() => scope(() => writeSafetensors(join(folder, 'one'), ones([2]) as never))).toThrow('got a Tensor');
});
