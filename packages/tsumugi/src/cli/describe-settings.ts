// The settings of a command, for --help: key, description, choices, default.
import { z } from 'zod';
import { formatRows } from './options.ts';
import { choicesIn, objectIn } from './schema-inside.ts';

/** Key and text of every setting; keys inside others are joined by dots. */
export function describeSettings(schema: z.ZodObject, prefix = ''): [key: string, text: string][] {
  return Object.entries(schema.shape).flatMap(([name, field]): [string, string][] => {
    const inner = objectIn(field);
    if (inner) return describeSettings(inner, `${prefix}${name}.`);
    const { description = '' } = field as z.ZodType;
    const notes = [choicesNote(field, description), defaultNote(field)].filter((note) => note !== undefined);
    return [[prefix + name, `${description}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`.trim()]];
  });
}

/** The part of --help that lists them. */
export const settingsHelp = (schema: z.ZodObject): string =>
  `Settings for --config and --set:\n${formatRows(describeSettings(schema))}`;

/** The values there are, unless the description names them. */
function choicesNote(field: z.core.$ZodType, description: string): string | undefined {
  const choices = choicesIn(field);
  if (!choices || choices.every((choice) => description.includes(String(choice)))) return undefined;
  return `one of ${choices.join(', ')}`;
}

function defaultNote(field: z.core.$ZodType): string | undefined {
  const missing = z.safeParse(field, undefined);
  if (!missing.success) return 'required';
  return missing.data === undefined ? undefined : `default ${JSON.stringify(missing.data)}`;
}
