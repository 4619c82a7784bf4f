// safetensors files are written and read again bit for bit, in the layout of the reference implementation.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { sha256, UserError } from '../../base/index.ts';
import { arange, type DType, dtypeNames, scope, type Tensor, tensor, zeros } from '../../torch/index.ts';
import { openSafetensors, writeSafetensors } from './index.ts';
import { at, home } from './safetensors.testing.ts';

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
