// Settings as JSON, and what differs between two of them, in words.
import { canonicalJson, type Json } from '../store/index.ts';

type Tree = { readonly [key: string]: Json };

const isTree = (value: Json | undefined): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

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

/** "steps 400 → 500" for every value that differs, in the order of `after`; keys of nested objects are joined by dots. */
export function describeChanges(before: Json | undefined, after: Json | undefined, prefix = ''): string[] {
  if (isTree(before) && isTree(after)) {
    const keys = new Set([...Object.keys(after), ...Object.keys(before)]);
    return [...keys].flatMap((key) => describeChanges(before[key], after[key], prefix ? `${prefix}.${key}` : key));
  }
  if (canonicalJson(before ?? null) === canonicalJson(after ?? null)) return [];
  return [`${prefix} ${show(before)} → ${show(after)}`];
}

function show(value: Json | undefined): string {
  if (value === undefined) return 'unset';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
