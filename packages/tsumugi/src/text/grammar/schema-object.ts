// Objects of a schema: the named properties in their order, those that are not required or not, then others where they are allowed.
import { isObject } from '../../base/index.ts';
import { type CharacterSet, inJson, single, spellInJson, union, without } from './characters.ts';
import { literal, type Rules } from './ebnf.ts';
import { anyString, colon, comma, objectOf, stringCharacter } from './json-values.ts';
import type { Schema, SchemaReader } from './schema.ts';

export function objectRule(reader: SchemaReader, schema: Schema, place: string): string {
  const { rules } = reader;
  const { properties = {}, required = [], additionalProperties } = schema;
  if (!isObject(properties))
    throw reader.refuse(place, 'has properties that are no object', 'Write { "name": schema }.');
  if (!Array.isArray(required) || !required.every((name) => typeof name === 'string'))
    throw reader.refuse(place, 'has required that is no list of names', 'Write a list of names.');
  const unnamed = required.filter((name) => !Object.hasOwn(properties, name));
  if (unnamed.length > 0 && additionalProperties === false)
    throw reader.refuse(
      place,
      `requires ${JSON.stringify(unnamed[0])}, which it has no property for`,
      'Add it to properties.',
    );
  const names = [...Object.keys(properties), ...new Set(unnamed)];
  const pairs = names.map((name) => {
    const known = Object.hasOwn(properties, name);
    const value = reader.rule(known ? properties[name] : (additionalProperties ?? true), `${place}/properties/${name}`);
    return { pair: `${literal(JSON.stringify(name))} ${colon} ${value}`, required: required.includes(name) };
  });
  const open = additionalProperties ?? names.length === 0;
  if (open === false && names.length === 0) return literal('{}');
  const other = open === false ? undefined : reader.rule(open, `${place}/additionalProperties`);
  if (names.length === 0) return objectOf(anyString(rules), other!);
  const otherPair = other && `${otherKey(rules, names)} ${colon} ${other}`;

  // From the last property to the first: what may come from it on, behind another pair and as the first.
  let next = otherPair ? rules.add(`(${comma} ${otherPair})*`) : '""';
  let begin = otherPair ? `((${otherPair}) ${next})?` : '""';
  for (const { pair, required } of pairs.toReversed()) {
    const [behind, first] = [next, begin];
    next = rules.add(`${comma} ${pair} ${behind}${required ? '' : ` | ${behind}`}`);
    begin = rules.add(`${pair} ${behind}${required ? '' : ` | ${first}`}`);
  }
  return `${literal('{')} ${begin} ${literal('}')}`;
}

/** A key that is none of `names`: what differs from all of them at some character, or ends before. */
function otherKey(rules: Rules, names: readonly string[]): string {
  const quote = literal('"');
  const rest = rules.add((name) => `${quote} | ${stringCharacter(rules)} ${name}`);
  const after = (tails: readonly string[]): string => {
    const byFirst = Map.groupBy(
      tails.filter((tail) => tail !== ''),
      (tail) => String.fromCodePoint(tail.codePointAt(0)!),
    );
    const taken: CharacterSet = union([...byFirst.keys()].map(single));
    const parts = Array.from(byFirst, ([character, same]) => {
      const rule = after(same.map((tail) => tail.slice(character.length)));
      return `(${spellInJson(single(character)).join(' | ')}) ${rule}`;
    });
    const others = spellInJson(without(inJson, taken)).join(' | ');
    return rules.add([`(${others}) ${rest}`, ...(tails.includes('') ? [] : [quote]), ...parts].join(' | '));
  };
  return `${quote} ${after(names.filter((name) => [...name].every((each) => spellInJson(single(each)).length > 0)))}`;
}
