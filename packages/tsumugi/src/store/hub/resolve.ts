// From what a person names to a folder: the one function that every command asks.
import { type Need, RepositoryCache } from './cache-layout.ts';
import { type HubName, hubNameOf, nameText } from './hub-name.ts';
import { hubPlace } from './hub-place.ts';
import { HubError } from './hub-refusal.ts';
import { type PullOptions, pull } from './pull.ts';

/**
 * The folder of a model: `place` itself when it is a path, or for a model of the Hugging Face Hub ("pfnet/plamo-2-1b",
 * "pfnet/plamo-2-1b@<revision>") its folder in the hub's cache. What the cache has is taken without asking the network; what it
 * does not have is fetched. `pull` asks for what is newer.
 *
 * @throws HubError when the hub has no such model, refuses it, or cannot be reached; a path is looked at by whoever opens it
 */
export async function resolveModel(place: string, options: PullOptions = {}): Promise<string> {
  const name = hubNameOf(place);
  if (!name) return place;
  const cached = cachedFolder(name, options.need);
  if (cached !== undefined) return cached;
  try {
    return (await pull(nameText(name), options)).folder;
  } catch (error) {
    throw error instanceof HubError && !place.startsWith('hf://') ? neither(error, place) : error;
  }
}

/** The folder in the cache when it has all that is needed. */
function cachedFolder(name: HubName, need: Need = 'model'): string | undefined {
  const cache = new RepositoryCache(hubPlace().cache, name.repo);
  return cache.complete(cache.commitOf(name), need);
}

/** What was typed may have been meant as a path. */
function neither(error: HubError, place: string): HubError {
  if (!['hub-no-model', 'hub-offline', 'hub-unreachable'].includes(error.code)) return error;
  const [message] = error.message.split('\n');
  return new HubError(error.code, `there is no folder ${place}, and ${message}`, {
    ...(error.remedy !== undefined && { remedy: error.remedy }),
    fields: error.fields,
    cause: error,
  });
}
