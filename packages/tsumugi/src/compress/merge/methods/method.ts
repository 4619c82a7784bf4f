// What a merge method is: which models and parameters it takes, and how it merges the tensors of one name.
import { invariant, type Range, UserError } from '../../../base/index.ts';
import type { Tensor } from '../../../torch/index.ts';
import type { Piece, TensorGroup } from '../tensor-group.ts';

export type ParameterValue = number | boolean;
export type ParameterValues = Readonly<Record<string, ParameterValue>>;

/** A parameter without a default must be given. */
export type ParameterSpec =
  | { readonly kind: 'number'; readonly default?: number; readonly range?: Range }
  | { readonly kind: 'boolean'; readonly default: boolean };

export interface MergeInput extends TensorGroup {
  /** Parameters of the merge. */
  readonly shared: ParameterValues;
  /** Parameters of each model. */
  readonly own: readonly ParameterValues[];
  /** Decides what is dropped at random. Together with the tensor's name, so that the order of tensors does not matter. */
  readonly seed: number;
}

/** Makes a piece of the merged tensor. Pieces come in order, from the first. */
export type Combine = (piece: Piece) => Tensor;

export interface MergeMethod {
  /** How many models there are, the base not counted. */
  readonly models: { readonly min: number; readonly max?: number };
  /** Whether it takes a base model. */
  readonly base: 'none' | 'optional' | 'required';
  readonly shared: Readonly<Record<string, ParameterSpec>>;
  readonly own: Readonly<Record<string, ParameterSpec>>;
  /** How often it reads the tensors, for forecasts. */
  readonly passes: number;
  /**
   * Looks at whole tensors, in pieces, for what an element of the result depends on.
   *
   * @throws UserError `merge-…` naming the tensor, where the method has no answer
   */
  prepare(input: MergeInput): Combine;
  /** The rule for vectors, where directions and shares of their elements mean nothing. As for matrices unless given. */
  prepareVector?(input: MergeInput): Combine;
}

export function numberOf(values: ParameterValues, name: string): number {
  const value = values[name];
  invariant(typeof value === 'number', `the merge parameter ${name}`);
  return value;
}

export const numbersOf = (own: readonly ParameterValues[], name: string): number[] =>
  own.map((values) => numberOf(values, name));

export const isOn = (values: ParameterValues, name: string): boolean => values[name] === true;

export const weight = { weight: { kind: 'number' } } as const;

/** A method that has no answer for a tensor. */
export const refuse = (code: string, { name }: TensorGroup, problem: string, remedy: string): UserError =>
  new UserError(`merge-${code}`, `"${name}": ${problem}`, { remedy, fields: { tensor: name } });
