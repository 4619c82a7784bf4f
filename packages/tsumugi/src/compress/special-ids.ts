// Ids of special tokens in config.json and generation_config.json, when a model gets another vocabulary.
import type { JsonObject } from '../store/index.ts';

const idKeys = ['bos_token_id', 'eos_token_id', 'pad_token_id'];

/** The ids of special tokens in a config, as they are in the result. */
export function mappedIds(json: JsonObject, idOf: (id: number) => number): JsonObject {
  const ids = idKeys.flatMap((key): [string, number | number[]][] => {
    const value = json[key];
    if (typeof value === 'number') return [[key, idOf(value)]];
    return Array.isArray(value) ? [[key, (value as number[]).map(idOf)]] : [];
  });
  return Object.fromEntries(ids);
}
