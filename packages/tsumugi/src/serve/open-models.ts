// The models that a server is to serve, by name.
import { ConfigError, UserError } from '../base/index.ts';
import type { ModelPlace } from './engine-thread/protocol.ts';
import { openModel } from './open-model.ts';
import type { ServedModel } from './served-model.ts';

export interface ServedPlace extends ModelPlace {
  /** A chat template in the place of the model's own. */
  readonly template?: string | undefined;
}

/** What the HTTP thread has to know of models, by name. @throws ConfigError for a name that comes twice */
export function openModels(places: readonly ServedPlace[], contextTokens: number): Map<string, ServedModel> {
  const models = new Map<string, ServedModel>();
  for (const { template, ...place } of places) {
    if (models.has(place.name))
      throw new ConfigError('same-name', `two models are to be served as "${place.name}"`, {
        remedy: 'Give one of them another name.',
      });
    const known = [...models.values()].find((each) => each.place.folder === place.folder);
    models.set(place.name, openModel(place, { template, contextTokens }, known));
  }
  if (models.size === 0) throw new UserError('no-model', 'there is no model to serve');
  return models;
}
