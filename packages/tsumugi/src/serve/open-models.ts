// The models that a server is to serve, by name.
import { ConfigError, UserError } from '../base/index.ts';
import { openDraft } from './draft.ts';
import type { ModelPlace } from './engine-thread/protocol.ts';
import { openModel } from './open-model.ts';
import type { ServedModel } from './served-model.ts';

export interface ServedPlace extends Omit<ModelPlace, 'draft'> {
  /** Folder of a smaller model of the same tokenizer, which guesses how texts go on. */
  readonly draft?: string | undefined;
  /** A chat template in the place of the model's own. */
  readonly template?: string | undefined;
}

/** What the HTTP thread has to know of models, by name. @throws ConfigError for a name that comes twice */
export function openModels(places: readonly ServedPlace[], contextTokens: number): Map<string, ServedModel> {
  const models = new Map<string, ServedModel>();
  for (const { template, draft, ...place } of places) {
    if (models.has(place.name))
      throw new ConfigError('same-name', `two models are to be served as "${place.name}"`, {
        remedy: 'Give one of them another name.',
      });
    const known = [...models.values()].find((each) => each.place.folder === place.folder);
    const model = openModel(place, { template, contextTokens }, known);
    models.set(place.name, draft === undefined ? model : { ...model, draft: openDraft(place, draft) });
  }
  if (models.size === 0) throw new UserError('no-model', 'there is no model to serve');
  return models;
}
