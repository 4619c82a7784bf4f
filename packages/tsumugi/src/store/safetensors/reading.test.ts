// Reading a safetensors file: what is accepted, what is mapped, what is noticed.
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CheckpointError, TsumugiError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { arange, scope, zeros } from '../../torch/index.ts';
import { openSafetensors, writeSafetensors } from './index.ts';
import { at, file } from './safetensors.testing.ts';

describe('reading', () => {
  it('accepts metadata that is null, as the reference implementation does', () => {
    expect(openSafetensors(file('{"__metadata__":null}')).metadata).toEqual({});
  });

  it('says what to do about a sound file of a dtype that is not read', () => {
    const path = file('{"a":{"dtype":"F8_E5M2","shape":[1],"data_offsets":[0,1]}}', 1);
    const error = thrown(TsumugiError, () => openSafetensors(path));
    expect(error.message).toContain('tensor "a" is F8_E5M2, which is not read; read are I64, F64');
    expect(error.message).toContain('The file is sound: get the model in BF16, F16 or F32');
  });

  it('accepts a file with no tensors, an empty header, and offsets in any order of names', () => {
    using empty = openSafetensors(file('{"__metadata__":{"format":"pt"}}'));
    expect([empty.names, empty.metadata]).toEqual([[], { format: 'pt' }]);
    expect(readFileSync(empty.path).length).toBe(40);
    using none = openSafetensors(file('{}  '));
    expect(none.names).toEqual([]);
    const header =
      '{"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]},"nothing":{"dtype":"U8","shape":[0],"data_offsets":[3,3]},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}';
    using opened = openSafetensors(file(header, 5));
    expect(opened.names).toEqual(['a', 'nothing', 'b']);
    scope(() => expect(opened.tensor('b').tolist()).toEqual([3, 4]));
  });

  it('copies tensors whose dtype does not allow their address, and maps the others', () => {
    const header =
      '{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"I16","shape":[2,1],"data_offsets":[3,7]}}';
    for (const padding of [0, 1, 2, 3]) {
      using opened = openSafetensors(file(header + ' '.repeat(padding), 7));
      scope(() => expect(opened.tensor('b').tolist()).toEqual([[0x0403], [0x0605]]));
    }
  });

  it('reads tensors after close only when they were taken before', () => {
    scope(() => {
      const opened = openSafetensors(file('{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}', 3));
      const taken = opened.tensor('a');
      opened.close();
      expect(taken.tolist()).toEqual([0, 1, 2]);
      expect(() => opened.tensor('a')).toThrow(/was closed/);
    });
  });

  it('notices that the file was replaced after its header was read', () => {
    const header = '{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}';
    using opened = openSafetensors(file(header, 3));
    rmSync(opened.path);
    file(`${header} `, 3);
    expect(thrown(TsumugiError, () => opened.tensor('a')).code).toBe('changed');
  });

  it('names the nearest tensor', () => {
    using opened = openSafetensors(file('{"weight":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}', 3));
    expect(opened.has('wieght')).toBe(false);
    expect(() => opened.tensor('wieght')).toThrow(/Did you mean "weight"/);
    expect(() => opened.info('wieght')).toThrow(CheckpointError);
  });
});

it.each([
  ['as long as before', 4, 1000],
  ['longer', 8, 0],
  ['longer, its time set back', 8, 1000],
])('does not take a tensor out of a file that was written anew since: %s', (_, length, seconds) => {
  const path = at('model.safetensors');
  scope(() => writeSafetensors(path, [['a', zeros([4])]]));
  const { atimeMs, mtimeMs } = statSync(path);
  using opened = openSafetensors(path);
  const other = scope(() => writeSafetensors(at('other.safetensors'), [['a', arange(0, length).to('float32')]]));
  writeFileSync(path, readFileSync(other.path)); // the same inode
  utimesSync(path, atimeMs / 1000, mtimeMs / 1000 - seconds);
  expect(thrown(TsumugiError, () => scope(() => opened.tensor('a').tolist()))).toMatchObject({ code: 'changed' });
});
