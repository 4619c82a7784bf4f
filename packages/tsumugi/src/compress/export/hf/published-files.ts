// The settings of a published folder, as other programs look for them: the source's own, with what the format asks for.
import { isObject } from '../../../base/index.ts';
import { generationConfigOf, type Plamo2Config, publishedConfig } from '../../../lm/index.ts';
import { type Artefact, hubOrigin, type Json, type JsonObject } from '../../../store/index.ts';
import type { DType } from '../../../torch/index.ts';

/** Where the code lies that Transformers runs for PLaMo 2, which knows no such model itself. */
const CODE_REPOSITORY = 'pfnet/plamo-2-1b';

/** In `auto_map`, a module of another repository is written "repository--module.Class". */
const qualified = (reference: Json, repository: string): Json =>
  Array.isArray(reference)
    ? reference.map((each) => qualified(each as Json, repository))
    : typeof reference === 'string' && !reference.includes('--')
      ? `${repository}--${reference}`
      : reference;

function autoMapOf(json: JsonObject | undefined, origin: string, otherwise: JsonObject): JsonObject {
  const own = json?.['auto_map'];
  if (!isObject(own)) return otherwise;
  return Object.fromEntries(Object.entries(own).map(([key, value]) => [key, qualified(value, origin)]));
}

interface PublishedFiles {
  readonly config: JsonObject;
  readonly tokenizerConfig: JsonObject | undefined;
  readonly generationConfig: JsonObject;
}

/**
 * `config.json`, `tokenizer_config.json` and `generation_config.json` of the export. No code goes with a folder: `auto_map` names
 * the repository that has it. A model without QK-norm, which no published code knows, has none.
 */
export function publishedFiles(artefact: Artefact, config: Plamo2Config, dtype: DType): PublishedFiles {
  const origin = hubOrigin(artefact.path)?.repo ?? CODE_REPOSITORY;
  const json = artefact.config();
  const tokenizerJson = artefact.tokenizerConfig();
  const tokenizerClass = String(tokenizerJson?.['tokenizer_class'] ?? 'PlamoTokenizer');
  const models = {
    AutoConfig: `${CODE_REPOSITORY}--modeling_plamo.Plamo2Config`,
    AutoModelForCausalLM: `${CODE_REPOSITORY}--modeling_plamo.Plamo2ForCausalLM`,
  };
  const tokenizers = { AutoTokenizer: [`${CODE_REPOSITORY}--tokenization_plamo.${tokenizerClass}`, null] };
  return {
    config: {
      ...(publishedConfig(config) as JsonObject),
      ...(config.qk_norm && { auto_map: autoMapOf(json, origin, models) }),
      torch_dtype: dtype,
      // How weights in few bits are to be read.
      ...(json['quantization_config'] && { quantization_config: json['quantization_config'] }),
    },
    tokenizerConfig:
      tokenizerJson && config.qk_norm
        ? { ...tokenizerJson, auto_map: autoMapOf(tokenizerJson, origin, tokenizers) }
        : tokenizerJson,
    generationConfig: artefact.generationConfig() ?? (generationConfigOf(config) as JsonObject),
  };
}
