// Operators by name: their ids in the addon and their schemas.
import { NativeError, suggestion } from '../base/index.ts';
import { native } from './native.ts';
import { parseSchema, type Schema } from './schema.ts';

/** Splits "aten::add.Tensor" into name and overload. */
function splitName(name: string): [string, string] {
  const dot = name.indexOf('.');
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
}

const ids = new Map<string, number>();

/** The native id of an operator. Throws a NativeError when this libtorch does not have it. */
export function operatorId(name: string): number {
  let id = ids.get(name);
  if (id === undefined) {
    id = native().find(...splitName(name));
    if (id < 0) {
      const near = suggestion(
        name,
        native()
          .operatorNames()
          .filter((known) => known.startsWith(name.slice(0, 8)))
          .slice(0, 400),
      );
      throw new NativeError('unknown-operator', `libtorch ${native().version().torch} has no operator "${name}"`, {
        remedy: near.startsWith('Did') ? near : 'operatorNames() lists what there is.',
      });
    }
    ids.set(name, id);
  }
  return id;
}

/** Whether this libtorch has the operator. */
export function hasOperator(name: string): boolean {
  return ids.has(name) || native().find(...splitName(name)) >= 0;
}

/** Every operator's name, overload included. */
export function operatorNames(): string[] {
  return native().operatorNames();
}

const schemas = new Map<string, Schema>();

/** An operator's parsed schema. */
export function operatorSchema(name: string): Schema {
  let schema = schemas.get(name);
  if (!schema) {
    schema = parseSchema(native().schema(operatorId(name)));
    schemas.set(name, schema);
  }
  return schema;
}
