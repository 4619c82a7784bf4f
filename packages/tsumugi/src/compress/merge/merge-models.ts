// Models → the merged model, in a folder. Tensors are read, merged and written one after the other, in pieces: what is in memory at a
// time does not depend on how large the models are.
import { checkNumber, checkOptions, StagedFolder } from '../../base/index.ts';
import { holdPlace } from '../../run/index.ts';
import {
  hubOrigin,
  isArtefact,
  type Lineage,
  type Provenance,
  requirePlace,
  writeArtefactInSteps,
} from '../../store/index.ts';
import { gateMerged, type MergedGate } from './gate-merged.ts';
import { joinsTokenizers } from './join-tokenizers.ts';
import type { MergeConfigInput } from './merge-config.ts';
import { type PlannedTensor, planMerge } from './merge-plan.ts';
import { checkCount } from './merge-tensors.ts';
import { mergedTensor } from './merged-tensor.ts';
import type { MergeMethodName } from './methods/index.ts';
import { type MergeOptions, textOf } from './open-merge.ts';
import { knownModels, type MergeModel, MergeModels } from './open-models.ts';

export interface MergeModelsOptions extends MergeOptions {
  /** The recipe it is part of, and the commit of the code, for the lineage. */
  recipe?: string | undefined;
  commit?: string | null | undefined;
  /** Shards of at most so many bytes. Default: 5 GB. */
  maxShardBytes?: number | undefined;
  onProgress?: ((progress: MergeProgress) => unknown) | undefined;
  /** Called between the prompts that the merged model is compared on. */
  onPrompt?: ((done: number, total: number) => unknown) | undefined;
  /** Called where the work can be stopped: by an exception, which leaves nothing behind. */
  pause?: (() => Promise<void>) | undefined;
}

export interface MergeProgress {
  readonly tensor: string;
  /** Parameters of the result that are done, and all of them. */
  readonly done: number;
  readonly total: number;
}

export interface MergeResult {
  readonly folder: string;
  readonly method: string;
  readonly tensors: number;
  readonly parameters: number;
  /** Of the weights. */
  readonly bytes: number;
  readonly seconds: number;
  readonly warnings: readonly string[];
  /** Undefined when it was not compared, or has no tokenizer to be compared with. */
  readonly gate: MergedGate | undefined;
  readonly lineage: Lineage;
}

const optionNames = {
  set: true,
  seed: true,
  resolveModel: true,
  gate: true,
  recipe: true,
  commit: true,
  maxShardBytes: true,
  onProgress: true,
  onPrompt: true,
  pause: true,
} as const;

/** @throws ConfigError when a method does not take so many models, or a base */
export const checkMergeModels = (method: string, models: number, hasBase: boolean): void =>
  checkCount(method as MergeMethodName, models, hasBase);

/**
 * Merges models as a mergekit YAML says (or the same as data), into a model folder that appears whole or not at all. Formulas,
 * parameters and the rules for PLaMo 2 are in `docs/merging.md`. Equal merges give equal weights, byte for byte.
 *
 * @throws ConfigError with the line of what is wrong in the merge, DataError `merge-mismatch` that lists everything in which the
 *   models differ, UserError `merge-…` naming the tensor for which a method has no answer, `disk-full` before anything is written,
 *   `parity-gate` when the result predicts text much worse than its models: nothing is written then
 *
 * @example
 * ```ts
 * await mergeModels('merge.yml', 'merged');
 * ```
 */
export async function mergeModels(
  merge: string | MergeConfigInput,
  out: string,
  options: MergeModelsOptions = {},
): Promise<MergeResult> {
  checkOptions('mergeModels', options, optionNames);
  const began = performance.now();
  const { seed = 0, recipe = null, commit = null, maxShardBytes, gate = true, onProgress, pause } = options;
  checkNumber('mergeModels', 'seed', seed, { min: 0, whole: true });
  if (maxShardBytes !== undefined) checkNumber('mergeModels', 'maxShardBytes', maxShardBytes, { min: 1, whole: true });
  const text = textOf(merge, options);
  const known = await knownModels(text, options.resolveModel);
  using models = new MergeModels();
  const plan = planMerge(text, models, known);
  const sources = models.all.map(({ artefact }) => artefact.path);
  requirePlace(out, sources, plan.bytes, 'Free some space, write to another disk, or set out_dtype: bfloat16.');
  using _held = holdPlace(out);
  const hashed = new Map(
    await Promise.all(models.all.map(async (model) => [model, await model.artefact.hashed()] as const)),
  );
  let done = 0;
  const finished = (tensor: PlannedTensor, count: number) => {
    done += count;
    // What was read is what was hashed: asked before the folder is put in its place.
    if (done === plan.parameters) for (const files of hashed.values()) files.requireUnchanged();
    onProgress?.({ tensor: tensor.name, done, total: plan.parameters });
  };
  using staged = new StagedFolder(out, isArtefact);
  const content = {
    config: plan.config,
    tensors: plan.tensors.map((tensor) => [tensor.name, mergedTensor(tensor, plan, seed, finished)] as const),
    tokenizer: plan.tokenizer.file,
    tokenizerConfig: plan.tokenizerConfig,
    generationConfig: plan.generationConfig,
    maxShardBytes,
    lineage: {
      stage: 'merge',
      recipe,
      config: { merge: text.config, gate } as unknown as NonNullable<Provenance['config']>,
      seed,
      commit,
      parents: models.all.map((model) => ({ name: originOf(model), sha256: hashed.get(model)!.hash })),
    },
  };
  const lineage = await writeArtefactInSteps(staged.path, content, pause);
  const { method, tensors, parameters, bytes, warnings, reference } = plan;
  const sameTokenizer = !joinsTokenizers(text.config);
  const onPrompt = async (prompt: number, prompts: number) => {
    options.onPrompt?.(prompt, prompts);
    await pause?.();
  };
  const found =
    gate && plan.tokenizer.file
      ? await gateMerged(staged.path, { reference, models: models.all, sameTokenizer, onPrompt })
      : undefined;
  staged.commit();
  const seconds = (performance.now() - began) / 1000;
  return { folder: out, method, tensors: tensors.length, parameters, bytes, seconds, warnings, gate: found, lineage };
}

/** What the lineage calls a model: a folder of the hub's cache becomes its name there. */
const originOf = ({ name, artefact: { path } }: MergeModel): string => (hubOrigin(path) ? path : name);
