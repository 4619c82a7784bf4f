// Whether no value can match two schemas: by their types, or by a property that both require and that says which one it is.
import { isObject } from '../../base/index.ts';

export function areApart(one: unknown, other: unknown): boolean {
  if (!isObject(one) || !isObject(other)) return false;
  const [values, others] = [valuesOf(one), valuesOf(other)];
  if (values && others) return values.every((value) => !others.includes(value));
  const [types, otherTypes] = [typesOf(one), typesOf(other)];
  if (types && otherTypes && types.every((type) => !otherTypes.includes(type))) return true;
  const required = (schema: Record<string, unknown>) => (Array.isArray(schema['required']) ? schema['required'] : []);
  const property = (schema: Record<string, unknown>, name: string) =>
    isObject(schema['properties']) ? schema['properties'][name] : undefined;
  return required(one).some(
    (name) =>
      required(other).includes(name) &&
      isConstant(property(one, name)) &&
      isConstant(property(other, name)) &&
      areApart(property(one, name), property(other, name)),
  );
}

const isConstant = (schema: unknown): boolean => isObject(schema) && valuesOf(schema) !== undefined;

/** The values of a constant or a choice, written as JSON. */
function valuesOf(schema: Record<string, unknown>): string[] | undefined {
  if (Object.hasOwn(schema, 'const')) return [JSON.stringify(schema['const'])];
  return Array.isArray(schema['enum']) ? schema['enum'].map((value) => JSON.stringify(value)) : undefined;
}

/** Integers are numbers. */
function typesOf({ type }: Record<string, unknown>): unknown[] | undefined {
  if (type === undefined) return undefined;
  return (Array.isArray(type) ? type : [type]).map((each) => (each === 'integer' ? 'number' : each));
}
