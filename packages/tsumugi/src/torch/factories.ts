// Tensors from nothing: from JavaScript values, constants, ranges, and random streams.
import { ShapeError, UserError } from '../base/index.ts';
import { type Device, type DType, dtypeCode, dtypeOfArray, numElements, type TypedArray, unravel } from './dtype.ts';
import { native } from './native.ts';
import { checkElements, inferDType, isInteger, type Scalar, toElement } from './numbers.ts';
import { explain, operatorId, wrapHandle } from './operator.ts';
import type { Rng } from './random.ts';
import { fromBytes, type NestedArray, type Tensor } from './tensor.ts';

export interface TensorOptions {
  dtype?: DType | undefined;
  device?: Device | undefined;
}

function make(operator: string, options: TensorOptions, ...leading: (number | bigint | readonly number[])[]): Tensor {
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
/** Of the value's own type, float32 for numbers, unless a dtype is given. */
export const full = (shape: readonly number[], value: Scalar, options: TensorOptions = {}): Tensor => {
  const dtype = options.dtype ?? inferDType([value]);
  return make(
    'aten::full',
    { ...options, dtype },
    shape,
    toElement(value, dtype, () => 'full()'),
  );
};
export const eye = (n: number, options: TensorOptions = {}): Tensor => make('aten::eye', options, n);
/**
 * [start, end) in steps; int64 unless a fraction is given (then float32) or a dtype.
 *
 * @throws UserError for what is not finite, and for fractions or ends that an integer type would cut off
 */
export const arange = (
  start: number,
  end: number,
  { step = 1, ...options }: TensorOptions & { step?: number } = {},
): Tensor => {
  const given = { start, end, step };
  const dtype = options.dtype ?? (Object.values(given).every(Number.isInteger) ? 'int64' : 'float32');
  for (const [name, value] of Object.entries(given))
    if (!(isInteger(dtype) ? Number.isSafeInteger(value) : Number.isFinite(value)))
      throw new UserError(
        'bad-argument',
        `arange(): ${name} must be ${isInteger(dtype) ? `a whole number of at most 2^53 − 1 for ${dtype}` : 'finite'}, got ${value}`,
        { fields: { [name]: value } },
      );
  if (step === 0 || (end - start) / step < 0)
    throw new UserError('bad-argument', `arange(): steps of ${step} do not lead from ${start} to ${end}`, {
      fields: given,
    });
  const last = start + step * (Math.ceil((end - start) / step) - 1);
  if (isInteger(dtype) && end !== start) for (const value of [start, last]) toElement(value, dtype, () => 'arange()');
  return make('aten::arange.start_step', { ...options, dtype }, start, end, step);
};
export const linspace = (start: number, end: number, steps: number, options: TensorOptions = {}): Tensor =>
  make('aten::linspace', options, start, end, steps);

/** Standard normal, from an explicit stream. */
export const randn = (shape: readonly number[], rng: Rng, options: TensorOptions = {}): Tensor =>
  empty(shape, { device: rng.device, ...options }).normal_(0, 1, { rng });
/** Uniform in [0, 1), from an explicit stream. */
export const rand = (shape: readonly number[], rng: Rng, options: TensorOptions = {}): Tensor =>
  empty(shape, { device: rng.device, ...options }).uniform_(0, 1, { rng });
/** Uniform integers in [low, high), from an explicit stream; int64 unless a dtype is given. */
export const randint = (
  low: number,
  high: number,
  shape: readonly number[],
  rng: Rng,
  options: TensorOptions = {},
): Tensor => empty(shape, { dtype: 'int64', device: rng.device, ...options }).random_(low, high, { rng });

function shapeOf(values: unknown): number[] {
  return Array.isArray(values) ? [values.length, ...(values.length ? shapeOf(values[0]) : [])] : [];
}

const indexed = (index: readonly number[]) => (index.length ? `tensor(): element [${index.join(', ')}]` : 'tensor()');

/** The elements in order. */
function* elementsOf(values: unknown, shape: readonly number[], index: number[] = []): Generator<unknown> {
  const dim = index.length;
  if (Array.isArray(values) !== dim < shape.length)
    throw new ShapeError(
      'ragged-array',
      `${indexed(index)} is ${Array.isArray(values) ? 'an array' : 'no array'}, but the first ones make the shape [${shape.join(', ')}]`,
      { remedy: 'Nest every array equally deep.' },
    );
  if (!Array.isArray(values)) return void (yield values);
  if (values.length !== shape[dim])
    throw new ShapeError(
      'ragged-array',
      `${indexed(index)} has ${values.length} values, but others of dimension ${dim} have ${shape[dim]}`,
      { remedy: 'Give every inner array the same length.' },
    );
  if (dim === shape.length - 1 && !values.some(Array.isArray)) yield* values;
  else for (let i = 0; i < values.length; i++) yield* elementsOf(values[i], shape, [...index, i]);
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

function checkFills(count: number, shape: readonly number[]): void {
  if (numElements(shape) === count) return;
  throw new ShapeError('wrong-shape', `tensor(): the shape [${shape.join(', ')}] does not hold ${count} values`);
}

/** The tensor of nested arrays, before it is moved; 16-bit floats as float32. */
function fromNested(
  values: NestedArray,
  wanted: DType | undefined,
  given: readonly number[] | undefined,
): [DType, Tensor] {
  const shape = shapeOf(values);
  const flat = [...elementsOf(values, shape)];
  checkFills(flat.length, given ?? shape);
  const dtype = wanted ?? inferDType(flat);
  let at = 0;
  const place = () => indexed(unravel(at, shape));
  const elements = flat.map((value, i) => {
    at = i;
    return toElement(value, dtype, place);
  });
  if (dtype === 'int64') return [dtype, fromBytes(BigInt64Array.from(elements as bigint[]), dtype, given ?? shape)];
  const direct = dtype in arrays ? (dtype as keyof typeof arrays) : 'float32';
  return [dtype, fromBytes(arrays[direct].from(elements as number[]), direct, given ?? shape)];
}

/**
 * A tensor from a number, nested arrays (float32 unless `dtype` says otherwise; bool for booleans, int64 for bigints), or a
 * typed array (its own dtype) with an optional shape. The data is copied.
 *
 * @throws UserError naming value and index for what does not fit the dtype
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
    const shape = options.shape ?? [values.length];
    checkFills(values.length, shape);
    checkElements(values, own, wanted);
    made = fromBytes(values, own, shape);
  } else {
    [wanted, made] = fromNested(values, options.dtype, options.shape);
  }
  const moved = wanted !== made.dtype || (options.device !== undefined && options.device !== 'cpu');
  if (!moved) return made;
  const result = made.to(wanted, options.device ?? 'cpu');
  made.dispose();
  return result;
}
