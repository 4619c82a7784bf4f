// A setting that several agents share, with another default.
import type { z } from 'zod';

/** @param description the field's own when left out */
export const withDefault = <T extends z.ZodType>(
  field: z.ZodDefault<T>,
  value: z.util.NoUndefined<z.output<T>>,
  description = field.description ?? '',
): z.ZodDefault<T> => field.unwrap().default(value).describe(description) as z.ZodDefault<T>;
