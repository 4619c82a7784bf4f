// Snapshots on disk, so that a server that starts again goes on where it was: a folder that is there whole or not at all, a safetensors
// file for each state and a list of them with checksums. What is damaged or belongs to another model is left alone, and said.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StagedFolder, sha256, sha256File, TsumugiError } from '../../base/index.ts';
import { openSafetensors, readJson, writeJson, writeSafetensors } from '../../store/index.ts';
import { scope, type Tensor, tensor } from '../../torch/index.ts';
import { CacheFull } from '../paged/cache-full.ts';
import type { Logits } from '../sampling.ts';
import type { TextMemory, TextState } from './memory.ts';
import type { PrefixCache } from './prefix-cache.ts';
import { type SnapshotFile, snapshotManifest } from './snapshot-manifest.ts';

const LIST = 'snapshots.json';
const LOGITS = 'logits';
const isOurs = (name: string) => name === LIST || /^\d{6}\.safetensors$/.test(name);
const digestOf = (files: readonly SnapshotFile[]) => sha256(JSON.stringify(files));

/** What was written, or read. */
export interface StoredSnapshots {
  snapshots: number;
  /** Of the states. */
  bytes: number;
  /** Why not all that lies there was taken, in a sentence. */
  ignored?: string;
}

/**
 * Writes all snapshots into a folder, in the stead of those that were there.
 *
 * @throws DataError when the folder holds something else, or cannot be written
 */
export function writeSnapshots(
  folder: string,
  modelHash: string,
  { snapshots }: PrefixCache,
  memory: TextMemory,
): StoredSnapshots {
  using staged = new StagedFolder(folder, (place) => readdirSync(place).every(isOurs));
  let bytes = 0;
  const files = snapshots.all.map(({ place, state, logits }, i): SnapshotFile => {
    const file = `${String(i).padStart(6, '0')}.safetensors`;
    const path = join(staged.path, file);
    scope(() => {
      const saved = memory.save(state).map(({ name, tensor }) => [name, tensor] as const);
      const next: [string, Tensor][] = logits ? [[LOGITS, tensor(logits)]] : [];
      writeSafetensors(path, [...saved, ...next]);
    });
    bytes += state.bytes;
    return { file, sha256: sha256File(path), length: state.length, place };
  });
  writeJson(join(staged.path, LIST), { format: 'tsumugi-snapshots-1', modelHash, sha256: digestOf(files), files });
  staged.commit();
  return { snapshots: files.length, bytes };
}

/** Takes what lies in a folder, the most recently used first, while there is room. Nothing that is wrong with it is thrown. */
export function readSnapshots(
  folder: string,
  modelHash: string,
  prefixCache: PrefixCache,
  memory: TextMemory,
): StoredSnapshots {
  const taken: { place: SnapshotFile['place']; state: TextState; logits: Logits | undefined }[] = [];
  let ignored: string | undefined;
  try {
    for (const each of listOf(folder, modelHash)) taken.push({ place: each.place, ...read(folder, each, memory) });
  } catch (error) {
    ignored = sentenceOf(folder, error);
  }
  for (const { place, state, logits } of taken.toReversed()) prefixCache.adopt(place, state, logits);
  const found = { snapshots: taken.length, bytes: taken.reduce((sum, { state }) => sum + state.bytes, 0) };
  return ignored === undefined ? found : { ...found, ignored };
}

function listOf(folder: string, modelHash: string): readonly SnapshotFile[] {
  const list = readJson(join(folder, LIST), snapshotManifest);
  if (list.modelHash !== modelHash) throw new Unfit('are of another model');
  if (list.sha256 !== digestOf(list.files)) throw new Unfit(`are not what was written: ${LIST} was changed`);
  return list.files;
}

function read(folder: string, { file, sha256, length, place }: SnapshotFile, memory: TextMemory) {
  const path = join(folder, file);
  if (sha256File(path) !== sha256) throw new Unfit(`are not all what was written: ${file} was changed`);
  if ('ids' in place && place.ids.length !== length) throw new Unfit(`do not fit: ${file} has another length`);
  return scope(() => {
    using weights = openSafetensors(path);
    const all = weights.names.map((name) => ({ name, tensor: weights.tensor(name) }));
    const logits = all
      .find(({ name }) => name === LOGITS)
      ?.tensor.data()
      .slice() as Logits | undefined;
    return { state: memory.load(length, all), logits };
  });
}

/** Why the rest of a folder is not taken. */
class Unfit extends Error {}

function sentenceOf(folder: string, error: unknown): string {
  if (error instanceof Unfit) return `The snapshots in ${folder} ${error.message}.`;
  if (error instanceof CacheFull) return `Not all snapshots in ${folder} were read: the memory is full.`;
  const why = error instanceof TsumugiError ? error.message.split('\n')[0]! : String((error as Error).message ?? error);
  return `The snapshots in ${folder} were not all read: ${why}.`;
}
