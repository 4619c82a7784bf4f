// Half of a surrogate pair ("\\ud83d" in JSON) is no character: UTF-8 cannot hold it, and an encoder would read U+FFFD in its place. What rows
// of data say is learned word for word, so it is an error there.
import { DataError, isObject } from '../base/index.ts';

/** Where a value holds one: "messages[0].content". Undefined where it nowhere does. */
function placeIn(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : path;
  if (Array.isArray(value)) return firstOf(value.entries(), (i, each) => placeIn(each, `${path}[${i}]`));
  if (!isObject(value) || ArrayBuffer.isView(value)) return undefined;
  return firstOf(Object.entries(value), (name, each) =>
    name.isWellFormed() ? placeIn(each, `${path}.${name}`) : `the names in ${path}`,
  );
}

function firstOf<K>(
  entries: Iterable<[K, unknown]>,
  find: (key: K, value: unknown) => string | undefined,
): string | undefined {
  for (const [key, value] of entries) {
    const found = find(key, value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** @throws DataError naming file, row and field of a text, at any depth, with half of a surrogate pair in it */
export function requireWholePairs(
  value: unknown,
  field: string,
  { file, row }: { readonly file: string; readonly row: number },
): void {
  const place = placeIn(value, field);
  if (place !== undefined) throw halfCharacter(place, { file, row });
}

export function halfCharacter(
  place: string,
  { file, row }: { readonly file: string; readonly row: number },
): DataError {
  return new DataError(
    'half-character',
    `${file}, row ${row}: ${place} holds half of a surrogate pair (such as "\\ud83d"), which is no character`,
    {
      remedy: 'A text was cut in the middle of a character: write the whole one, or take the row out.',
      fields: { file, row, field: place },
    },
  );
}
