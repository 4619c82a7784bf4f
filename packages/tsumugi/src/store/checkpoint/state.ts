// The small state of a run (step, random streams, schedules, positions in the data) as JSON that comes back bit for bit:
// bytes, big integers and the numbers JSON lacks are written as objects with one key that begins with "$".
import { FormatError, invariant } from '../../base/index.ts';
import type { Json } from '../json.ts';

/** What a checkpoint's `state` may hold. Fields that are undefined are left out. */
export type State =
  | null
  | boolean
  | number
  | string
  | bigint
  | Uint8Array
  | undefined
  | readonly State[]
  | { readonly [key: string]: State };

export function encodeState(value: State, place = 'state'): Json {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? '-0' : String(value) };
    case 'bigint':
      return { $bigint: String(value) };
    case 'string':
    case 'boolean':
      return value;
    case 'object': {
      if (value === null) return null;
      if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
      if (Array.isArray(value))
        return value.map((item: State, index) => encodeState(item ?? null, `${place}[${index}]`));
      const prototype: unknown = Object.getPrototypeOf(value);
      invariant(prototype === Object.prototype || prototype === null, `${place} is not plain data`);
      const entries: [string, Json][] = [];
      for (const [key, item] of Object.entries(value)) {
        invariant(!key.startsWith('$'), `${place}: the key "${key}" begins with "$"`);
        if (item !== undefined) entries.push([key, encodeState(item, `${place}.${key}`)]);
      }
      return Object.fromEntries(entries);
    }
    default:
      invariant(false, `${place} is not plain data`);
  }
}

export function decodeState(value: Json): State {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(decodeState);
  const entries = Object.entries(value);
  const [key, item] = entries[0] ?? [''];
  if (!key.startsWith('$')) return Object.fromEntries(entries.map(([name, inner]) => [name, decodeState(inner)]));
  if (key === '$number') return Number(item);
  if (key === '$bigint') return BigInt(item as string);
  if (key === '$bytes') return new Uint8Array(Buffer.from(item as string, 'base64'));
  throw new FormatError('unknown-state', `the state holds "${key}", which this version does not know`, {
    remedy: 'Use the version of tsumugi that wrote the checkpoint.',
  });
}
