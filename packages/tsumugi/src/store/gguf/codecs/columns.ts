// What the codecs share. Blocks stand side by side: B of them are a tensor [n, B], so that an operator works on the same element
// of many blocks at once, and a sum over a block is a sum of rows. Bytes of blocks likewise: uint8 [bytes, B].
import { callOperator, type DType, type Tensor } from '../../../torch/index.ts';

/** Blocks side by side, as values or as bytes. */
export interface Codec {
  /**
   * @param x float32 [block, B]
   * @param weights of the squared errors, like x and positive; equal ones unless given
   * @returns uint8 [bytes, B]
   */
  quantize(x: Tensor, weights?: Tensor): Tensor;
  /** uint8 [bytes, B] → float32 [block, B] */
  dequantize(bytes: Tensor): Tensor;
}

const operator =
  (name: string) =>
  (x: Tensor, ...rest: (number | Tensor)[]): Tensor =>
    callOperator(name, x, ...rest) as Tensor;

/** Of uint8 tensors. */
export const and = operator('aten::bitwise_and.Scalar');
export const or = operator('aten::bitwise_or.Tensor');
export const left = operator('aten::bitwise_left_shift.Tensor_Scalar');
export const right = operator('aten::bitwise_right_shift.Tensor_Scalar');

/** In place, towards 0. */
export const trunc_ = operator('aten::trunc_');
/** In place, halves to even. */
export const round_ = operator('aten::round_');

/** The same bytes, taken for another type. */
export const viewAs = (x: Tensor, dtype: DType): Tensor => callOperator('aten::view.dtype', x, dtype) as Tensor;

/** float32 [B] → the bytes of their float16 [2, B]. */
export const halfBytes = (x: Tensor): Tensor => viewAs(x.to('float16'), 'uint8').view([-1, 2]).t();

/** The inverse of `halfBytes`, rows `start` and `start + 1` of `bytes`: float32 [B]. */
export const halfAt = (bytes: Tensor, start: number): Tensor =>
  viewAs(bytes.narrow(0, start, 2).t().contiguous(), 'float16')
    .view([-1])
    .float();

/**
 * The sum over a dimension whose size is a power of 2 (2 at least), by halves. libtorch's own adds in an order that depends on
 * where in the tensor a column lies and on the number of threads; here every column is added alike.
 */
export function sumOver(x: Tensor, dim: number): Tensor {
  const half = x.size(dim) / 2;
  const sum = x.narrow(dim, 0, half).add(x.narrow(dim, half, half));
  for (let n = half / 2; n >= 1; n /= 2) sum.narrow(dim, 0, n).add_(sum.narrow(dim, n, n));
  return sum.select(dim, 0).contiguous();
}

/** `sumOver` of a·b. The product is freed at once: its memory, still in the cache, holds the next one. */
export function sumOfProduct(a: Tensor, b: Tensor, dim: number): Tensor {
  using product = a.mul(b);
  return sumOver(product, dim);
}

/** What float16 makes of it. */
export const asHalf = (x: Tensor): Tensor => x.to('float16').float();

/** 1/x, and 0 where x is 0. */
export const inverse = (x: Tensor): Tensor => x.reciprocal().maskedFill(x.eq(0), 0);

/** Two uint8 tensors below 16 → one: `low` in the lower nibbles. */
export const nibbles = (low: Tensor, high: Tensor): Tensor => or(left(high, 4), low);
