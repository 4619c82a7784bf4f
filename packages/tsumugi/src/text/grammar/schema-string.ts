// Strings of a schema: of a length, of a pattern, of a format.

import { quoted, stringCharacter } from './json-values.ts';
import { jsonPattern } from './regex.ts';
import type { Schema, SchemaReader } from './schema.ts';
import { formats } from './string-formats.ts';

export function stringRule(reader: SchemaReader, schema: Schema, place: string): string {
  const { rules } = reader;
  const { pattern, format } = schema;
  const [least, most] = [reader.count(schema, 'minLength', place), reader.count(schema, 'maxLength', place)];
  const asked = [pattern, format, least ?? most].filter((each) => each !== undefined);
  if (asked.length > 1)
    throw reader.refuse(place, 'has more than one of pattern, format and limits of length', 'Say it in the pattern.');
  if (pattern !== undefined) {
    if (typeof pattern !== 'string') throw reader.refuse(place, 'has a pattern that is no text', 'Write a text.');
    return quoted(rules, jsonPattern(pattern, rules, `the pattern at ${place}`));
  }
  if (format !== undefined) {
    const known = typeof format === 'string' && Object.hasOwn(formats, format) ? formats[format] : undefined;
    if (known === undefined)
      throw reader.refuse(
        place,
        `has the format ${JSON.stringify(format)}`,
        `Formats are ${Object.keys(formats).join(', ')}.`,
      );
    return quoted(rules, jsonPattern(known, rules, `the format at ${place}`));
  }
  if (most !== undefined && most < (least ?? 0))
    throw reader.refuse(place, 'has maxLength below minLength', 'Widen them.');
  return quoted(rules, rules.repeat(stringCharacter(rules), least ?? 0, most));
}
