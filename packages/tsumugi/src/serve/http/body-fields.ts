// What schemas of bodies are made of. Clients send null where they mean nothing.
import { z } from 'zod';

/** A field that may be left out, or be null. */
export const maybe = <S extends z.ZodType>(schema: S) =>
  schema.nullish().transform((value): z.output<S> | undefined => value ?? undefined);

/** The name of a served model. Left out, it is the only one that is served: `nameModel` fills it in before the schema looks. */
export const modelName = z
  .string()
  .nullish()
  .transform((name) => name ?? '')
  .describe('Name of a served model; left out: the only one');

const refusals = new WeakSet<z.ZodType>();

/** A field that clients know and that would change what they get: who sends it is told why it is not here. */
export function refused(why: string): z.ZodType<undefined, null | undefined> {
  const schema = z
    .null({ error: `is not supported: ${why}` })
    .optional()
    .transform(() => undefined);
  refusals.add(schema);
  return schema;
}

/** What becomes of the fields of a schema's object. Those that it does not have are ignored. */
export function fieldsOf({ shape }: z.ZodObject): { supported: string[]; refused: string[] } {
  const names = Object.keys(shape);
  const isRefused = (name: string) => refusals.has(shape[name] as z.ZodType);
  return { supported: names.filter((name) => !isRefused(name)), refused: names.filter(isRefused) };
}
