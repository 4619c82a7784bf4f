// Tensor: a handle into the native slab, with PyTorch's methods (generated from the operators' schemas) and access to its data.
import { DisposedError, kindOf, ShapeError, UserError } from '../base/index.ts';
import { type Device, type DType, dtypeCode, dtypeName, numElements, typedArray, unravel } from './dtype.ts';
import { explain } from './explain.ts';
import { native } from './native.ts';
import { type Scalar, toNumber } from './numbers.ts';
import { setWrap } from './operator.ts';
import { TensorOperators } from './operators.generated.ts';
import { adopt, flushFrees, queueFree, unwatch, watch } from './scope.ts';

/** A TypedArray for most dtypes; 16-bit floats come as float32, booleans as 0 and 1. */
export type TensorData =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | Uint16Array;

/** What `tensor` takes. */
export type NestedArray = Scalar | readonly NestedArray[];
/** What `tolist` gives. */
export type NestedNumbers = number | NestedNumbers[];

type Nested<T> = T | Nested<T>[];

export class Tensor extends TensorOperators implements Disposable {
  /** The native handle, 0 after the tensor was freed. Use `handle`, which checks. */
  rawHandle: number;
  /** Whether `keep()` took it out of its scope. */
  isKept = false;
  #shape: readonly number[] | undefined;
  #dtype: DType | undefined;
  #device: Device | undefined;

  /** Only for the torch folder: takes over a handle from the addon. */
  constructor(handle: number) {
    super();
    this.rawHandle = handle;
    adopt(this);
  }

  /** The native handle. @throws DisposedError when the tensor was freed. */
  override get handle(): number {
    if (this.rawHandle === 0)
      throw new DisposedError('disposed', 'a tensor was used after it was freed', {
        remedy: 'Return it from its scope, or call keep() on it before the scope ends.',
      });
    return this.rawHandle;
  }

  get isDisposed(): boolean {
    return this.rawHandle === 0;
  }

  /** The sizes, e.g. `[B, T, D]`. */
  get shape(): readonly number[] {
    this.#shape ??= native().sizes(this.handle);
    return this.#shape;
  }

  get dtype(): DType {
    this.#dtype ??= dtypeName(native().dtype(this.handle));
    return this.#dtype;
  }

  get device(): Device {
    this.#device ??= native().device(this.handle) as Device;
    return this.#device;
  }

  get strides(): readonly number[] {
    return native().strides(this.handle);
  }

  get isContiguous(): boolean {
    return native().isContiguous(this.handle);
  }

  /** The number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }

  /** The number of elements. */
  numel(): number {
    return numElements(this.shape);
  }

  /** The size of one dimension, negative ones counted from the end; of all, like `shape`, without one. */
  size(): readonly number[];
  size(dim: number): number;
  size(dim?: number): number | readonly number[] {
    if (dim === undefined) return this.shape;
    const size = Number.isInteger(dim) ? this.shape.at(dim) : undefined;
    if (size === undefined)
      throw new ShapeError('no-such-dim', `size(${dim}): the shape is [${this.shape.join(', ')}]`);
    return size;
  }

  // --- ownership ---------------------------------------------------------------------------------------------------

  /** Takes the tensor out of its scope: it lives until `dispose()` (or until it is garbage). Returns itself. */
  keep(): this {
    if (!this.isKept) {
      unwatch(this);
      this.isKept = true;
      watch(this);
    }
    return this;
  }

  /** Frees the tensor now. Safe to call twice. */
  dispose(): void {
    if (this.isDisposed) return;
    unwatch(this);
    this.release();
    flushFrees();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** For scopes: queues the handle for the next batch of frees. */
  release(): void {
    if (this.rawHandle === 0) return;
    queueFree(this.rawHandle);
    this.rawHandle = 0;
  }

  // --- data --------------------------------------------------------------------------------------------------------

  /** The one element of a tensor of one element. @throws UserError for an integer that no number holds exactly */
  item(): number {
    try {
      const value = Number(native().item(this.handle));
      if (Math.abs(value) > Number.MAX_SAFE_INTEGER && this.dtype === 'int64')
        return toNumber((this.data() as BigInt64Array)[0]!, () => 'item()');
      return value;
    } catch (error) {
      throw explain(error, 'item', [this]);
    }
  }

  /** A copy of the elements in row-major order. */
  data(): TensorData {
    if (this.dtype === 'float16' || this.dtype === 'bfloat16') {
      using wide = this.to('float32');
      return wide.data();
    }
    return typedArray(this.dtype, native().toBytes(this.handle));
  }

  /** A copy of the raw bytes in row-major order, whatever the dtype. */
  bytes(): Uint8Array {
    return new Uint8Array(native().toBytes(this.handle));
  }

  /** The elements as nested arrays of numbers. @throws UserError for an integer that no number holds exactly */
  tolist(): NestedNumbers {
    const place = (at: number) => () => `tolist(): element [${unravel(at, this.shape).join(', ')}]`;
    return this.#nested((value, at) => toNumber(value, place(at)));
  }

  /** The elements, each through `read`, as nested arrays. */
  #nested<T>(read: (value: number | bigint, at: number) => T): Nested<T> {
    const flat = this.data();
    let next = 0;
    const build = (dim: number): Nested<T> =>
      dim === this.ndim ? read(flat[next]!, next++) : Array.from({ length: this.shape[dim]! }, () => build(dim + 1));
    return build(0);
  }

  /** The tensor in another dtype and/or on another device; itself (a new handle) when nothing changes. */
  to(...targets: (DType | Device)[]): Tensor {
    let dtype: DType | undefined;
    let device: Device | undefined;
    for (const target of targets) {
      if (typeof target !== 'string')
        throw new UserError('bad-argument', `to(): dtypes and devices are names, got ${kindOf(target)}`, {
          remedy: "Write x.to('int64'), x.to('cuda') or x.to('float32', 'cuda').",
        });
      if (target === 'cpu' || target.startsWith('cuda') || (target as string) === 'meta') device = target as Device;
      else dtype = target as DType;
    }
    return this.toLayout({ ...(dtype && { dtype }), ...(device && { device }) });
  }

  /** In float32. */
  float(): Tensor {
    return this.to('float32');
  }

  /** In float64. */
  double(): Tensor {
    return this.to('float64');
  }

  /** In int64, fractions cut off: what ids and class numbers are. */
  long(): Tensor {
    return this.to('int64');
  }

  /** In int32, fractions cut off. */
  int(): Tensor {
    return this.to('int32');
  }

  /** Whether each element is anything but 0. */
  bool(): Tensor {
    return this.to('bool');
  }

  /** On the CPU. */
  cpu(): Tensor {
    return this.to('cpu');
  }

  /** On the first CUDA device. */
  cuda(): Tensor {
    return this.to('cuda');
  }

  // --- autograd ----------------------------------------------------------------------------------------------------

  get requiresGrad(): boolean {
    return native().requiresGrad(this.handle);
  }

  /** Whether gradients accumulate in `grad` here: a tensor that no operation made. */
  get isLeaf(): boolean {
    return native().isLeaf(this.handle);
  }

  /** Marks a leaf as one to differentiate with respect to. Returns itself. */
  requiresGrad_(on = true): this {
    try {
      native().setRequiresGrad(this.handle, on);
    } catch (error) {
      throw explain(error, 'requiresGrad_', [this]);
    }
    return this;
  }

  /** The accumulated gradient, same shape as the tensor; undefined before the first backward. */
  get grad(): Tensor | undefined {
    const handle = native().gradOf(this.handle);
    return handle === 0 ? undefined : new Tensor(handle);
  }

  /** @throws ShapeError for a gradient of another shape, dtype or device: it would be taken for this tensor's */
  set grad(gradient: Tensor | undefined) {
    if (gradient) {
      const [own, given] = [this, gradient].map((each) => `${each.dtype}[${each.shape.join(', ')}] on ${each.device}`);
      if (own !== given)
        throw new ShapeError('wrong-gradient', `the gradient of ${own} cannot be ${given}`, {
          remedy: 'Give one of the same shape and dtype, on the same device.',
        });
    }
    native().setGrad(this.handle, gradient?.handle ?? null);
  }

  /**
   * Adds the gradients of this tensor into `.grad` of every leaf it depends on. `gradient` (of this shape) is needed when it is
   * not a scalar. The function `backward` does the same.
   */
  backward(options: { gradient?: Tensor; retainGraph?: boolean } = {}): void {
    runBackward(this, options);
  }

  // --- text ----------------------------------------------------------------------------------------------------------

  /** JavaScript has no operators of one's own: `a + b` would be a text, `-a` NaN. @throws UserError with what to write */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString();
    throw new UserError('not-a-number', 'a tensor stands where JavaScript wants a number', {
      remedy: 'Write a.add(b), a.mul(2), a.neg(), a.lt(b); item() gives the number in a tensor of one element.',
    });
  }

  override toString(): string {
    if (this.isDisposed) return 'Tensor(freed)';
    const shown = (nested: Nested<string>): string =>
      Array.isArray(nested) ? `[${nested.map(shown).join(',')}]` : nested;
    const values = this.numel() <= 16 ? shown(this.#nested(String)) : '…';
    return `Tensor(${this.dtype}[${this.shape.join(', ')}] ${values})`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

let runBackward: (output: Tensor, options: { gradient?: Tensor; retainGraph?: boolean }) => void;

/** Set once by autograd.ts, which imports this file. */
export function setBackward(run: typeof runBackward): void {
  runBackward = run;
}

setWrap((handle) => new Tensor(handle));

/** Reinterprets JavaScript bytes as a tensor (a copy). */
export function fromBytes(bytes: ArrayBufferView | ArrayBuffer, dtype: DType, shape: readonly number[]): Tensor {
  try {
    return new Tensor(native().fromBytes(bytes, dtypeCode(dtype), shape));
  } catch (error) {
    throw explain(error, 'fromBytes', [shape as number[]]);
  }
}
