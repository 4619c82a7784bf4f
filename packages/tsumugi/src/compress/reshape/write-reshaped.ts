// A model folder in another shape, written tensor by tensor.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plamo2Config } from '../../lm/index.ts';
import {
  type Artefact,
  type ArtefactContent,
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
