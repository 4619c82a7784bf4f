// Spaces as plain data: between threads and processes, and in files. Infinite bounds are written as words, for JSON has none.
import { isObject, UserError } from '../../base/index.ts';
import { Box, type BoxDType } from './box.ts';
import { Discrete } from './discrete.ts';
import { MultiDiscrete } from './multi-discrete.ts';
import type { Space } from './space.ts';

type Bound = number | '-inf' | 'inf';

export type PlainSpace =
  | { kind: 'Discrete'; n: number; start: number }
  | { kind: 'MultiDiscrete'; counts: readonly number[] }
  /** Bounds: one for all elements, or one for each. */
  | { kind: 'Box'; shape: readonly number[]; dtype: BoxDType; low: Bound | Bound[]; high: Bound | Bound[] };

const toBound = (x: number): Bound => (x === Infinity ? 'inf' : x === -Infinity ? '-inf' : x);
const fromBound = (x: Bound): number => (x === 'inf' ? Infinity : x === '-inf' ? -Infinity : x);

function toBounds(bounds: Float64Array): Bound | Bound[] {
  const [first] = bounds;
  return first !== undefined && bounds.every((x) => x === first) ? toBound(first) : Array.from(bounds, toBound);
}

const fromBounds = (bounds: Bound | Bound[]) => (Array.isArray(bounds) ? bounds.map(fromBound) : fromBound(bounds));

export function plainSpace(space: Space): PlainSpace {
  if (space instanceof Discrete) return { kind: 'Discrete', n: space.n, start: space.start };
  if (space instanceof MultiDiscrete) return { kind: 'MultiDiscrete', counts: [...space.counts] };
  if (space instanceof Box) {
    const { shape, dtype, low, high } = space;
    return { kind: 'Box', shape: [...shape], dtype, low: toBounds(low), high: toBounds(high) };
  }
  throw new UserError('bad-space', `a space is a Discrete, a MultiDiscrete or a Box, got ${String(space)}`);
}

const isBounds = (value: unknown, size: number): value is Bound | Bound[] =>
  Array.isArray(value) ? value.length === size && value.every((x) => isBound(x)) : isBound(value);
const isBound = (value: unknown): value is Bound => typeof value === 'number' || value === 'inf' || value === '-inf';
const dtypes: readonly unknown[] = ['float32', 'float64', 'uint8'] satisfies BoxDType[];

/** @throws UserError for what `plainSpace` does not give */
export function spaceOf(plain: unknown): Space {
  if (isObject(plain) && plain['kind'] === 'Discrete')
    return new Discrete(plain['n'] as number, plain['start'] as number);
  if (isObject(plain) && plain['kind'] === 'MultiDiscrete' && Array.isArray(plain['counts']))
    return new MultiDiscrete(plain['counts'] as number[]);
  if (isObject(plain) && plain['kind'] === 'Box' && Array.isArray(plain['shape']) && dtypes.includes(plain['dtype'])) {
    const { shape, dtype, low, high } = plain as { shape: number[]; dtype: BoxDType; low: unknown; high: unknown };
    const size = shape.reduce((product, length) => product * length, 1);
    if (Number.isSafeInteger(size) && isBounds(low, size) && isBounds(high, size))
      return new Box(fromBounds(low), fromBounds(high), shape, dtype);
  }
  throw new UserError('bad-space', `this describes no space: ${JSON.stringify(plain)?.slice(0, 200)}`);
}
