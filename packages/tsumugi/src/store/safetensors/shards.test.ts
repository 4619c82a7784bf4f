// Weights in several files with an index.
import { mkdirSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { CheckpointError, DataError, FormatError, TsumugiError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { arange, scope, type Tensor, zeros } from '../../torch/index.ts';
import { openSafetensors, writeSafetensors, writeSharded } from './index.ts';
import { at, home } from './safetensors.testing.ts';

describe('shards', () => {
  const named = (): [string, Tensor][] =>
    ['a', 'b', 'c', 'd'].map((name, index) => [name, arange(0, 10 * (index + 1)).to('float32')]);

  it('are cut by size and read as one', () => {
    scope(() => {
      const written = writeSharded(at('model'), named(), { maxShardBytes: 130 });
      expect(readdirSync(at('model'))).toEqual([
        'model-00001-of-00003.safetensors', // a, b: 120 bytes
        'model-00002-of-00003.safetensors', // c
        'model-00003-of-00003.safetensors', // d: 160 bytes, larger than the limit
        'model.safetensors.index.json',
      ]);
      expect(written.map(({ path }) => path)).toHaveLength(3);
      const index = JSON.parse(readFileSync(at('model/model.safetensors.index.json'), 'utf8'));
      expect(index.metadata).toEqual({ total_size: 400 });
      expect(index.weight_map.b).toBe('model-00001-of-00003.safetensors');
      using opened = openSafetensors(at('model'));
      expect(opened.names).toEqual(['a', 'b', 'c', 'd']);
      expect(opened.metadata).toEqual({ format: 'pt' });
      for (const [name, original] of named()) expect(opened.tensor(name).tolist()).toEqual(original.tolist());
      expect(() => opened.tensor('e')).toThrow(CheckpointError);
      expect(() => writeSharded(at('model'), named())).toThrow(/already holds weights/);
      writeSharded(at('one'), named());
      expect(readdirSync(at('one'))).toEqual(['model.safetensors']);
    });
  });

  it.each([
    [[4, 4, 4, 4, 4], 8, [2, 2, 1]],
    [[4, 4, 4, 4, 4], 7, [1, 1, 1, 1, 1]],
    [[40, 4, 4, 40, 4], 12, [1, 2, 1, 1]],
    [[4, 4, 8, 4, 4, 4], 12, [2, 2, 2]],
    [[12], 8, [1]],
    [[], 8, [0]],
  ])('of tensors of %j bytes and at most %i hold %j', (sizes, maxShardBytes, expected) => {
    scope(() => {
      const tensors = sizes.map((bytes, i): [string, Tensor] => [`t${i}`, zeros([bytes / 4])]);
      const written = writeSharded(at('cut'), tensors, { maxShardBytes });
      const names = written.map(({ path }) => {
        using file = openSafetensors(path);
        return file.names;
      });
      expect(names.map((each) => each.length)).toEqual(expected);
      expect(names.flat()).toEqual(tensors.map(([name]) => name));
    });
  });

  it('leave nothing behind when writing fails', () => {
    scope(() => {
      const broken = {
        dtype: 'float32',
        shape: [40],
        read: () => {
          throw new Error('on purpose');
        },
      } as const;
      expect(() => writeSharded(at('m'), [...named(), ['e', broken]], { maxShardBytes: 130 })).toThrow('on purpose');
      expect(readdirSync(at('m'))).toEqual([]);
    });
  });

  it('may be tiny or empty, as in the published 1B checkpoint', () => {
    mkdirSync(at('m'));
    writeSafetensors(at('m/model-00002-of-00002.safetensors'), []);
    scope(() => writeSafetensors(at('m/model-00001-of-00002.safetensors'), [['a', zeros([1])]]));
    writeFileSync(at('m/model.safetensors.index.json'), '{"weight_map":{"a":"model-00001-of-00002.safetensors"}}');
    using opened = openSafetensors(at('m'));
    expect(opened.names).toEqual(['a']);
    using empty = openSafetensors(at('m/model-00002-of-00002.safetensors'));
    expect(empty.names).toEqual([]);
  });

  const broken: [code: string, tensor: string | undefined, index: string][] = [
    ['missing-shard', 'c', '{"weight_map":{"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"}}'],
    ['missing-tensor', 'c', '{"weight_map":{"a":"1.safetensors","b":"1.safetensors","c":"1.safetensors"}}'],
    ['unlisted-tensor', 'b', '{"weight_map":{"a":"1.safetensors"}}'],
    ['duplicate-key', 'a', '{"weight_map":{"a":"1.safetensors","b":"1.safetensors","a":"1.safetensors"}}'],
    ['bad-shard-name', 'a', '{"weight_map":{"a":"../m/1.safetensors","b":"1.safetensors"}}'],
  ];
  for (const [code, name, index] of broken)
    it(`refuse an index with ${code}`, () => {
      mkdirSync(at('m'));
      scope(() => writeSafetensors(at('m/1.safetensors'), [['a', zeros([1])], ['b', zeros([1])]])); // biome-ignore format: pairs
      writeFileSync(at('m/model.safetensors.index.json'), index);
      const error = thrown(TsumugiError, () => openSafetensors(at('m')));
      expect([error.constructor, error.code, error.fields['tensor']]).toEqual([
        FormatError,
        `safetensors-${code}`,
        name,
      ]);
    });

  it('are counted, and none is left out without a word', () => {
    const put = (name: string, ...tensors: string[]) =>
      scope(
        () =>
          void writeSafetensors(
            at(`m/${name}`),
            tensors.map((tensor) => [tensor, zeros([1])]),
          ),
      );
    const index = (weightMap: object, metadata?: object) =>
      writeFileSync(at('m/model.safetensors.index.json'), JSON.stringify({ metadata, weight_map: weightMap }));
    mkdirSync(at('m'));
    const [first, second] = [1, 2].map((n) => `model-0000${n}-of-00002.safetensors`) as [string, string];
    put(first, 'a');
    put(second, 'b');
    index({ a: first });
    const error = thrown(TsumugiError, () => openSafetensors(at('m')));
    expect(error.code).toBe('unlisted-shard');
    expect(error.message).toContain(`holds ${second}, which model.safetensors.index.json does not name`);
    // The remedy works.
    renameSync(at(`m/${second}`), at('elsewhere.safetensors'));
    openSafetensors(at('m')).close();
    renameSync(at('elsewhere.safetensors'), at(`m/${second}`));

    unlinkSync(at('m/model.safetensors.index.json'));
    put('model.safetensors', 'a');
    expect(thrown(TsumugiError, () => openSafetensors(at('m'))).message).toContain(
      `shards without an index (${first}, ${second})`,
    );
    for (const name of [first, second]) unlinkSync(at(`m/${name}`));
    openSafetensors(at('m')).close();
  });

  it('warn when the index adds up to another size', () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    mkdirSync(at('m'));
    scope(() => void writeSafetensors(at('m/1.safetensors'), [['a', zeros([3])]]));
    for (const size of [12, 13]) {
      const metadata = { total_size: size, more: 'x' };
      writeFileSync(
        at('m/model.safetensors.index.json'),
        JSON.stringify({ metadata, weight_map: { a: '1.safetensors' } }),
      );
      openSafetensors(at('m')).close();
    }
    expect(said.mock.calls.map(([text]) => text)).toEqual([
      expect.stringMatching(/^warning: .*index.json says that the tensors have 13 bytes; they have 12\n$/),
    ]);
    said.mockRestore();
  });

  it('and files are not mistaken for the "._…" files of macOS', () => {
    mkdirSync(at('m'));
    scope(() => void writeSafetensors(at('m/weights.safetensors'), [['a', zeros([1])]]));
    writeFileSync(at('m/._weights.safetensors'), 'Mac OS X');
    writeFileSync(at('m/._model.safetensors.index.json'), 'Mac OS X');
    expect(openSafetensors(at('m')).names).toEqual(['a']);
    unlinkSync(at('m/weights.safetensors'));
    expect(thrown(TsumugiError, () => openSafetensors(at('m'))).code).toBe('no-weights');
  });

  it('keep tensors and metadata whose names objects have too', () => {
    mkdirSync(at('m'));
    const names = ['__proto__', 'constructor', 'toString'];
    const metadata = JSON.parse('{"__proto__":"p","constructor":"c"}');
    scope(
      () =>
        void writeSharded(
          at('m'),
          names.map((name) => [name, zeros([2])]),
          { maxShardBytes: 8, metadata },
        ),
    );
    using sharded = openSafetensors(at('m'));
    expect([...sharded.names].sort()).toEqual([...names].sort());
    expect(Object.entries(sharded.metadata)).toEqual(Object.entries(metadata));
    expect(thrown(TsumugiError, () => sharded.tensor('hasOwnProperty')).code).toBe('no-such-tensor');
    scope(
      () =>
        void writeSafetensors(
          at('one.safetensors'),
          names.map((name) => [name, zeros([2])]),
          metadata,
        ),
    );
    using one = openSafetensors(at('one.safetensors'));
    expect([...one.names].sort()).toEqual([...names].sort());
    expect(Object.entries(one.metadata)).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
  });

  it('refuse folders that hold weights in two ways or without an index', () => {
    scope(() => {
      writeSafetensors(at('1.safetensors'), [['a', zeros([1])]]);
      writeSafetensors(at('2.safetensors'), [['b', zeros([1])]]);
      expect(thrown(TsumugiError, () => openSafetensors(home)).code).toBe('no-index');
      writeFileSync(at('model.safetensors.index.json'), '[]');
      expect(thrown(TsumugiError, () => openSafetensors(home)).code).toBe('unexpected-json');
      writeSafetensors(at('model.safetensors'), [['a', zeros([1])]]);
      expect(thrown(TsumugiError, () => openSafetensors(home))).toBeInstanceOf(DataError);
      expect(thrown(TsumugiError, () => openSafetensors(home)).code).toBe('ambiguous-weights');
    });
  });
});
