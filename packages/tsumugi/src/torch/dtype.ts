// Element types: PyTorch's names, libtorch's codes, and the JavaScript array that holds each.
import { UserError } from '../base/index.ts';

/** PyTorch's dtype names. */
export type DType =
  | 'uint8'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'float16'
  | 'float32'
  | 'float64'
  | 'bool'
  | 'bfloat16';

/** A device as PyTorch writes it. */
export type Device = 'cpu' | 'cuda' | `cuda:${number}`;

export type TypedArray =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint16Array
  | Float32Array
  | Float64Array;

// biome-ignore format: a table
const dtypes = {
  uint8:    { code: 0,  bytes: 1, array: Uint8Array },
  int8:     { code: 1,  bytes: 1, array: Int8Array },
  int16:    { code: 2,  bytes: 2, array: Int16Array },
  int32:    { code: 3,  bytes: 4, array: Int32Array },
  int64:    { code: 4,  bytes: 8, array: BigInt64Array },
  float16:  { code: 5,  bytes: 2, array: Uint16Array },
  float32:  { code: 6,  bytes: 4, array: Float32Array },
  float64:  { code: 7,  bytes: 8, array: Float64Array },
  bool:     { code: 11, bytes: 1, array: Uint8Array },
  bfloat16: { code: 15, bytes: 2, array: Uint16Array },
} as const satisfies Record<DType, { code: number; bytes: number; array: unknown }>;

export const dtypeNames = Object.keys(dtypes) as DType[];

const nameOfCode = new Map(dtypeNames.map((name) => [dtypes[name].code as number, name]));

/** PyTorch's second names. */
const aliases: Readonly<Record<string, DType>> = {
  long: 'int64', int: 'int32', short: 'int16', float: 'float32', double: 'float64', half: 'float16',
}; // biome-ignore format: a table

function unknownDType(given: unknown): UserError {
  const name = String(given).replace(/^torch\./, '');
  const meant = Object.hasOwn(aliases, name) ? aliases[name] : dtypeNames.find((known) => known === name);
  return new UserError('unknown-dtype', `unknown dtype "${given}"; known: ${dtypeNames.join(', ')}`, {
    ...(meant && { remedy: `Write '${meant}'.` }),
    fields: { dtype: given },
  });
}

/** libtorch's code of a dtype; undefined stays undefined (the operator's default). */
export function dtypeCode(dtype: DType): number;
export function dtypeCode(dtype: DType | undefined): number | undefined;
export function dtypeCode(dtype: DType | undefined): number | undefined {
  if (dtype === undefined) return undefined;
  const entry = dtypes[dtype];
  if (!entry) throw unknownDType(dtype);
  return entry.code;
}

export function dtypeName(code: number): DType {
  const name = nameOfCode.get(code);
  if (!name) throw new UserError('unknown-dtype', `libtorch's dtype ${code} has no JavaScript counterpart`);
  return name;
}

/** The number of elements of a shape. */
export const numElements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** The index of the element at a place in row-major order. */
export function unravel(element: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = element;
  for (const size of shape.toReversed()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}

export function dtypeBytes(dtype: DType): number {
  return dtypes[dtype].bytes;
}

/** The bytes that the elements of a tensor take. */
export const numBytes = ({ dtype, shape }: { readonly dtype: DType; readonly shape: readonly number[] }): number =>
  numElements(shape) * dtypeBytes(dtype);

/** The typed array over `buffer` for a dtype: 16-bit floats come as their bits, booleans as 0 and 1. */
export function typedArray(dtype: DType, buffer: ArrayBuffer): TypedArray {
  return new dtypes[dtype].array(buffer) as TypedArray;
}

/** The dtype of a typed array. */
export function dtypeOfArray(array: TypedArray): DType {
  for (const name of ['float32', 'int64', 'int32', 'float64', 'uint8', 'int8', 'int16'] as const)
    if (array instanceof dtypes[name].array) return name;
  throw new UserError('unknown-dtype', `no dtype holds a ${array.constructor.name}`, {
    remedy: 'Pass a Float32Array, Float64Array, BigInt64Array, Int32Array, Int16Array, Int8Array or Uint8Array.',
  });
}
