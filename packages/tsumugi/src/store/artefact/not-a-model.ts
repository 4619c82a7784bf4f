// What is at a path that should be a model folder and is none, and what to do about it.
import { existsSync, readdirSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { absence, DataError, linkTarget, namesIn, nearest } from '../../base/index.ts';
import { ADAPTER_CONFIG_FILE, CONFIG_FILE } from './files.ts';

/** @param found what `statSync` says about the path, undefined for nothing */
export function notAModel(path: string, found: Stats | undefined): DataError {
  const refuse = (problem: string, remedy: string) =>
    new DataError('no-model', `${path} ${problem}`, { remedy, fields: { path } });
  if (found && !found.isDirectory()) {
    const folder = dirname(path);
    return refuse(
      'is a file, not a model folder',
      path.endsWith('.gguf')
        ? 'Only "tsumugi eval" reads GGUF files. Name the folder of the model that the file was made from.'
        : existsSync(join(folder, CONFIG_FILE))
          ? `Name the folder it lies in: ${folder}`
          : `Name a folder that holds ${CONFIG_FILE} and the weights.`,
    );
  }
  const missing = found ? join(path, CONFIG_FILE) : path;
  if (linkTarget(missing) !== undefined) {
    const { fault, remedy } = absence(missing);
    return refuse(`is not a model folder: ${found ? CONFIG_FILE : 'it'} ${fault}`, remedy);
  }
  if (found && existsSync(join(path, ADAPTER_CONFIG_FILE)))
    return refuse(
      'is an adapter, not a model',
      `Merge it into its base first: tsumugi merge --adapter ${path} --out DIR. Commands that have --adapter take it beside the base.`,
    );
  if (found) {
    const inside = readdirSync(path).find((name) => existsSync(join(path, name, CONFIG_FILE)));
    return refuse(
      `is not a model folder: it has no ${CONFIG_FILE}`,
      inside === undefined
        ? `Name a folder that holds ${CONFIG_FILE} and the weights.`
        : `Is ${join(path, inside)} meant?`,
    );
  }
  const folder = dirname(resolve(path));
  const near = nearest(basename(path), namesIn(folder));
  return refuse(
    'does not exist',
    near !== undefined
      ? `Did you mean ${join(dirname(path), near)}?`
      : /^[\w.-]+\/[\w.-]+$/.test(path)
        ? `Name a folder. If the model of the Hugging Face Hub is meant, fetch it first: tsumugi pull ${path}`
        : `Name a folder that holds ${CONFIG_FILE} and the weights.`,
  );
}
