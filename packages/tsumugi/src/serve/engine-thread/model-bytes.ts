// What a model takes in memory, before it is loaded.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readModelConfig, tensorShapes } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import type { ModelPlace } from './protocol.ts';

/** Bytes of a number of each type in a file. */
const widths: Readonly<Record<string, number>> = { float64: 8, float32: 4, float16: 2, bfloat16: 2 };

/** Bytes of the weights in `folder` as they are loaded: of few bits as they are in the file, others in `dtype`. */
export function weightBytes({ folder, dtype }: Pick<ModelPlace, 'folder' | 'dtype'>): number {
  const artefact = new Artefact(folder);
  using weights = artefact.weights();
  const shapes = tensorShapes(readModelConfig(artefact));
  let bytes = 0;
  for (const name of weights.names) {
    const { shape, dtype: stored } = weights.info(name);
    const width = (shapes.has(name) && dtype !== undefined ? widths[dtype] : widths[stored]) ?? integerWidth(stored);
    bytes += width * shape.reduce((product, size) => product * size, 1);
  }
  return bytes;
}

const integerWidth = (dtype: string): number => Number(/\d+/.exec(dtype)?.[0] ?? 8) / 8;

/** A folder whose weights a model needs. */
export interface FolderBytes extends Pick<ModelPlace, 'folder' | 'dtype'> {
  /** By which it is found again. */
  readonly key: string;
  readonly bytes: number;
}

export function folderBytes({ folder, dtype }: Pick<ModelPlace, 'folder' | 'dtype'>): FolderBytes {
  return { folder, dtype, key: JSON.stringify([folder, dtype]), bytes: weightBytes({ folder, dtype }) };
}

/** The folders whose weights a model needs: its own, and its draft's if that is another one. */
export function foldersOf({ folder, dtype, draft }: ModelPlace): FolderBytes[] {
  const all = [folder, ...(draft ? [draft.folder] : [])];
  return [...new Set(all)].map((each) => folderBytes({ folder: each, dtype }));
}

/** Bytes that a model takes beside the weights of folders and its cache: of an adapter, and what its draft remembers texts by. */
export const ownBytes = ({ adapter, draft }: ModelPlace): number =>
  (adapter === undefined ? 0 : adapterBytes(adapter)) + (draft?.cacheBytes ?? 0);

/** Bytes that an adapter adds to its base. */
export const adapterBytes = (adapter: string): number =>
  readdirSync(adapter)
    .filter((name) => name.endsWith('.safetensors'))
    .reduce((sum, name) => sum + statSync(join(adapter, name)).size, 0);
