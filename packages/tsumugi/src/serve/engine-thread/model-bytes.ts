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

/** Bytes that an adapter adds to its base. */
export const adapterBytes = (adapter: string): number =>
  readdirSync(adapter)
    .filter((name) => name.endsWith('.safetensors'))
    .reduce((sum, name) => sum + statSync(join(adapter, name)).size, 0);
