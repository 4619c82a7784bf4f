// What to do about a model's name that a service does not know: it may be spelled as a path, in another case, with a tag.
import { nearest } from '../../base/index.ts';

const SHOWN = 20;

/** A name without what differs between spellings: folders before it, `:tag`, case, the ending of a file. */
const bare = (name: string) =>
  name
    .toLowerCase()
    .replace(/[/\\]+$/, '')
    .replace(/^.*[/\\]/, '')
    .replace(/:[^:]*$/, '')
    .replace(/\.gguf$/, '');

/** The remedy: the name that is probably meant, and those there are. */
export function nameRemedy(name: string, models: readonly string[]): string {
  const meant = models.find((model) => bare(model) === bare(name)) ?? nearest(name, models);
  const more = models.length > SHOWN ? ` and ${models.length - SHOWN} more` : '';
  const list = `/models lists: ${models.slice(0, SHOWN).join(', ')}${more}.`;
  return meant === undefined ? list : `Did you mean "${meant}"? ${list}`;
}
