// A model folder in another shape, written tensor by tensor.
import type { Plamo2Config } from '../../lm/index.ts';
import {
  type Artefact,
  type ArtefactContent,
  type JsonObject,
  type Lineage,
  type NamedTensor,
  type Provenance,
  writeArtefactInSteps,
} from '../../store/index.ts';

/** `config.json` with the keys in which the new shape differs. */
export function reshapedConfig(json: JsonObject, before: Plamo2Config, after: Plamo2Config): JsonObject {
  const keys = (Object.keys(after) as (keyof Plamo2Config)[]).filter(
    (key) => JSON.stringify(after[key]) !== JSON.stringify(before[key]),
  );
  return { ...json, ...Object.fromEntries(keys.map((key) => [key, after[key]])) } as JsonObject;
}

/** Writes the model; tokenizer and `generation_config.json` are those of the source unless others are given. */
export async function writeReshaped(
  out: string,
  source: Artefact,
  content: {
    config: JsonObject;
    tensors: readonly NamedTensor[];
    lineage: Provenance;
    maxShardBytes?: number | undefined;
    files?: Pick<ArtefactContent, 'tokenizer' | 'tokenizerConfig' | 'generationConfig'> | undefined;
  },
  pause: (() => Promise<void>) | undefined,
): Promise<Lineage> {
  const { files = source.companions(), ...rest } = content;
  return await writeArtefactInSteps(out, { ...rest, ...files }, pause);
}
