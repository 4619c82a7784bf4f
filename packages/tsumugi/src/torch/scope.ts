// Who frees a tensor. Inside `scope(() => …)` everything made is freed at its end, except what is returned or kept;
// outside every scope a finalizer is the backstop. Frees are gathered and handed over in one native call.

import { synchronous } from '../base/index.ts';
import { announceLeak } from './leak.ts';
import { native } from './native.ts';
import type { Tensor } from './tensor.ts';

const pending = new Int32Array(4096);
let numPending = 0;

type Frame = Tensor[];
const frames: Frame[] = [];
let current: Frame | undefined;

/** Tensors alive outside of every scope that nobody keeps. */
let loose = 0;

/** Of kept tensors it holds the handle's negative. */
const finalizer = new FinalizationRegistry((handle: number) => {
  if (handle > 0) loose--;
  queueFree(Math.abs(handle));
});

/** Queues a handle for the next batch of frees. */
export function queueFree(handle: number): void {
  pending[numPending++] = handle;
  if (numPending === pending.length) flushFrees();
}

/** Frees everything queued, in one call. */
export function flushFrees(): void {
  if (numPending === 0) return;
  native().free(pending, numPending);
  numPending = 0;
}

/** Called by every new tensor: the current scope takes it, or the finalizer. */
export function adopt(tensor: Tensor): void {
  if (current) current.push(tensor);
  else watch(tensor);
}

/** So many tensors outside scopes, and what was found dead is freed and V8 told how much is alive. */
const TOLD_EVERY = 64;
let watched = 0;

/** Hands a tensor to the garbage collector's finalizer, kept or not. */
export function watch(tensor: Tensor): void {
  if (!tensor.isKept) loose++;
  finalizer.register(tensor, tensor.isKept ? -tensor.rawHandle : tensor.rawHandle, tensor);
  if (++watched % TOLD_EVERY !== 0) return;
  flushFrees();
  native().tellCollector();
  announceLeak(loose, () => native().memory());
}

/** Takes it back, before it is freed or kept. */
export function unwatch(tensor: Tensor): void {
  if (finalizer.unregister(tensor) && !tensor.isKept) loose--;
}

/** Whether a value is a Tensor, asked without importing the class. */
export function isTensor(value: unknown): value is Tensor {
  return typeof value === 'object' && value !== null && 'rawHandle' in value;
}

/** Every tensor inside arrays, maps and plain objects. */
export function tensorsIn(value: unknown, found: Set<Tensor> = new Set()): Set<Tensor> {
  if (isTensor(value)) found.add(value);
  else if (Array.isArray(value) || value instanceof Set) for (const item of value) tensorsIn(item, found);
  else if (value instanceof Map) for (const item of value.values()) tensorsIn(item, found);
  else if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    for (const item of Object.values(value)) tensorsIn(item, found);
  return found;
}

/**
 * Runs `body` and frees the tensors made inside it, except those in what it returns (arrays, maps and plain objects
 * are searched) and those that were kept. Scopes nest; what an inner scope returns belongs to the outer one.
 *
 * The body must be synchronous: a scope cannot span an `await` or a `yield`.
 */
export function scope<T>(body: () => T): T {
  const frame: Frame = [];
  frames.push(frame);
  current = frame;
  let result: T | undefined;
  let escaping: Set<Tensor> | undefined;
  try {
    result = synchronous('scope', body);
    if (typeof result === 'object' && result !== null) escaping = tensorsIn(result);
    return result;
  } finally {
    frames.pop();
    current = frames.at(-1);
    for (const tensor of frame) {
      if (tensor.isKept || tensor.isDisposed) continue;
      if (escaping?.has(tensor)) adopt(tensor);
      else tensor.release();
    }
    flushFrees();
  }
}
