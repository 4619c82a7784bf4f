// Tensors from nothing: from JavaScript values, constants, ranges, and random streams.
import { ShapeError } from '../base/index.ts';
import { type Device, type DType, dtypeBytes, dtypeCode, dtypeOfArray, type TypedArray } from './dtype.ts';
import { native } from './native.ts';
import { explain, operatorId, wrapHandle } from './operator.ts';
import type { Generator } from './random.ts';
import { fromBytes, type NestedArray, type Tensor } from './tensor.ts';

export interface TensorOptions {
  dtype?: DType | undefined;
  device?: Device | undefined;
}

function make(operator: string, options: TensorOptions, ...leading: (number | readonly number[])[]): Tensor {
  try {
    return wrapHandle(
      native().call(
        operatorId(operator),
        ...leading,
        dtypeCode(options.dtype ?? 'float32'),
        null,
        options.device ?? null,
        null,
      ),
    );
  } catch (error) {
    throw explain(error, operator, leading);
  }
}

export const empty = (shape: readonly number[], options: TensorOptions = {}): Tensor => {
  try {
    return wrapHandle(
      native().call(
        operatorId('aten::empty.memory_format'),
        shape,
        dtypeCode(options.dtype ?? 'float32'),
        null,
        options.device ?? null,
        null,
        null,
      ),
    );
  } catch (error) {
    throw explain(error, 'aten::empty', [shape]);
  }
};
export const zeros = (shape: readonly number[], options: TensorOptions = {}): Tensor =>
  make('aten::zeros', options, shape);
export const ones = (shape: readonly number[], options: TensorOptions = {}): Tensor =>
  make('aten::ones', options, shape);
export const full = (shape: readonly number[], value: number, options: TensorOptions = {}): Tensor =>
  make('aten::full', options, shape, value);
export const eye = (n: number, options: TensorOptions = {}): Tensor => make('aten::eye', options, n);
/** [start, end) in steps; int64 unless a dtype is given. */
export const arange = (start: number, end: number, options: TensorOptions & { step?: number } = {}): Tensor =>
  make('aten::arange.start_step', { dtype: 'int64', ...options }, start, end, options.step ?? 1);
export const linspace = (start: number, end: number, steps: number, options: TensorOptions = {}): Tensor =>
  make('aten::linspace', options, start, end, steps);

/** Standard normal, from an explicit stream. */
export const randn = (shape: readonly number[], generator: Generator, options: TensorOptions = {}): Tensor =>
  empty(shape, { device: generator.device, ...options }).normal_(0, 1, { generator });
/** Uniform in [0, 1), from an explicit stream. */
export const rand = (shape: readonly number[], generator: Generator, options: TensorOptions = {}): Tensor =>
  empty(shape, { device: generator.device, ...options }).uniform_(0, 1, { generator });
/** Uniform integers in [low, high), from an explicit stream; int64 unless a dtype is given. */
export const randint = (
  low: number,
  high: number,
  shape: readonly number[],
  generator: Generator,
  options: TensorOptions = {},
): Tensor => empty(shape, { dtype: 'int64', device: generator.device, ...options }).random_(low, high, { generator });

function shapeOf(values: NestedArray): number[] {
  return Array.isArray(values) ? [values.length, ...(values.length ? shapeOf(values[0]!) : [])] : [];
}

function flatten(values: NestedArray, shape: readonly number[], into: number[], dim = 0): void {
  if (!Array.isArray(values)) {
    if (dim !== shape.length) throw new ShapeError('ragged-array', 'tensor(): the nested arrays have different depths');
    into.push(values);
    return;
  }
  if (values.length !== shape[dim])
    throw new ShapeError('ragged-array', `tensor(): dimension ${dim} has lengths ${shape[dim]} and ${values.length}`, {
      remedy: 'Give every inner array the same length.',
    });
  for (const item of values) flatten(item, shape, into, dim + 1);
}

const arrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
  bool: Uint8Array,
} as const;

/**
 * A tensor from a number, nested arrays (float32 unless `dtype` says otherwise), or a typed array (its own dtype) with
 * an optional shape. The data is copied.
 */
export function tensor(
  values: NestedArray | TypedArray,
  options: TensorOptions & { shape?: readonly number[] } = {},
): Tensor {
  let made: Tensor;
  let wanted: DType;
  if (ArrayBuffer.isView(values)) {
    const own = dtypeOfArray(values);
    wanted = options.dtype ?? own;
    made = fromBytes(values, own, options.shape ?? [values.byteLength / dtypeBytes(own)]);
  } else {
    wanted = options.dtype ?? 'float32';
    const shape = shapeOf(values);
    const flat: number[] = [];
    flatten(values, shape, flat);
    const direct = wanted in arrays ? (wanted as keyof typeof arrays) : wanted === 'int64' ? 'int64' : 'float32';
    const data = direct === 'int64' ? BigInt64Array.from(flat, (value) => BigInt(value)) : arrays[direct].from(flat);
    made = fromBytes(data, direct, options.shape ?? shape);
  }
  const moved = wanted !== made.dtype || (options.device !== undefined && options.device !== 'cpu');
  if (!moved) return made;
  const result = made.to(wanted, options.device ?? 'cpu');
  made.dispose();
  return result;
}
