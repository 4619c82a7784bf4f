// Tensors from JavaScript values.
import { checkOptions, type OptionNames, ShapeError } from '../base/index.ts';
import { factoryDevice } from './default-device.ts';
import { type DType, dtypeOfArray, numElements, type TypedArray, unravel } from './dtype.ts';
import { type TensorOptions, tensorOptions, wanting } from './factories.ts';
import { checkElements, inferDType, toElement } from './numbers.ts';
import { fromBytes, type NestedArray, type Tensor } from './tensor.ts';

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

export interface ValueOptions extends TensorOptions {
  /** Of a typed array, or in place of the shape that nested arrays have. */
  shape?: readonly number[];
}

const valueOptions: OptionNames<ValueOptions> = { ...tensorOptions, shape: true };
const none: ValueOptions = {};

/**
 * A tensor from a number, nested arrays (float32 unless `dtype` says otherwise; bool for booleans, int64 for bigints), or a
 * typed array (its own dtype) with an optional shape. The data is copied.
 *
 * @throws UserError naming value and index for what does not fit the dtype
 *
 * @example
 * ```ts
 * console.log(tensor([[1, 2], [3, 4]]).shape, tensor([1, 2], { dtype: 'int64' }).dtype); // prints [2,2] int64
 * ```
 */
export function tensor(values: NestedArray | TypedArray, options: ValueOptions = none): Tensor {
  if (options !== none) checkOptions('tensor', options, valueOptions);
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
  const device = options.device ?? factoryDevice();
  const moved = wanted !== made.dtype || device !== 'cpu';
  if (!moved) return wanting(made, options);
  const result = made.to(wanted, device);
  made.dispose();
  return wanting(result, options);
}
