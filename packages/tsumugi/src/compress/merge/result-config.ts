// `config.json` of the result: that of the model it is counted from, with the layers, the vocabulary and the ids of the merge.
import type { JsonObject } from '../../store/index.ts';
import { mappedIds } from '../special-ids.ts';
import type { JoinedTokenizer } from './join-tokenizers.ts';
import type { MergeModel } from './open-models.ts';
import { type OutLayer, stackedKeys } from './slices.ts';

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
