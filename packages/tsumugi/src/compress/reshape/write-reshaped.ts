// A model folder in another shape, written tensor by tensor.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { availableDisk, DataError, StagedFolder, UserError } from '../../base/index.ts';
import type { Plamo2Config } from '../../lm/index.ts';
import {
  type Artefact,
  type ArtefactContent,
  isArtefact,
  type JsonObject,
  type Lineage,
  type NamedTensor,
  type Provenance,
  TOKENIZER_FILE,
  writeArtefact,
} from '../../store/index.ts';
import { dtypeBytes, numElements } from '../../torch/index.ts';

/** `config.json` with the keys in which the new shape differs. */
export function reshapedConfig(json: JsonObject, before: Plamo2Config, after: Plamo2Config): JsonObject {
  const keys = (Object.keys(after) as (keyof Plamo2Config)[]).filter(
    (key) => JSON.stringify(after[key]) !== JSON.stringify(before[key]),
  );
  return { ...json, ...Object.fromEntries(keys.map((key) => [key, after[key]])) } as JsonObject;
}

export const bytesOf = (tensors: readonly NamedTensor[]): number =>
  tensors.reduce((sum, [, { shape, dtype }]) => sum + numElements(shape) * dtypeBytes(dtype), 0);

/** @throws DataError when `out` is the model itself or holds something else; UserError `disk-full` when the weights do not fit */
export function checkPlace(source: Artefact, out: string, bytes: number): void {
  if (resolve(source.path) === resolve(out))
    throw new DataError('into-source', `${out} is the model that is read`, {
      remedy: 'Name another folder to write to.',
      fields: { path: out },
    });
  new StagedFolder(out, isArtefact)[Symbol.dispose]();
  const free = availableDisk(out);
  if (free === undefined || bytes < free) return;
  const gb = (count: number) => `${(count / 1e9).toFixed(1)} GB`;
  throw new UserError('disk-full', `the model takes ${gb(bytes)}, and ${gb(free)} are free at ${out}`, {
    remedy: 'Free some space, or write to another disk.',
    fields: { bytes, free },
  });
}

/** Writes the model; tokenizer and `generation_config.json` are those of the source unless others are given. */
export function writeReshaped(
  out: string,
  source: Artefact,
  content: {
    config: JsonObject;
    tensors: readonly NamedTensor[];
    lineage: Provenance;
    maxShardBytes?: number | undefined;
    files?: Pick<ArtefactContent, 'tokenizer' | 'tokenizerConfig' | 'generationConfig'> | undefined;
  },
): Lineage {
  const { files = filesOf(source), ...rest } = content;
  return writeArtefact(out, { ...rest, ...files });
}

function filesOf(source: Artefact) {
  const tokenizer = join(source.path, TOKENIZER_FILE);
  return {
    tokenizer: existsSync(tokenizer) ? readFileSync(tokenizer) : undefined,
    tokenizerConfig: source.tokenizerConfig(),
    generationConfig: source.generationConfig(),
  };
}
