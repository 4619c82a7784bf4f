// Which JavaScript values become elements of which dtype, by PyTorch's rules: fractions are cut off towards zero in integer
// types; anything but 0 is true; what does not fit an integer type (NaN and infinities too) is refused.
import { UserError } from '../base/index.ts';
import type { DType, TypedArray } from './dtype.ts';

/** What may stand in nested arrays. */
export type Scalar = number | bigint | boolean;

const integers: Partial<Record<DType, readonly [bigint, bigint]>> = {
  uint8: [0n, 255n],
  int8: [-128n, 127n],
  int16: [-32768n, 32767n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
};

export const isInteger = (dtype: DType): boolean => integers[dtype] !== undefined;

/** PyTorch infers the type from the values; numbers are floats here, as JavaScript cannot tell 1 from 1.0. */
export function inferDType(values: readonly unknown[]): DType {
  if (values.length > 0 && values.every((value) => typeof value === 'boolean')) return 'bool';
  return values.length > 0 && values.every((value) => typeof value === 'bigint') ? 'int64' : 'float32';
}

function refuse(value: unknown, dtype: DType, where: string, remedy: string): never {
  const shown = typeof value === 'bigint' ? `${value}n` : typeof value === 'string' ? `"${value}"` : String(value);
  throw new UserError('does-not-fit', `${where}: ${shown} does not fit ${dtype}`, {
    remedy,
    fields: { value, dtype },
  });
}

/**
 * A value as an element of `dtype`. `where` names the place, for the error.
 *
 * @throws UserError for a value that does not fit, or is no number
 */
export function toElement(value: unknown, dtype: DType, where: () => string): number | bigint {
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'boolean')
    refuse(value, dtype, where(), 'Give numbers, bigints or booleans; an array must have no holes.');
  if (dtype === 'bool') return value === 0 || value === 0n || value === false ? 0 : 1;
  const range = integers[dtype];
  if (!range) {
    const number = Number(value);
    if (typeof value === 'bigint' && !Number.isFinite(number)) refuse(value, dtype, where(), 'Scale it down.');
    return number;
  }
  const whole = typeof value === 'bigint' ? value : Math.trunc(Number(value));
  // Comparisons of numbers with bigints are exact.
  if (!(whole >= range[0] && whole <= range[1]))
    refuse(value, dtype, where(), `It holds ${range[0]} to ${range[1]}; choose another dtype.`);
  return dtype === 'int64' ? BigInt(whole) : Number(whole);
}

/** An int64 element as a number. @throws UserError beyond 2^53, where float64 would give a neighbour */
export function toNumber(value: number | bigint, where: () => string): number {
  const number = Number(value);
  if (typeof value === 'bigint' && !Number.isSafeInteger(number))
    throw new UserError('does-not-fit', `${where()}: ${value} is beyond 2^53, so no JavaScript number holds it`, {
      remedy: 'Read it with data(), which gives BigInts.',
      fields: { value },
    });
  return number;
}

/** @throws UserError for the first element that does not fit, where a conversion could lose anything */
export function checkElements(values: TypedArray, from: DType, to: DType): void {
  const [range, given] = [integers[to], integers[from]];
  if (!range || (given && given[0] >= range[0] && given[1] <= range[1])) return;
  for (let i = 0; i < values.length; i++) toElement(values[i], to, () => `tensor(): element ${i}`);
}
