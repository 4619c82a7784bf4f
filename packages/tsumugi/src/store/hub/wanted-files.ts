// Which files of a model are fetched: weights as safetensors, settings, tokenizer and text, all of them data. What could hold code
// (Python files, and pickles such as .bin and .pt, which run code when they are read) is never fetched.
import { CONFIG_FILE, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE } from '../artefact/files.ts';
import { INDEX_FILE, isShard, WEIGHTS_FILE } from '../safetensors/index.ts';
import type { HubFile, Need } from './cache-layout.ts';
import { HubError } from './hub-refusal.ts';
import type { Repository } from './repository.ts';

export interface Wanted {
  /** Small ones first, so that a wrong model is found out before its weights are there. */
  readonly files: readonly HubFile[];
  /** What is not fetched, folders among them. */
  readonly leftOut: readonly string[];
}

const isWeights = (path: string): boolean => path.endsWith('.safetensors');
const isData = (path: string): boolean =>
  /\.(json|jsonl|txt|md|jinja)$/.test(path) || /^(LICENSE|LICENCE|NOTICE)([.-][\w.-]+)?$/.test(path);
const tokenizerFiles: readonly string[] = [CONFIG_FILE, TOKENIZER_FILE, TOKENIZER_CONFIG_FILE];

/** The largest file besides weights: a tokenizer of 100,000 pieces has some megabytes. */
const MAX_DATA_BYTES = 256 << 20;

/**
 * Chooses what to fetch.
 *
 * @throws HubError when there is nothing that can be read, or a name that would leave the folder
 */
export function wantedFiles(repo: string, { files, folders }: Repository, need: Need): Wanted {
  const weights = need === 'model' ? weightsAmong(files) : [];
  const single = weights.length === 1 && weights[0]!.path === WEIGHTS_FILE;
  const data = files.filter(
    ({ path }) =>
      isData(path) && (need === 'model' || tokenizerFiles.includes(path)) && !(single && path === INDEX_FILE),
  );
  if (need === 'model' && weights.length === 0) throw unreadable(repo, 'no .safetensors weights', files);
  if (need === 'tokenizer' && !data.some(({ path }) => path === TOKENIZER_FILE))
    throw unreadable(repo, `no ${TOKENIZER_FILE}`, files);
  const chosen = [...data, ...weights];
  for (const file of chosen) checkFile(repo, file);
  const taken = new Set(chosen.map(({ path }) => path));
  const leftOut = [
    ...files.map(({ path }) => path).filter((path) => !taken.has(path)),
    ...folders.map((path) => `${path}/`),
  ];
  return { files: chosen, leftOut };
}

/** A single file of weights is taken before shards, as Transformers does. */
function weightsAmong(files: readonly HubFile[]): HubFile[] {
  const all = files.filter(({ path }) => isWeights(path));
  const single = all.filter(({ path }) => path === WEIGHTS_FILE);
  const shards = all.filter(({ path }) => isShard(path));
  return single.length > 0 ? single : shards.length > 0 ? shards : all;
}

/** A name of the hub's becomes a name in a folder: nothing else. @throws HubError */
function checkFile(repo: string, { path, bytes }: HubFile): void {
  const fields = { repo, path };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what file systems and terminals take for something else.
  if (!/^[^/\\:\x00-\x1f\x7f]{1,200}$/.test(path) || path.startsWith('.'))
    throw new HubError('hub-file-name', `${repo} has a file that cannot be named here: ${JSON.stringify(path)}`, {
      remedy: 'Fetch nothing from it: a name like this is made to write to another place.',
      fields,
    });
  if (!isWeights(path) && bytes > MAX_DATA_BYTES)
    throw new HubError('hub-too-large', `${path} of ${repo} has ${bytes} bytes, more than is read of such a file`, {
      remedy: 'Check that it is the model that is meant.',
      fields: { ...fields, bytes },
    });
}

function unreadable(repo: string, lacks: string, files: readonly HubFile[]): HubError {
  const has = (pattern: RegExp) => files.find(({ path }) => pattern.test(path))?.path;
  const pickle = has(/\.(bin|pt|pth|ckpt|pkl)$/);
  const gguf = has(/\.gguf$/);
  const [what, remedy] =
    pickle !== undefined
      ? [`only ${pickle}, a pickle, which can run code when it is read`, 'Ask its authors for safetensors.']
      : gguf !== undefined
        ? [`only ${gguf}`, 'Fetch that file by other means, and name it as the model.']
        : ['nothing of a model that can be read here', 'Check the name: it may be of another kind.'];
  return new HubError('hub-nothing-to-read', `${repo} has ${lacks}, ${what}`, { remedy, fields: { repo } });
}
