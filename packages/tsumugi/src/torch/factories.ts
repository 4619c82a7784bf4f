// Tensors from nothing: constants, ranges, and random streams.
import { checkOptions, type OptionNames, UserError } from '../base/index.ts';
import { factoryDevice } from './default-device.ts';
import { type Device, type DType, dtypeCode } from './dtype.ts';
import { explain } from './explain.ts';
import { operatorId } from './lookup.ts';
import { native } from './native.ts';
import { inferDType, isInteger, type Scalar, toElement } from './numbers.ts';
import { wrapHandle } from './operator.ts';
import { checkRng, defaultRng, Rng } from './random.ts';
import type { Tensor } from './tensor.ts';

export interface TensorOptions {
  /** float32 when left out. */
  dtype?: DType | undefined;
  /** The CPU when left out, or what TSUMUGI_DEVICE names. */
  device?: Device | undefined;
  /** Whether gradients are wanted, as by `requiresGrad_()`. */
  requiresGrad?: boolean | undefined;
}

export interface RandomOptions extends TensorOptions {
  /** What the numbers are drawn from; the default stream (`manualSeed`) when left out. */
  rng?: Rng | undefined;
}

export const tensorOptions: OptionNames<TensorOptions> = { dtype: true, device: true, requiresGrad: true };
const randomOptions: OptionNames<RandomOptions> = { ...tensorOptions, rng: true };
const hints = { generator: 'Write { rng: new Rng(0) }.', seed: 'Write { rng: new Rng(0) }.', out: 'Use copy_().' };
const none: TensorOptions = {};

/** A shape as an array or number by number, then options. */
type ShapeArguments<Options> =
  | [shape: readonly number[], options?: Options]
  | number[]
  | [...sizes: number[], options: Options];

/** Arguments of a factory taken apart: the shape, and what comes after it. */
function shapeAndRest(owner: string, values: readonly unknown[]): [shape: readonly number[], ...rest: unknown[]] {
  const [first, ...rest] = values;
  if (Array.isArray(first)) return [first, ...rest];
  const end = values.findIndex((value) => typeof value !== 'number');
  const sizes = values.slice(0, end < 0 ? values.length : end) as number[];
  if (sizes.length === 0)
    throw new UserError('bad-argument', `${owner}(): the shape must come first`, {
      remedy: `Write ${owner}([2, 3]) or ${owner}(2, 3); ${owner}([]) makes a tensor of one element without dimensions.`,
    });
  return [sizes, ...values.slice(sizes.length)];
}

function shapeAndOptions(owner: string, values: readonly unknown[]): [readonly number[], TensorOptions] {
  const [shape, options = none] = shapeAndRest(owner, values) as [readonly number[], TensorOptions?];
  if (options !== none) checkOptions(owner, options, tensorOptions, hints);
  return [shape, options];
}

/** What a factory made, as the options want it. */
export const wanting = (made: Tensor, { requiresGrad }: TensorOptions): Tensor =>
  requiresGrad ? made.requiresGrad_() : made;

function make(operator: string, options: TensorOptions, ...leading: (number | bigint | readonly number[])[]): Tensor {
  const dtype = dtypeCode(options.dtype ?? 'float32');
  const device = options.device ?? factoryDevice();
  // empty.memory_format has one argument more than the others.
  const trailing = operator.startsWith('aten::empty') ? [null, null] : [null];
  try {
    const handle = native().call(
      operatorId(operator),
      ...leading,
      dtype,
      null,
      device === 'cpu' ? null : device,
      ...trailing,
    );
    return wanting(wrapHandle(handle), options);
  } catch (error) {
    throw explain(error, operator, leading);
  }
}

function filled(owner: string, operator: string, values: readonly unknown[]): Tensor {
  const [shape, options] = shapeAndOptions(owner, values);
  return make(operator, options, shape);
}

/**
 * A tensor whose elements are whatever was in memory, to be filled. `empty([2, 3])` or `empty(2, 3)`.
 *
 * @example
 * ```ts
 * console.log(empty(2, 3).shape); // prints [2,3]
 * ```
 */
export const empty = (...shape: ShapeArguments<TensorOptions>): Tensor =>
  filled('empty', 'aten::empty.memory_format', shape);

/**
 * All 0. `zeros([2, 3])` or `zeros(2, 3)`.
 *
 * @example
 * ```ts
 * console.log(zeros(2, 2).tolist()); // prints [[0,0],[0,0]]
 * ```
 */
export const zeros = (...shape: ShapeArguments<TensorOptions>): Tensor => filled('zeros', 'aten::zeros', shape);

/**
 * All 1. `ones([2, 3])` or `ones(2, 3)`.
 *
 * @example
 * ```ts
 * console.log(ones([2], { dtype: 'int64' }).tolist()); // prints [1,1]
 * ```
 */
export const ones = (...shape: ShapeArguments<TensorOptions>): Tensor => filled('ones', 'aten::ones', shape);

/**
 * Zeros of the shape, dtype and device of another tensor.
 *
 * @example
 * ```ts
 * console.log(zerosLike(ones(2)).tolist()); // prints [0,0]
 * ```
 */
export const zerosLike = ({ shape, dtype, device }: Tensor, options: TensorOptions = none): Tensor =>
  zeros(shape, { dtype, device, ...options });

/**
 * Ones of the shape, dtype and device of another tensor.
 *
 * @example
 * ```ts
 * console.log(onesLike(zeros(2)).tolist()); // prints [1,1]
 * ```
 */
export const onesLike = ({ shape, dtype, device }: Tensor, options: TensorOptions = none): Tensor =>
  ones(shape, { dtype, device, ...options });

/**
 * Of the value's own type, float32 for numbers, unless a dtype is given.
 *
 * @example
 * ```ts
 * console.log(full([2], 7).tolist()); // prints [7,7]
 * ```
 */
export const full = (shape: readonly number[], value: Scalar, options: TensorOptions = none): Tensor => {
  if (options !== none) checkOptions('full', options, tensorOptions, hints);
  const dtype = options.dtype ?? inferDType([value]);
  return make(
    'aten::full',
    { ...options, dtype },
    shape,
    toElement(value, dtype, () => 'full()'),
  );
};

/**
 * The identity matrix [n, n].
 *
 * @example
 * ```ts
 * console.log(eye(2).tolist()); // prints [[1,0],[0,1]]
 * ```
 */
export const eye = (n: number, options: TensorOptions = none): Tensor => {
  if (options !== none) checkOptions('eye', options, tensorOptions, hints);
  return make('aten::eye', options, n);
};

export interface RangeOptions extends TensorOptions {
  step?: number;
}

const rangeOptions: OptionNames<RangeOptions> = { ...tensorOptions, step: true };

/**
 * [start, end) in steps; int64 unless a fraction is given (then float32) or a dtype. `arange(5)` starts at 0.
 *
 * @throws UserError for what is not finite, and for fractions or ends that an integer type would cut off
 *
 * @example
 * ```ts
 * console.log(arange(3).tolist(), arange(1, 2, 0.5).tolist()); // prints [0,1,2] [1,1.5]
 * ```
 */
export function arange(end: number, options?: RangeOptions): Tensor;
export function arange(start: number, end: number, options?: number | RangeOptions): Tensor;
export function arange(first: number, second?: number | RangeOptions, third: number | RangeOptions = none): Tensor {
  const [start, end, last] = typeof second === 'number' ? [first, second, third] : [0, first, second ?? third];
  const given: RangeOptions = typeof last === 'number' ? { step: last } : last;
  if (given !== none) checkOptions('arange', given, rangeOptions, hints);
  return range(start, end, given);
}

function range(start: number, end: number, { step = 1, ...options }: RangeOptions): Tensor {
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
}

/**
 * So many numbers at equal distances, from `start` to `end` with both.
 *
 * @example
 * ```ts
 * console.log(linspace(0, 1, 3).tolist()); // prints [0,0.5,1]
 * ```
 */
export const linspace = (start: number, end: number, steps: number, options: TensorOptions = none): Tensor => {
  if (options !== none) checkOptions('linspace', options, tensorOptions, hints);
  return make('aten::linspace', options, start, end, steps);
};

/** Shape, then a stream, options, or both. */
type RandomArguments =
  | [shape: readonly number[], rng?: Rng | undefined, options?: TensorOptions]
  | ShapeArguments<RandomOptions>
  | [...sizes: number[], rng: Rng];

/** An empty tensor, filled from the stream that the arguments name. */
function drawn(
  owner: string,
  values: readonly unknown[],
  dtype: DType,
  fill: (empty: Tensor, rng: Rng) => Tensor,
): Tensor {
  const [shape, second, third] = shapeAndRest(owner, values);
  const [first, options] = second instanceof Rng || second === undefined ? [second, third] : [undefined, second];
  if (options !== undefined) checkOptions(owner, options as RandomOptions, randomOptions, hints);
  const { rng: named, ...rest } = (options ?? none) as RandomOptions;
  const rng = first ?? (named === undefined ? defaultRng(rest.device) : checkRng(owner, named));
  const { requiresGrad, ...target } = { dtype, device: rng.device, ...rest };
  return wanting(fill(empty(shape, target), rng), { requiresGrad });
}

/**
 * Standard normal: `randn([2, 3], rng)`, `randn(2, 3)`.
 *
 * @example
 * ```ts
 * const draw = () => randn(2, { rng: new Rng(0) }).tolist().toString();
 * console.log(draw() === draw()); // prints true
 * ```
 */
export const randn = (...shape: RandomArguments): Tensor =>
  drawn('randn', shape, 'float32', (target, rng) => target.normal_(0, 1, { rng }));

/**
 * Uniform in [0, 1): `rand([2, 3], rng)`, `rand(2, 3)`.
 *
 * @example
 * ```ts
 * const x = rand([1000], new Rng(0));
 * console.log(x.min().item() >= 0, x.max().item() < 1); // prints true true
 * ```
 */
export const rand = (...shape: RandomArguments): Tensor =>
  drawn('rand', shape, 'float32', (target, rng) => target.uniform_(0, 1, { rng }));

/**
 * Uniform integers in [low, high): `randint(0, 10, [2, 3], rng)`; int64 unless a dtype is given.
 *
 * @example
 * ```ts
 * console.log(randint(3, 4, [2]).tolist()); // prints [3,3]
 * ```
 */
export const randint = (low: number, high: number, ...shape: RandomArguments): Tensor =>
  drawn('randint', shape, 'int64', (target, rng) => target.random_(low, high, { rng }));
