// Operators by name. Generated methods use ids resolved once; `callOperator` is the escape hatch to all ~3,200 others,
// with every argument checked against the operator's schema.

import type { NativeValue } from '@tsumugi/native';
import { UserError } from '../base/index.ts';
import { type DType, dtypeCode, dtypeNames } from './dtype.ts';
import { describeType, explain } from './explain.ts';
import { hasOperator, operatorId, operatorSchema } from './lookup.ts';
import { native } from './native.ts';
import type { SchemaArgument } from './schema.ts';
import { isTensor } from './scope.ts';
import type { Tensor } from './tensor.ts';

export type OperatorValue = Tensor | NativeValue | DType | readonly (Tensor | null)[];

function accepts(type: string, value: unknown): boolean {
  switch (type) {
    case 'Tensor':
      return isTensor(value);
    case 'Scalar':
      return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';
    case 'int':
    case 'SymInt':
      return Number.isInteger(value) || typeof value === 'bigint';
    case 'float':
      return typeof value === 'number';
    case 'bool':
      return typeof value === 'boolean';
    case 'str':
    case 'Device':
      return typeof value === 'string';
    case 'ScalarType':
      return dtypeNames.includes(value as DType);
    case 'Layout':
    case 'MemoryFormat':
      return Number.isInteger(value);
    default:
      return typeof value === 'object'; // Generator: an external, which the addon checks
  }
}

function acceptsArgument(argument: SchemaArgument, value: unknown): boolean {
  if (value === undefined) return argument.default !== undefined || argument.optional;
  if (value === null) return argument.optional;
  if (!argument.list) return accepts(argument.base, value);
  if (typeof value === 'number' && argument.length !== undefined) return accepts(argument.base, value);
  return (
    Array.isArray(value) &&
    value.every((item) => (item === null ? argument.base === 'Tensor' : accepts(argument.base, item)))
  );
}

function toNative(argument: SchemaArgument, value: unknown): NativeValue {
  if (isTensor(value)) return value.handle;
  if (Array.isArray(value)) return value.map((item) => (isTensor(item) ? item.handle : item));
  if (argument.base === 'ScalarType' && typeof value === 'string') return dtypeCode(value as DType);
  return value as NativeValue;
}

let wrap: (handle: number) => Tensor;

/** Set once by tensor.ts, which this file must not import at run time (it imports the generated operators). */
export function setWrap(make: (handle: number) => Tensor): void {
  wrap = make;
}

/** A new Tensor for a handle the addon returned. */
export function wrapHandle(handle: number): Tensor {
  return wrap(handle);
}

export type OperatorResult = Tensor | Tensor[] | number | boolean | string | null | OperatorResult[];

function fromNative(base: string, value: unknown): OperatorResult {
  if (Array.isArray(value)) return value.map((item) => fromNative(base, item));
  return base === 'Tensor' && typeof value === 'number' ? wrapHandle(value) : (value as OperatorResult);
}

/**
 * Calls any libtorch operator by name, e.g. `callOperator('aten::addmm', bias, x, weight)`. Arguments follow the
 * schema's order; trailing ones with defaults may be left out; dtypes are names, `null` is None.
 *
 * @throws UserError naming operator, argument and both types when an argument does not fit the schema.
 */
export function callOperator(name: string, ...values: OperatorValue[]): OperatorResult {
  const id = operatorId(name);
  const schema = operatorSchema(name);
  if (values.length > schema.arguments.length)
    throw new UserError('bad-argument', `${name} takes ${schema.arguments.length} arguments, got ${values.length}`, {
      remedy: `Its schema is ${schema.text}`,
      fields: { operator: name },
    });
  schema.arguments.forEach((argument, index) => {
    const value = values[index];
    if (acceptsArgument(argument, value)) return;
    throw new UserError(
      'bad-argument',
      `${name}: argument ${index + 1} "${argument.name}" must be ${argument.type}, got ${value === undefined ? 'nothing' : describeType(value)}`,
      {
        remedy: `Its schema is ${schema.text}`,
        fields: { operator: name, argument: argument.name, expected: argument.type },
      },
    );
  });
  try {
    const result: unknown = native().call(
      id,
      ...values.map((value, index) => toNative(schema.arguments[index]!, value)),
    );
    if (schema.returns.length === 1) return fromNative(schema.returns[0]!, result);
    return ((result ?? []) as unknown[]).map((item, index) => fromNative(schema.returns[index]!, item));
  } catch (error) {
    throw explain(error, name, values);
  }
}

const handlesOf = (value: OperatorValue): NativeValue => {
  if (isTensor(value)) return value.handle;
  if (Array.isArray(value)) return value.map((item) => (isTensor(item) ? item.handle : item));
  return value as NativeValue;
};

/**
 * An operator as a function, e.g. one of our kernels, without `callOperator`'s checks (the addon still checks types).
 * It is looked up at the first call; dtypes cannot be passed. `Result` is what the schema returns.
 */
export function customOperator<Result = Tensor>(name: string): (...values: OperatorValue[]) => Result {
  let id = -1;
  let returns: string[] = [];
  return (...values) => {
    if (id < 0) {
      id = operatorId(name);
      returns = operatorSchema(name).returns;
    }
    try {
      const result: unknown = native().call(id, ...values.map(handlesOf));
      if (returns.length === 1) return fromNative(returns[0]!, result) as Result;
      return ((result ?? []) as unknown[]).map((item, index) => fromNative(returns[index]!, item)) as Result;
    } catch (error) {
      throw explain(error, name, values);
    }
  };
}

const present = new Map<string, boolean>();

/**
 * Whether one of our CPU kernels exists in this addon and takes these tensors: all on the CPU and all float32 or all
 * float64. Where it does not, the caller uses the kernel's plain twin. Undefined tensors are left out of account.
 */
export function kernelTakes(name: string, ...tensors: readonly (Tensor | undefined)[]): boolean {
  let exists = present.get(name);
  if (exists === undefined) {
    exists = hasOperator(name);
    present.set(name, exists);
  }
  if (!exists) return false;
  let dtype: DType | undefined;
  for (const tensor of tensors) {
    if (!tensor) continue;
    dtype ??= tensor.dtype;
    if (tensor.dtype !== dtype || tensor.device !== 'cpu') return false;
  }
  return dtype === 'float32' || dtype === 'float64';
}
