// A schema of settings with other defaults: what a recipe changes of a stage's settings, while every setting can still be
// set by itself.
import { z } from 'zod';
import { ConfigError, isObject, kindOf, suggestion } from '../base/index.ts';

type Defaults<Schema extends z.ZodObject> = { readonly [Key in keyof z.input<Schema>]?: z.input<Schema>[Key] };

/** The schema with these defaults in the place of its own; as a whole it may be left out. */
export function withDefaults<Schema extends z.ZodObject>(
  schema: Schema,
  defaults: Defaults<Schema>,
): z.ZodPrefault<Schema> {
  if (!isObject(defaults))
    throw new ConfigError('bad-setting', `defaults of settings are an object, got ${kindOf(defaults)}`, {
      remedy: 'Write for instance stage.settings({ steps: 100 }).',
    });
  const changed = Object.entries(defaults).map(([key, value]): [string, z.ZodType] => {
    const field = schema.shape[key] as z.ZodType | undefined;
    if (!field)
      throw new ConfigError('unknown-setting', `there is no setting "${key}" to give a default`, {
        remedy: suggestion(key, Object.keys(schema.shape)),
        fields: { key },
      });
    const inner = objectIn(field);
    const next = inner && isObject(value) ? withDefaults(inner, value as never) : field.prefault(value as never);
    return [key, field.description === undefined ? next : next.describe(field.description)];
  });
  return schema.extend(Object.fromEntries(changed)).prefault({} as never) as unknown as z.ZodPrefault<Schema>;
}

function objectIn(field: z.ZodType): z.ZodObject | undefined {
  if (field instanceof z.ZodObject) return field;
  return field instanceof z.ZodPrefault || field instanceof z.ZodDefault
    ? objectIn(field.unwrap() as z.ZodType)
    : undefined;
}
