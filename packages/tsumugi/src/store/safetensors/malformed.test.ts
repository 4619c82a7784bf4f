// A named error for every way a safetensors file can be broken.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FormatError, RandomStream, TsumugiError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { arange, scope } from '../../torch/index.ts';
import { openSafetensors, writeSafetensors } from './index.ts';
import { at, file } from './safetensors.testing.ts';

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
    ['unsupported-dtype', 'a', () => file(one('"dtype":"F8_E5M2","shape":[1],"data_offsets":[0,1]'), 1)],
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
      const error = thrown(TsumugiError, () => openSafetensors(path));
      expect(error).toBeInstanceOf(FormatError);
      expect([error.code, error.fields['tensor'], error.fields['path']]).toEqual([`safetensors-${code}`, name, path]);
      expect(error.message).toContain(path);
    });

  it('files too short for their length field, and what is no file', () => {
    for (const length of [0, 1, 7]) {
      writeFileSync(at('short.safetensors'), Buffer.alloc(length));
      expect(thrown(TsumugiError, () => openSafetensors(at('short.safetensors'))).code).toBe('safetensors-too-short');
    }
    expect(thrown(TsumugiError, () => openSafetensors(at('missing'))).code).toBe('no-such-file');
    mkdirSync(at('nothing'));
    expect(thrown(TsumugiError, () => openSafetensors(at('nothing'))).code).toBe('no-weights');
  });

  it('booleans that are neither 0 nor 1', () => {
    using opened = openSafetensors(file('{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}', 2));
    scope(() => expect(opened.tensor('a').tolist()).toEqual([0, 1]));
    using broken = openSafetensors(file('{"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}', 3));
    expect(thrown(TsumugiError, () => broken.tensor('a')).code).toBe('safetensors-bad-boolean');
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
