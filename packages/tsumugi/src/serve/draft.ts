// A model's draft: a smaller model that guesses how its texts go on (speculative decoding). It changes no text, only how soon one comes.
import { DataError } from '../base/index.ts';
import { cacheBytes, readModelConfig } from '../lm/index.ts';
import { Artefact } from '../store/index.ts';
import { openTokenizer } from '../text/index.ts';
import type { DraftPlace, ModelPlace } from './engine-thread/protocol.ts';
import type { ServedDraft, ServedModel } from './served-model.ts';

/** @throws DataError when the two mean different tokens by an id, and whatever reading a model folder does */
export function openDraft({ name, folder }: Pick<ModelPlace, 'name' | 'folder'>, draft: string): ServedDraft {
  const config = readModelConfig(new Artefact(draft));
  const [own, theirs] = [folder, draft].map((each) => openTokenizer(each).sha256);
  if (own !== theirs)
    throw new DataError(
      'other-tokenizer',
      `the draft in ${draft} has another tokenizer (SHA-256 ${short(theirs!)}) than the model ${name} in ${folder} (${short(own!)})`,
      {
        remedy: 'Take a draft of the same tokenizer: its guesses are ids.',
        fields: { model: name, folder, draft, expected: own, received: theirs },
      },
    );
  return { folder: draft, config };
}

const short = (hash: string): string => `${hash.slice(0, 12)}…`;

/** The draft as the engine's thread opens it: its cache holds as many texts as the model's. */
export function draftPlace(
  { draft, config, contextTokens }: Pick<ServedModel, 'draft' | 'config' | 'contextTokens'>,
  cache: number,
  tokens = 4,
): DraftPlace | undefined {
  if (!draft) return undefined;
  const share = cacheBytes(draft.config, contextTokens) / cacheBytes(config, contextTokens);
  return { folder: draft.folder, cacheBytes: Math.ceil(share * cache), tokens };
}
