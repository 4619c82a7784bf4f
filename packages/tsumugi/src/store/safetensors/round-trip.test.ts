// safetensors files are written and read again bit for bit, in the layout of the reference implementation.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { sha256, UserError } from '../../base/index.ts';
import {
  arange,
  type DType,
  dtypeNames,
  full,
  liveHandles,
  scope,
  type Tensor,
  tensor,
  zeros,
} from '../../torch/index.ts';
import { openSafetensors, writeSafetensors } from './index.ts';
import { at, home } from './safetensors.testing.ts';

describe('round trip', () => {
  it('keeps codes of FP8, which are laid out before those of int8', () => {
    scope(() => {
      const codes = tensor([0x38, 0x7e, 0xff], { dtype: 'uint8' });
      const few = { dtype: 'uint8', shape: [3], stored: 'F8_E4M3', read: () => codes } as const;
      writeSafetensors(at('f8.safetensors'), [
        ['bytes', codes],
        ['small', tensor([1], { dtype: 'int8' })],
        ['few', few],
        ['wide', tensor([1])],
      ]);
      const content = readFileSync(at('f8.safetensors'));
      const header = JSON.parse(content.toString('utf8', 8, 8 + Number(content.readBigUInt64LE())));
      expect(header.few).toEqual({ dtype: 'F8_E4M3', shape: [3], data_offsets: [4, 7] });
      using file = openSafetensors(at('f8.safetensors'));
      expect(file.names).toEqual(['wide', 'few', 'small', 'bytes']);
      expect(file.info('few')).toEqual({ dtype: 'uint8', shape: [3], bytes: 3, stored: 'F8_E4M3' });
      expect(file.tensor('few').tolist()).toEqual([0x38, 0x7e, 0xff]);
      expect(file.info('bytes').stored).toBeUndefined();
    });
  });

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
        // The same in copies of a part.
        const flat = original.reshape([-1]);
        const [start, count] = flat.numel() > 6 ? [2, 5] : [0, flat.numel()];
        const part = opened.elements(name, start, count);
        expect([part.dtype, part.shape]).toEqual([original.dtype, [count]]);
        expect(part.bytes()).toEqual(flat.narrow(0, start, count).bytes());
      }
    });
  });

  it('copies elements of a file that is as it was when it was opened', () => {
    scope(() => {
      writeSafetensors(at('c.safetensors'), [['x', arange(0, 4)]]);
      const opened = openSafetensors(at('c.safetensors'));
      const early = opened.elements('x', 0, 4);
      opened.elements('x', 1, 1); // another buffer is not needed, and what was read stays
      expect(early.tolist()).toEqual([0, 1, 2, 3]);
      expect(() => opened.elements('x', 2, 3)).toThrow('elements of "x"');
      opened.close();
      expect(() => opened.elements('x', 0, 1)).toThrow('was closed before "x" was taken');
      using stale = openSafetensors(at('c.safetensors'));
      writeSafetensors(at('c.safetensors'), [['x', arange(0, 5)]]);
      expect(() => stale.elements('x', 0, 1)).toThrow('was changed since it was opened');
      using gone = openSafetensors(at('c.safetensors'));
      rmSync(at('c.safetensors'));
      expect(() => gone.elements('x', 0, 1)).toThrow('does not exist');
    });
  });

  it('writes tensors that come in pieces, one at a time', () => {
    scope(() => {
      const before = liveHandles();
      const most: number[] = [];
      function* rows() {
        for (let i = 0; i < 5; i++) {
          yield full([2], i);
          most.push(liveHandles() - before);
        }
      }
      const lazy = { dtype: 'float32', shape: [5, 2], read: rows } as const;
      writeSafetensors(at('d.safetensors'), [['rows', lazy], ['whole', zeros([1])]]); // biome-ignore format: pairs
      expect(most).toEqual([1, 1, 1, 1, 1]); // the other tensor
      using opened = openSafetensors(at('d.safetensors'));
      expect(opened.tensor('rows').tolist()).toEqual([0, 1, 2, 3, 4].map((i) => [i, i]));
      const refused = (shape: number[], dtype: DType = 'float32') =>
        expect(() => writeSafetensors(at('e.safetensors'), [['rows', { dtype, shape, read: rows }]]));
      refused([6, 2]).toThrow('2 elements of "rows" were not given');
      refused([4, 2]).toThrow('a piece of "rows", announced as float32[4,2]');
      refused([5, 2], 'float64').toThrow('a piece of "rows", announced as float64[5,2]');
      expect(existsSync(at('e.safetensors'))).toBe(false);
      rmSync(at('d.safetensors'));
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
          parameters += weight.numel();
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
