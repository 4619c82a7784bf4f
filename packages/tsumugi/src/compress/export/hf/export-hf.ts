// A model folder as others expect it on the Hugging Face Hub: shards of a size, published settings, a model card; tensor by tensor.
import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ownPackage } from '../../../base/index.ts';
import { parseConfig } from '../../../lm/index.ts';
import { holdPlace } from '../../../run/index.ts';
import {
  CONFIG_FILE,
  DEFAULT_SHARD_BYTES,
  type LazyTensor,
  type Lineage,
  requirePlace,
  writeArtefactInSteps,
} from '../../../store/index.ts';
import { Tokenizer } from '../../../text/index.ts';
import { numBytes } from '../../../torch/index.ts';
import { labelOf } from './ancestry.ts';
import { CARD_FILE, readFrontMatter } from './front-matter.ts';
import { modelCard } from './model-card.ts';
import { type ExportHfOptions, openSource } from './plan.ts';
import { publishedFiles } from './published-files.ts';

export interface ExportHfResult {
  readonly folder: string;
  readonly parameters: number;
  readonly bytes: number;
  /** Names of the files. */
  readonly files: readonly string[];
  readonly licence: string | null;
  readonly seconds: number;
  readonly lineage: Lineage;
}

/**
 * Writes a model as a folder for the Hugging Face Hub and for what loads from there: safetensors in shards, `config.json` of the
 * published layout, tokenizer, `generation_config.json`, a model card `README.md` and `lineage.json`. Nothing in it tells of this
 * machine. The folder appears whole or not at all; equal models and options give equal weights, byte for byte.
 *
 * @param model a model folder
 * @throws DataError, FormatError, CheckpointError, ConfigError as for loading the model; DataError when `out` is the model or holds something else,
 *   UserError `disk-full`: both before anything is written
 *
 * @example
 * ```ts
 * await exportHf('runs/first/model', 'published', { name: 'me/first', licence: 'apache-2.0' });
 * ```
 */
export async function exportHf(model: string, out: string, options: ExportHfOptions = {}): Promise<ExportHfResult> {
  const began = performance.now();
  using source = await openSource(model, options);
  const { artefact, plan, ancestry, tensors, licence, sourceDtype } = source;
  requirePlace(out, [artefact.path], plan.diskBytes);
  using _held = holdPlace(out);
  const { config } = source;
  const published = publishedFiles(
    artefact,
    parseConfig(artefact.config(), join(artefact.path, CONFIG_FILE)),
    plan.dtype,
  );
  const languages = options.languages ?? languagesOf(artefact.path);
  const card = modelCard({
    name: options.name ?? basename(resolve(out)),
    licence,
    languages,
    config,
    dtype: plan.dtype,
    sourceDtype,
    parameters: plan.parameters,
    bytes: plan.bytes,
    ancestry,
    evaluations: options.evaluations ?? [],
    version: ownPackage().version,
  });
  Tokenizer.load(artefact.path, { modelVocabSize: config.vocab_size });
  const { maxShardBytes = DEFAULT_SHARD_BYTES, dtype, onProgress, pause } = options;
  let doneBytes = 0;
  const begin = (name: string, tensor: LazyTensor) => {
    doneBytes += numBytes(tensor);
    if (doneBytes === plan.bytes) source.requireUnchanged();
    onProgress?.({ tensor: name, doneBytes, totalBytes: plan.bytes });
    return tensor.read();
  };
  const content = {
    ...published,
    tensors: tensors.map(([name, tensor]) => [name, { ...tensor, read: () => begin(name, tensor) }] as const),
    tokenizer: readFileSync(artefact.tokenizerPath),
    extra: { [CARD_FILE]: card },
    maxShardBytes,
    lineage: {
      stage: 'export',
      recipe: options.recipe ?? null,
      config: { format: 'hf', maxShardBytes, ...(dtype !== undefined && { dtype }) },
      commit: options.commit ?? null,
      parents: [{ name: labelOf(model), sha256: ancestry[0]!.sha256 }],
      data: [],
    },
  };
  const lineage = await writeArtefactInSteps(out, content, pause);
  return {
    folder: out,
    parameters: plan.parameters,
    bytes: plan.bytes,
    files: [...Object.keys(lineage.files), 'lineage.json'].sort(),
    licence: plan.licence,
    seconds: (performance.now() - began) / 1000,
    lineage,
  };
}

function languagesOf(folder: string): readonly string[] {
  const { language } = readFrontMatter(folder);
  const all = (Array.isArray(language) ? language : [language]).filter((each) => typeof each === 'string');
  return all.length > 0 ? all : ['ja'];
}
