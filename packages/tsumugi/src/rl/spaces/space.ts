// What the spaces of Gymnasium have in common.
import type { RandomStream } from '../../base/index.ts';

export interface Space {
  /** As Gymnasium names it. */
  readonly kind: 'Discrete' | 'MultiDiscrete' | 'Box';
  /** Of its points as arrays; none for a `Discrete` space. */
  readonly shape: readonly number[];
  /** Whether a value is one of its points. */
  contains(value: unknown): boolean;
  /** A point, drawn uniformly (unbounded sides of a box: as Gymnasium draws them). */
  sample(rng: RandomStream): number | Float32Array;
  /** For messages: "Box(-1.0, 1.0, (6,), float32)". */
  toString(): string;
}
