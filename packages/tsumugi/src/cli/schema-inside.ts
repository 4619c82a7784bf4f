// What the schema of a setting holds, behind its defaults, optionals and the like.
import { z } from 'zod';

/** The schema inside defaults, optionals and the like. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const { innerType, in: source } = schema._zod.def as { innerType?: z.core.$ZodType; in?: z.core.$ZodType };
  const inner = innerType ?? source;
  return inner ? unwrap(inner) : schema;
}

/** The settings inside a setting; undefined when it is a single value, or an object with free keys. */
export function objectIn(schema: z.core.$ZodType): z.ZodObject | undefined {
  const inner = unwrap(schema);
  return inner instanceof z.ZodObject ? inner : undefined;
}

/** What one key of an object with free keys may hold. */
export function freeValueIn(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  const inner = unwrap(schema);
  return inner instanceof z.ZodRecord ? inner.valueType : undefined;
}

/** All values of a setting that has only a few; undefined for any other. */
export function choicesIn(schema: z.core.$ZodType): readonly unknown[] | undefined {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodEnum) return inner.options;
  if (inner instanceof z.ZodLiteral) return [...inner.values];
  if (!(inner instanceof z.ZodUnion)) return undefined;
  const parts = inner.options.map(choicesIn);
  return parts.includes(undefined) ? undefined : parts.flat();
}
