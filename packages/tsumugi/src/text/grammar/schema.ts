// JSON schemas as grammars. What a grammar cannot hold a text to is refused by name: nothing is passed over in silence. Texts match
// the schema, but not all that match it can be written: properties come in the order of the schema, and those that are not named come
// only where `additionalProperties` allows them in so many words.
import { isObject } from '../../base/index.ts';
import { grammarError, literal, Rules } from './ebnf.ts';
import { anyArray, anyInteger, anyNumber, anyObject, anyString, anyValue } from './json-values.ts';
import { DIGITS, hasFewDigits, integersBetween, numbersBetween } from './numbers.ts';
import { areApart } from './schema-apart.ts';
import { arrayRule } from './schema-array.ts';
import { objectRule } from './schema-object.ts';
import { stringRule } from './schema-string.ts';

export type Schema = Readonly<Record<string, unknown>>;

const MAX_SCHEMAS = 2000;
const MAX_DEPTH = 200;
const TYPES = ['string', 'number', 'integer', 'boolean', 'null', 'object', 'array'] as const;
type Type = (typeof TYPES)[number];

/** Say nothing about what may be written. */
const notes = new Set(
  'title description default examples example $schema $id $comment $defs definitions deprecated readOnly writeOnly'.split(
    ' ',
  ),
);
const bounds = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'];
/** Which keywords each type takes. */
const keywords: Readonly<Record<Type, readonly string[]>> = {
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: bounds,
  integer: bounds,
  boolean: [],
  null: [],
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
};

/** A grammar of the JSON texts that match `schema`. @throws DataError naming the keyword and its place */
export function schemaGrammar(schema: unknown): string {
  const rules = new Rules();
  return rules.text(new SchemaReader(schema, rules).rule(schema, '#'));
}

/** A grammar of JSON objects. */
export function jsonObjectGrammar(): string {
  const rules = new Rules();
  return rules.text(anyObject(rules));
}

export class SchemaReader {
  readonly rules: Rules;
  readonly #document: unknown;
  readonly #made = new Map<object, string>();
  #count = 0;
  #depth = 0;

  /** @param document what `$ref` looks into */
  constructor(document: unknown, rules: Rules) {
    this.#document = document;
    this.rules = rules;
  }

  refuse(place: string, what: string, remedy: string) {
    return grammarError(`the schema at ${place} ${what}`, remedy, { place });
  }

  /** The name of the rule for the schema at a place, made once however often it is referred to. */
  rule(schema: unknown, place: string): string {
    if (schema === true) return anyValue(this.rules);
    if (schema === false) throw this.refuse(place, 'is false, which nothing matches', 'Leave it out.');
    if (!isObject(schema)) throw this.refuse(place, 'is no schema: an object is expected', 'Write { "type": … }.');
    const known = this.#made.get(schema);
    if (known !== undefined) return known;
    if (++this.#count > MAX_SCHEMAS) throw this.refuse(place, `is one of more than ${MAX_SCHEMAS}`, 'Ask for less.');
    if (++this.#depth > MAX_DEPTH) throw this.refuse(place, `is nested more than ${MAX_DEPTH} deep`, 'Ask for less.');
    const name = this.rules.reserve();
    this.#made.set(schema, name);
    this.rules.define(name, this.#body(schema, place));
    this.#depth--;
    return name;
  }

  #body(schema: Schema, place: string): string {
    const has = (key: string) => Object.hasOwn(schema, key);
    if (has('$ref')) return this.#reference(schema, place);
    if (has('enum')) return this.#choice(schema, place, 'enum');
    if (has('const')) return this.#choice(schema, place, 'const');
    if (has('anyOf')) return this.#alternatives(schema, place, 'anyOf');
    if (has('oneOf')) return this.#alternatives(schema, place, 'oneOf');
    if (has('allOf')) return this.#all(schema, place);
    const types = this.#types(schema, place);
    this.#refuseOthers(schema, place, ['type', ...(types ?? TYPES).flatMap((type) => keywords[type])]);
    return types ? types.map((type) => this.#ofType(type, schema, place)).join(' | ') : anyValue(this.rules);
  }

  #refuseOthers(schema: Schema, place: string, allowed: readonly string[]): void {
    for (const key of Object.keys(schema))
      if (!allowed.includes(key) && !notes.has(key))
        throw this.refuse(
          place,
          `has ${JSON.stringify(key)}, which text cannot be held to here`,
          `Leave ${key} out, and look at what comes.`,
        );
  }

  /** Those that are named; otherwise those whose keywords are there; undefined for any. */
  #types({ type, ...schema }: Schema, place: string): readonly Type[] | undefined {
    if (type === undefined) {
      const meant = TYPES.filter(
        (each) => each !== 'integer' && keywords[each].some((key) => Object.hasOwn(schema, key)),
      );
      return meant.length > 0 ? meant : undefined;
    }
    const types = Array.isArray(type) ? type : [type];
    const unknown = types.find((each) => !TYPES.includes(each));
    if (types.length === 0 || unknown !== undefined)
      throw this.refuse(place, `has the type ${JSON.stringify(unknown ?? type)}`, `Types are ${TYPES.join(', ')}.`);
    return types as Type[];
  }

  #ofType(type: Type, schema: Schema, place: string): string {
    const { rules } = this;
    const isPlain = !keywords[type].some((key) => Object.hasOwn(schema, key));
    if (type === 'boolean') return '"true" | "false"';
    if (type === 'null') return '"null"';
    if (type === 'string') return isPlain ? anyString(rules) : stringRule(this, schema, place);
    if (type === 'object') return isPlain ? anyObject(rules) : objectRule(this, schema, place);
    if (type === 'array') return isPlain ? anyArray(rules) : arrayRule(this, schema, place);
    if (isPlain) return type === 'integer' ? anyInteger(rules) : anyNumber(rules);
    return this.#number(type, schema, place);
  }

  #number(type: 'number' | 'integer', schema: Schema, place: string): string {
    const bound = (name: string): number | undefined => {
      const value = schema[name];
      if (value === undefined) return undefined;
      if (typeof value !== 'number' || !hasFewDigits(value))
        throw this.refuse(
          place,
          `has ${name} ${JSON.stringify(value)}`,
          `Bounds are numbers of up to ${DIGITS} digits behind the point.`,
        );
      return value;
    };
    const [above, below] = [bound('exclusiveMinimum') ?? -Infinity, bound('exclusiveMaximum') ?? Infinity];
    const [least, most] = [bound('minimum') ?? -Infinity, bound('maximum') ?? Infinity];
    const parts = (type === 'integer' ? integersBetween : numbersBetween)({
      least: Math.max(least, above),
      leastOpen: above >= least,
      most: Math.min(most, below),
      mostOpen: below <= most,
    });
    if (parts.length === 0) throw this.refuse(place, 'has bounds that leave no number', 'Widen them.');
    return parts.join(' | ');
  }

  /** A count that a keyword gives. */
  count(schema: Schema, name: string, place: string): number | undefined {
    const value = schema[name];
    if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0))
      return value as number | undefined;
    throw this.refuse(place, `has ${name} ${JSON.stringify(value)}`, 'Write a whole number from 0.');
  }

  #choice(schema: Schema, place: string, key: 'enum' | 'const'): string {
    this.#refuseOthers(schema, place, [key, 'type']);
    const values = key === 'const' ? [schema['const']] : schema['enum'];
    if (!Array.isArray(values)) throw this.refuse(place, 'has an enum that is no list', 'Write a list of values.');
    const types = this.#types({ type: schema['type'] }, place);
    const fitting = types ? values.filter((value) => types.some((type) => isOf(type, value))) : values;
    if (fitting.length === 0) throw this.refuse(place, `has ${key} without a value of its type`, 'Add one.');
    return fitting.map((value) => literal(JSON.stringify(value))).join(' | ');
  }

  #alternatives(schema: Schema, place: string, key: 'anyOf' | 'oneOf'): string {
    this.#refuseOthers(schema, place, [key]);
    const list = this.#list(schema, place, key);
    if (key === 'oneOf')
      for (const [i, one] of list.entries())
        for (const [j, other] of list.slice(0, i).entries())
          if (!areApart(this.resolved(other, place), this.resolved(one, place)))
            throw this.refuse(
              place,
              `has alternatives ${j} and ${i} of oneOf that a value may match both`,
              'Write anyOf, or tell them apart by type or by a constant.',
            );
    return list.map((each, i) => this.rule(each, `${place}/${key}/${i}`)).join(' | ');
  }

  #all(schema: Schema, place: string): string {
    this.#refuseOthers(schema, place, ['allOf']);
    const list = this.#list(schema, place, 'allOf');
    if (list.length > 1) throw this.refuse(place, 'has allOf with several schemas', 'Put them together into one.');
    return this.rule(list[0], `${place}/allOf/0`);
  }

  #list(schema: Schema, place: string, key: string): readonly unknown[] {
    const list = schema[key];
    if (Array.isArray(list) && list.length > 0) return list;
    throw this.refuse(place, `has ${key} without alternatives`, 'Write a list of schemas.');
  }

  #reference(schema: Schema, place: string): string {
    this.#refuseOthers(schema, place, ['$ref']);
    this.resolved(schema, place); // a circle of references alone would have no end
    return this.rule(this.#target(schema, place), String(schema['$ref']));
  }

  #target(schema: Schema, place: string): unknown {
    const reference = schema['$ref'];
    if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference))
      throw this.refuse(
        place,
        `refers to ${JSON.stringify(reference)}`,
        'References begin with #/ and stay in the schema.',
      );
    let target = this.#document;
    for (const step of reference.split('/').slice(1)) {
      const name = decodeURIComponent(
        step
          .replaceAll('~1', '/')
          .replaceAll('~0', '~')
          .replace(/%(?![0-9A-Fa-f]{2})/g, '%25'),
      );
      const holds = (isObject(target) || Array.isArray(target)) && Object.hasOwn(target, name);
      if (!holds) throw this.refuse(place, `refers to ${reference}, which is not there`, 'Add it under $defs.');
      target = (target as Record<string, unknown>)[name];
    }
    return target;
  }

  /** The schema itself, where it is a reference to one. */
  resolved(schema: unknown, place: string): unknown {
    const seen = new Set<unknown>();
    let current = schema;
    while (isObject(current) && Object.hasOwn(current, '$ref')) {
      if (seen.has(current)) throw this.refuse(place, 'refers to itself and to nothing else', 'Say what it is.');
      seen.add(current);
      current = this.#target(current, place);
    }
    return current;
  }
}

function isOf(type: Type, value: unknown): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}
