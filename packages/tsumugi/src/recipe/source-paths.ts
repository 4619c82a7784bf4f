// The paths of what comes from outside: as they were given, or, of a model or tokenizer that is named on the Hugging Face Hub, its
// folder in the hub's cache, which is known once the recipe is planned.
import { formatInteger } from '../run/index.ts';
import { type PullPlan, resolveModel } from '../store/index.ts';
import type { Source } from './stage.ts';

const tell = (line: string): void => void process.stderr.write(`${line}\n`);
const tellPlan = ({ repo, commit, missingBytes }: PullPlan): void =>
  tell(`fetching ${repo} at ${commit.slice(0, 12)}: ${formatInteger(Math.ceil(missingBytes / 1e6))} MB`);

const found = new WeakMap<Source, readonly string[]>();

/** Finds the folders of models and tokenizers of the hub; fetches what the cache lacks. @throws HubError */
export async function findSource(source: Source): Promise<void> {
  const { kind, paths } = source;
  if ((kind !== 'model' && kind !== 'tokenizer') || found.has(source)) return;
  const folders: string[] = [];
  for (const path of paths) folders.push(await resolveModel(path, { need: kind, report: tell, onPlan: tellPlan }));
  found.set(source, folders);
}

export const pathsOf = (source: Source): readonly string[] => found.get(source) ?? source.paths;
