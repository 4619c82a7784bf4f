// `config.json` of the result: that of the model it is counted from, with the layers, the vocabulary and the ids of the merge.
import type { JsonObject } from '../../store/index.ts';
import type { JoinedTokenizer } from './join-tokenizers.ts';
import type { MergeModel } from './open-models.ts';
import { type OutLayer, stackedKeys } from './slices.ts';

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

export function resultConfig(
  reference: MergeModel,
  layers: readonly OutLayer[],
  tokenizer?: JoinedTokenizer,
): JsonObject {
  const { json } = reference;
  return {
    ...json,
    ...stackedKeys(reference, layers),
    ...(tokenizer && { vocab_size: tokenizer.vocabSize, ...mappedIds(json, (id) => tokenizer.idOf(id)) }),
  };
}
