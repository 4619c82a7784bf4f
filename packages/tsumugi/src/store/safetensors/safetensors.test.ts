// safetensors files: round trips, the reference layout, shards, and a named error for every way a file can be broken.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import {
  CheckpointError,
  DataError,
  FormatError,
  RandomStream,
  sha256,
  TsumugiError,
  UserError,
} from '../../base/index.ts';
import { arange, type DType, dtypeNames, scope, type Tensor, tensor, zeros } from '../../torch/index.ts';
import { openSafetensors, writeSafetensors, writeSharded } from './index.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-safetensors-'));
});
afterEach(() => rmSync(home, { recursive: true }));
const at = (name: string) => join(home, name);

/** A file with this header text (or these bytes) and `dataBytes` bytes 0, 1, 2, … of data. */
function file(header: string | Uint8Array, dataBytes = 0, length?: bigint): string {
  const text = Buffer.from(header);
  const field = Buffer.alloc(8);
  field.writeBigUInt64LE(length ?? BigInt(text.length));
  const data = Uint8Array.from({ length: dataBytes }, (_, i) => i);
  writeFileSync(at('file.safetensors'), Buffer.concat([field, text, data]));
  return at('file.safetensors');
}

const thrown = (body: () => unknown): TsumugiError => {
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(TsumugiError);
    return error as TsumugiError;
  }
  throw new Error('nothing was thrown');
};

describe('round trip', () => {
  it('keeps every dtype, shape and bit', () => {
    scope(() => {
      const numbers = arange(-3, 9, { dtype: 'float32' });
      const made = dtypeNames.map((dtype): [string, Tensor] => [
        `層.${dtype}`,
        (dtype === 'bool'
          ? numbers.gt(0)
          : dtype === 'uint8'
            ? numbers.abs().to(dtype)
            : numbers.mul(1.25).to(dtype)
        ).view([3, 4]),
      ]);
      made.push(
        ['scalar', tensor([0.1]).view([])],
        ['empty', zeros([0, 5])],
        ['transposed', made[0]![1].transpose(0, 1)],
      );
      const written = writeSafetensors(at('all.safetensors'), made, { format: 'pt', 鍵: '値' });
      const content = readFileSync(at('all.safetensors'));
      expect(written).toEqual({ path: at('all.safetensors'), bytes: content.length, sha256: sha256(content) });
      expect(readdirSync(home)).toEqual(['all.safetensors']);

      using opened = openSafetensors(at('all.safetensors'));
      expect(opened.metadata).toEqual({ format: 'pt', 鍵: '値' });
      expect([...opened.names].sort()).toEqual(made.map(([name]) => name).sort());
      for (const [name, original] of made) {
        const read = opened.tensor(name);
        expect([read.dtype, read.shape]).toEqual([original.dtype, original.shape]);
        expect(read.bytes()).toEqual(original.bytes());
        expect(opened.info(name).bytes).toBe(original.bytes().length);
      }
    });
  });

  it('writes tensors larger than one piece, and lazy ones', () => {
    scope(() => {
      const numbers = arange(0, 9_000_000); // 72 MB of int64
      const lazy = { dtype: 'float32', shape: [2, 2], read: () => arange(0, 4).to('float32').view([2, 2]) } as const;
      writeSafetensors(at('a.safetensors'), [['numbers', numbers], ['lazy', lazy]]); // biome-ignore format: pairs
      using opened = openSafetensors(at('a.safetensors'));
      expect(opened.tensor('numbers').eq(numbers).all().item()).toBe(1);
      expect(opened.tensor('lazy').tolist()).toEqual([[0, 1], [2, 3]]); // biome-ignore format: a matrix
      const liar = { ...lazy, shape: [4] };
      expect(() => writeSafetensors(at('b.safetensors'), [['lazy', liar]])).toThrow(/announced as float32\[4\]/);
      expect(existsSync(at('b.safetensors'))).toBe(false);
      expect(readdirSync(home)).toEqual(['a.safetensors']);
    });
  });

  it('lays a file out byte for byte as the reference implementation (safetensors 0.8.0 for Python)', () => {
    const dtypes: Record<string, DType> = {
      bool: 'bool', u8: 'uint8', i8: 'int8', i16: 'int16', f16: 'float16', i32: 'int32', f32: 'float32', f64: 'float64', i64: 'int64',
    }; // biome-ignore format: a table
    scope(() =>
      writeSafetensors(
        at('a.safetensors'),
        Object.entries(dtypes).map(([name, dtype]) => [name, zeros([1], { dtype })]),
      ),
    );
    const header =
      ' \x02\0\0\0\0\0\0{"__metadata__":{"format":"pt"},"i64":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},' +
      '"f64":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},"f32":{"dtype":"F32","shape":[1],"data_offsets":[16,20]},' +
      '"i32":{"dtype":"I32","shape":[1],"data_offsets":[20,24]},"f16":{"dtype":"F16","shape":[1],"data_offsets":[24,26]},' +
      '"i16":{"dtype":"I16","shape":[1],"data_offsets":[26,28]},"i8":{"dtype":"I8","shape":[1],"data_offsets":[28,29]},' +
      '"u8":{"dtype":"U8","shape":[1],"data_offsets":[29,30]},"bool":{"dtype":"BOOL","shape":[1],"data_offsets":[30,31]}}    ';
    expect(readFileSync(at('a.safetensors')).toString('latin1')).toBe(header + '\0'.repeat(31));
    writeSafetensors(at('empty.safetensors'), []);
    expect(readFileSync(at('empty.safetensors')).toString('latin1')).toBe(
      ' \0\0\0\0\0\0\0{"__metadata__":{"format":"pt"}}',
    );
  });

  it('refuses names a file cannot hold', () => {
    scope(() => {
      const a = zeros([1]);
      expect(() => writeSafetensors(at('a'), [['x', a], ['x', a]])).toThrow(UserError); // biome-ignore format: pairs
      expect(() => writeSafetensors(at('a'), [['__metadata__', a]])).toThrow(UserError);
      expect(() => writeSafetensors(at('a'), [['\ud800', a]])).toThrow(UserError);
      expect(readdirSync(home)).toEqual([]);
    });
  });
});

describe('reading', () => {
  it('accepts metadata that is null, as the reference implementation does', () => {
    expect(openSafetensors(file('{"__metadata__":null}')).metadata).toEqual({});
  });

  it('says what to do about a sound file of a dtype that is not read', () => {
    const path = file('{"a":{"dtype":"F8_E5M2","shape":[1],"data_offsets":[0,1]}}', 1);
    const error = thrown(() => openSafetensors(path));
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
    expect(thrown(() => opened.tensor('a')).code).toBe('changed');
  });

  it('names the nearest tensor', () => {
    using opened = openSafetensors(file('{"weight":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}', 3));
    expect(opened.has('wieght')).toBe(false);
    expect(() => opened.tensor('wieght')).toThrow(/Did you mean "weight"/);
    expect(() => opened.info('wieght')).toThrow(CheckpointError);
  });
});

describe('malformed files', () => {
  const one = (fields: string) => `{"a":{${fields}}}`;
  const two = (a: string, b: string) =>
    `{"a":{"dtype":"U8","shape":[2],"data_offsets":${a}},"b":{"dtype":"U8","shape":[2],"data_offsets":${b}}}`;
  // biome-ignore format: a table
  const cases: [code: string, tensor: string | undefined, make: () => string][] = [
    ['header-too-large', undefined, () => file('{}', 0, 100_000_001n)],
    ['header-too-large', undefined, () => file('{}', 0, 2n ** 64n - 1n)],
    ['truncated', undefined, () => file('{}', 0, 3n)],
    ['bad-start', undefined, () => file('')],
    ['bad-start', undefined, () => file(' {}')],
    ['bad-start', undefined, () => file('\ufeff{}')],
    ['not-utf8', undefined, () => file(Buffer.from('{"\xff":1}', 'latin1'))],
    ['not-json', undefined, () => file('{"a":}')],
    ['not-json', undefined, () => file('{}\0\0')],
    ['duplicate-key', 'a', () => file(two('[0,2]', '[2,4]').replace('"b"', '"\\u0061"'), 4)],
    ['duplicate-key', 'a', () => file(one('"dtype":"U8","shape":[2],"shape":[1],"data_offsets":[0,1]'), 1)],
    ['duplicate-key', '__metadata__', () => file('{"__metadata__":{"x":"1","x":"2"}}')],
    ['bad-metadata', undefined, () => file('{"__metadata__":{"x":1}}')],
    ['bad-metadata', undefined, () => file('{"__metadata__":[]}')],
    ['bad-name', '\ud800', () => file('{"\\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}')],
    ['bad-entry', 'a', () => file('{"a":[]}')],
    ['unsupported-dtype', 'a', () => file(one('"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]'), 1)],
    ['unsupported-dtype', 'a', () => file(one('"dtype":"U32","shape":[1],"data_offsets":[0,4]'), 4)],
    ['header-too-large', undefined, () => file(`{"a":${'['.repeat(300)}${']'.repeat(300)}}`)],
    ['header-too-large', undefined, () => file(`{"a":[${'0,'.repeat(2_000_001)}0]}`)],
    ['unknown-dtype', 'a', () => file(one('"dtype":"F9_E4M3","shape":[1],"data_offsets":[0,1]'), 1)],
    ['unknown-dtype', 'a', () => file(one('"dtype":"toString","shape":[1],"data_offsets":[0,1]'), 1)],
    ['unknown-dtype', 'a', () => file(one('"shape":[1],"data_offsets":[0,1]'), 1)],
    ['bad-shape', 'a', () => file(one('"dtype":"U8","shape":[-1],"data_offsets":[0,1]'), 1)],
    ['bad-shape', 'a', () => file(one('"dtype":"U8","shape":[1.5],"data_offsets":[0,1]'), 1)],
    ['bad-shape', 'a', () => file(one('"dtype":"U8","shape":["1"],"data_offsets":[0,1]'), 1)],
    ['bad-shape', 'a', () => file(one('"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,1]'), 1)],
    ['bad-shape', 'a', () => file(one('"dtype":"U8","shape":1,"data_offsets":[0,1]'), 1)],
    ['bad-shape', 'a', () => file(one(`"dtype":"U8","shape":[${Array(65).fill(1)}],"data_offsets":[0,1]`), 1)],
    ['overflow', 'a', () => file(one('"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]'))],
    ['overflow', 'a', () => file(one('"dtype":"F64","shape":[2251799813685248],"data_offsets":[0,0]'))],
    ['overflow', 'a', () => file(one('"dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]'))],
    ['bad-offsets', 'a', () => file(one('"dtype":"U8","shape":[1],"data_offsets":[0]'), 1)],
    ['bad-offsets', 'a', () => file(one('"dtype":"U8","shape":[1],"data_offsets":[0,1,2]'), 1)],
    ['bad-offsets', 'a', () => file(one('"dtype":"U8","shape":[1],"data_offsets":[-1,0]'), 1)],
    ['bad-offsets', 'a', () => file(one('"dtype":"U8","shape":[1],"data_offsets":[1,0]'), 1)],
    ['bad-offsets', 'a', () => file(one('"dtype":"U8","shape":[1],"data_offsets":[0,1.5]'), 1)],
    ['size-mismatch', 'a', () => file(one('"dtype":"F32","shape":[1],"data_offsets":[0,1]'), 1)],
    ['size-mismatch', 'a', () => file(one('"dtype":"F32","shape":[0,7],"data_offsets":[0,4]'), 4)],
    ['overlap', 'b', () => file(two('[0,2]', '[1,3]'), 3)],
    ['overlap', 'b', () => file(two('[0,2]', '[0,2]'), 2)],
    ['hole', 'b', () => file(two('[0,2]', '[3,5]'), 5)],
    ['hole', 'a', () => file(two('[1,3]', '[3,5]'), 5)],
    ['truncated', 'b', () => file(two('[0,2]', '[2,4]'), 3)],
    ['trailing-bytes', undefined, () => file(two('[0,2]', '[2,4]'), 5)],
    ['trailing-bytes', undefined, () => file('{}', 1)],
  ];
  for (const [code, name, make] of cases)
    it(`${code}: ${make.toString().slice(6, 110)}`, () => {
      const path = make();
      const error = thrown(() => openSafetensors(path));
      expect(error).toBeInstanceOf(FormatError);
      expect([error.code, error.fields['tensor'], error.fields['path']]).toEqual([`safetensors-${code}`, name, path]);
      expect(error.message).toContain(path);
    });

  it('files too short for their length field, and what is no file', () => {
    for (const length of [0, 1, 7]) {
      writeFileSync(at('short.safetensors'), Buffer.alloc(length));
      expect(thrown(() => openSafetensors(at('short.safetensors'))).code).toBe('safetensors-too-short');
    }
    expect(thrown(() => openSafetensors(at('missing'))).code).toBe('no-such-file');
    mkdirSync(at('nothing'));
    expect(thrown(() => openSafetensors(at('nothing'))).code).toBe('no-weights');
  });

  it('booleans that are neither 0 nor 1', () => {
    using opened = openSafetensors(file('{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}', 2));
    scope(() => expect(opened.tensor('a').tolist()).toEqual([0, 1]));
    using broken = openSafetensors(file('{"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}', 3));
    expect(thrown(() => broken.tensor('a')).code).toBe('safetensors-bad-boolean');
  });
});

describe('fuzz', () => {
  it('turns every mutation of a header into a FormatError or a correct read', () => {
    const path = at('valid.safetensors');
    scope(() =>
      writeSafetensors(path, [
        ['a', arange(0, 6).to('float32').view([2, 3])],
        ['b.weight', arange(0, 4)],
        ['c', arange(0, 5).to('bfloat16')],
        ['d', arange(0, 3).gt(1)],
      ]),
    );
    const valid = readFileSync(path);
    const headerEnd = 8 + Number(valid.readBigUInt64LE());
    const random = new RandomStream(5);
    const interesting = Buffer.from('0123456789,:[]{}" -.eE\\\0\xff', 'latin1');
    const outcomes = { error: 0, read: 0 };
    for (let trial = 0; trial < 4000; trial++) {
      let bytes = Buffer.from(valid);
      for (let n = 1 + random.below(3); n > 0; n--) {
        const place = random.below(10) === 0 ? random.below(8) : 8 + random.below(headerEnd - 8);
        const byte = random.below(2) === 0 ? random.below(256) : interesting[random.below(interesting.length)]!;
        const kind = random.below(8);
        if (kind === 0) bytes = Buffer.concat([bytes.subarray(0, place), Buffer.of(byte), bytes.subarray(place)]);
        else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1)]);
        else bytes[place] = byte;
      }
      const target = at(`mutated-${trial % 2}.safetensors`);
      writeFileSync(target, bytes);
      try {
        using opened = openSafetensors(target);
        scope(() => {
          // Whatever was accepted must be exactly what the header says, in full, in the file's order.
          const data: Uint8Array[] = [];
          for (const name of opened.names) {
            const read = opened.tensor(name);
            expect(read.shape).toEqual(opened.info(name).shape);
            data.push(read.bytes());
          }
          const all = Buffer.concat(data);
          expect(all).toEqual(bytes.subarray(bytes.length - all.length));
          expect(8 + Number(bytes.readBigUInt64LE()) + all.length).toBe(bytes.length);
        });
        outcomes.read++;
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        outcomes.error++;
      }
    }
    expect(outcomes.error).toBeGreaterThan(1000);
    expect(outcomes.read).toBeGreaterThan(20);
  });
});

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
      const broken = { dtype: 'float32', shape: [40], read: () => { throw new Error('on purpose'); } } as const; // biome-ignore format: short
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
      const error = thrown(() => openSafetensors(at('m')));
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
    const error = thrown(() => openSafetensors(at('m')));
    expect(error.code).toBe('unlisted-shard');
    expect(error.message).toContain(`holds ${second}, which model.safetensors.index.json does not name`);
    // The remedy works.
    renameSync(at(`m/${second}`), at('elsewhere.safetensors'));
    openSafetensors(at('m')).close();
    renameSync(at('elsewhere.safetensors'), at(`m/${second}`));

    unlinkSync(at('m/model.safetensors.index.json'));
    put('model.safetensors', 'a');
    expect(thrown(() => openSafetensors(at('m'))).message).toContain(`shards without an index (${first}, ${second})`);
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
    expect(thrown(() => openSafetensors(at('m'))).code).toBe('no-weights');
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
    expect(thrown(() => sharded.tensor('hasOwnProperty')).code).toBe('no-such-tensor');
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
      expect(thrown(() => openSafetensors(home)).code).toBe('no-index');
      writeFileSync(at('model.safetensors.index.json'), '[]');
      expect(thrown(() => openSafetensors(home)).code).toBe('unexpected-json');
      writeSafetensors(at('model.safetensors'), [['a', zeros([1])]]);
      expect(thrown(() => openSafetensors(home))).toBeInstanceOf(DataError);
      expect(thrown(() => openSafetensors(home)).code).toBe('ambiguous-weights');
    });
  });
});

const fixtures = golden('plamo2');

describe('fixtures', () => {
  for (const name of ['samba', 'full-attention', 'dense'])
    it(`reads ${name} and writes it again`, () => {
      const expected = JSON.parse(readFileSync(join(fixtures, name, 'expected.json'), 'utf8'));
      using model = openSafetensors(join(fixtures, name, 'model.safetensors'));
      using reference = openSafetensors(join(fixtures, name, 'expected.safetensors'));
      const gradients = reference.names.filter((known) => known.startsWith('grad.'));
      expect(gradients.map((known) => known.slice(5)).sort()).toEqual([...model.names].sort());
      scope(() => {
        let parameters = 0;
        for (const known of model.names) {
          const weight = model.tensor(known);
          parameters += weight.numel;
          expect(weight.shape).toEqual(reference.info(`grad.${known}`).shape);
          expect(weight.isfinite().all().item()).toBe(1);
        }
        expect(parameters).toBe(expected.parameters);
        writeSafetensors(
          at('again.safetensors'),
          model.names.map((known) => [known, model.tensor(known)]),
        );
        using again = openSafetensors(at('again.safetensors'));
        for (const known of model.names) expect(again.tensor(known).bytes()).toEqual(model.tensor(known).bytes());
      });
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
  expect(thrown(() => scope(() => opened.tensor('a').tolist()))).toMatchObject({ code: 'changed' });
});
