// Arrays of a schema: the items of `prefixItems` first, all of them, then those of `items`.
import { literal } from './ebnf.ts';
import { arrayOf, comma } from './json-values.ts';
import type { Schema, SchemaReader } from './schema.ts';

export function arrayRule(reader: SchemaReader, schema: Schema, place: string): string {
  const { rules } = reader;
  const { items, prefixItems = [] } = schema;
  if (!Array.isArray(prefixItems))
    throw reader.refuse(place, 'has prefixItems that are no list', 'Write a list of schemas.');
  const least = reader.count(schema, 'minItems', place) ?? 0;
  const most = reader.count(schema, 'maxItems', place) ?? Number.POSITIVE_INFINITY;
  if (most < least) throw reader.refuse(place, 'has maxItems below minItems', 'Widen them.');
  // An empty list needs no rule of its items, which may hold the list itself.
  const count = Math.min(prefixItems.length, most);
  const first = prefixItems.slice(0, count).map((each, i) => reader.rule(each, `${place}/prefixItems/${i}`));
  const noMore = items === false || most === count || (items === undefined && count > 0 && least <= count);
  if (items === false && least > count)
    throw reader.refuse(place, 'has minItems above its prefixItems', 'Allow items.');
  if (count === 0 && noMore) return literal('[]');
  if (count === 0) return arrayOf(rules, reader.rule(items ?? true, `${place}/items`), least, most);
  const more = noMore
    ? ''
    : rules.repeat(
        `(${comma} ${reader.rule(items ?? true, `${place}/items`)})`,
        Math.max(0, least - count),
        most - count,
      );
  return `${literal('[')} ${first.join(` ${comma} `)} ${more} ${literal(']')}`;
}
