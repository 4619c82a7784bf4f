// Settings as JSON, and what differs between two of them, in words.
import { isObject } from '../base/index.ts';
import { canonicalJson, type Json } from '../store/index.ts';

/** A value as JSON has it: keys that are undefined are gone. @throws TypeError for a number that JSON cannot hold */
export function toJson(value: unknown, where = 'value'): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item, i) => toJson(item, `${where}[${i}]`));
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => [key, toJson(item, `${where}.${key}`)]),
    );
  throw new TypeError(`${where} cannot be written as JSON: ${String(value)}`);
}

/** A value that differs between two trees of settings. */
export interface Change {
  /** Keys and indices joined by dots: `steps`, `phases.2.steps`. */
  readonly name: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

/**
 * Every value that differs, in the order of `after`. Two lists of objects, if equally long, are compared item by item; any other
 * list as a whole.
 */
export function findChanges(before: Json | undefined, after: Json | undefined, name = ''): Change[] {
  const inside = (key: string, b: Json | undefined, a: Json | undefined) =>
    findChanges(b, a, name ? `${name}.${key}` : key);
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(after), ...Object.keys(before)]);
    return [...keys].flatMap((key) => inside(key, before[key], after[key]));
  }
  if (canonicalJson(before ?? null) === canonicalJson(after ?? null)) return [];
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length && after.every(isObject))
    return after.flatMap((item, i) => inside(String(i), before[i], item as Json));
  return [{ name, before, after }];
}

/** The settings without the values at these places: keys and indices joined by dots, as in `mix.0.data`. */
export function withoutPlaces(settings: Json, places: readonly string[]): Json {
  const rest = structuredClone(settings);
  for (const place of places) {
    const keys = place.split('.');
    const last = keys.pop()!;
    const parent = keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], rest);
    if (typeof parent === 'object' && parent !== null) delete (parent as Record<string, unknown>)[last];
  }
  return rest;
}

/** A setting as text: texts without quotes, anything else as JSON, "–" where it is not set. */
export const settingText = (value: Json | undefined): string =>
  value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value);

/** "400 → 500" */
export const describeChange = ({ before, after }: Change): string => `${show(before)} → ${show(after)}`;

/** "steps 400 → 500" for every value that differs. */
export const describeChanges = (before: Json | undefined, after: Json | undefined): string[] =>
  findChanges(before, after).map((change) => `${change.name} ${describeChange(change)}`);

function show(value: Json | undefined): string {
  if (value === undefined) return 'unset';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
