// Models → the merged model, in a folder. Tensors are read, merged and written one after the other, in pieces: what is in memory at a
// time does not depend on how large the models are.
import { resolve } from 'node:path';
import { checkNumber, checkOptions, invariant, StagedFolder, sha256, UserError } from '../../base/index.ts';
import { holdPlace } from '../../run/index.ts';
import {
  canonicalJson,
  hubOrigin,
  isArtefact,
  type LazyTensor,
  type Lineage,
  type Provenance,
  requirePlace,
  writeArtefactInSteps,
} from '../../store/index.ts';
import { type DType, scope, type Tensor } from '../../torch/index.ts';
import { bytesPerSecond } from '../rates.ts';
import { gateCost, gateMerged, type MergedGate } from './gate-merged.ts';
import { joinsTokenizers } from './join-tokenizers.ts';
import type { MergeConfigInput } from './merge-config.ts';
import { type MergePlan, type PlannedTensor, planMerge, type TensorSource } from './merge-plan.ts';
import { checkCount, mergeGroup } from './merge-tensors.ts';
import type { MergeMethodName } from './methods/index.ts';
import { knownModels, type MergeModel, MergeModels, type ResolveModel } from './open-models.ts';
import { methodNamed } from './parameters.ts';
import { checkMergeConfig, type MergeText, readMergeConfig } from './read-config.ts';
import { matrixShape, type RowReader } from './tensor-group.ts';
import { fileRows, tokenRowReader } from './token-rows.ts';

export interface MergeOptions {
  /** Changes of the YAML, as `parameters.t=0.3`. */
  set?: readonly string[] | undefined;
  /** Of what DARE and DELLA drop. Default 0. */
  seed?: number | undefined;
  /** Fetches a model of a hub that the merge names, and gives its folder. Without it such names are refused. */
  resolveModel?: ResolveModel | undefined;
  /** Whether the merged model is compared with its models before it is put in its place. Default: true. */
  gate?: boolean | undefined;
}

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

const optionNames = { set: true, seed: true, resolveModel: true, gate: true } as const;
const mergeOptionNames = {
  ...optionNames,
  recipe: true,
  commit: true,
  maxShardBytes: true,
  onProgress: true,
  onPrompt: true,
  pause: true,
} as const;

/** A merge from its YAML, or from the same as data, whose paths count from the working folder. */
function textOf(merge: string | MergeConfigInput, { set = [] }: MergeOptions): MergeText {
  if (typeof merge === 'string') return readMergeConfig(merge, set);
  invariant(set.length === 0, 'data is changed where it is made');
  const where = () => 'the merge';
  return { config: checkMergeConfig(merge, where), folder: resolve(), where };
}

export interface MergeForecast {
  readonly method: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly diskBytes: number;
  readonly memoryBytes: number;
  readonly seconds: number;
  readonly warnings: readonly string[];
}

/** Node, libtorch. */
const runtimeBytes = 250e6;
const pieceBytes = 16 << 20;

/** What a merge would take, and everything that `mergeModels` would refuse. Nothing is written. */
export async function planMergeModels(
  merge: string | MergeConfigInput,
  options: MergeOptions = {},
): Promise<MergeForecast> {
  checkOptions('planMergeModels', options, optionNames);
  return await planned(merge, options, (plan) => forecastOf(plan, options.gate));
}

/** What is to be known of a plan, whose models are closed again. */
export async function planned<T>(
  merge: string | MergeConfigInput,
  options: MergeOptions,
  about: (plan: MergePlan) => T,
): Promise<T> {
  const text = textOf(merge, options);
  const known = await knownModels(text, options.resolveModel);
  using models = new MergeModels();
  return about(planMerge(text, models, known));
}

export function forecastOf({ method, tensors, parameters, bytes, warnings }: MergePlan, gate?: boolean): MergeForecast {
  const models = Math.max(...tensors.map(({ models, base }) => models.length + (base ? 1 : 0)));
  const cost = forecastMerge(method, { parameters, models, bytes, gate });
  return { method, tensors: tensors.length, parameters, ...cost, warnings };
}

export interface MergeSize {
  readonly parameters: number;
  /** The base among them. */
  readonly models: number;
  /** Of the weights; in float32 unless given. */
  readonly bytes?: number | undefined;
  readonly gate?: boolean | undefined;
}

export function forecastMerge(
  method: string,
  { parameters, models, bytes = 4 * parameters, gate = true }: MergeSize,
): Pick<MergeForecast, 'seconds' | 'memoryBytes' | 'diskBytes'> {
  const read = bytes * models * methodNamed(method as MergeMethodName).passes;
  // Each source, its δ, and as many again on the way to the result.
  const pieces = pieceBytes * (4 * models + 6);
  const compared = gate ? gateCost(parameters, models) : { seconds: 0, memoryBytes: 0 };
  return {
    diskBytes: bytes,
    memoryBytes: runtimeBytes + Math.max(pieces, compared.memoryBytes),
    seconds: (read + bytes) / bytesPerSecond + compared.seconds,
  };
}

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
  checkOptions('mergeModels', options, mergeOptionNames);
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
    tensors: plan.tensors.map((tensor) => [tensor.name, lazyTensor(tensor, plan, seed, finished)] as const),
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

/** A hash of what a merge is made from: the merge itself, its seed, the content of its models. Nothing is written. */
export async function mergeIdentity(merge: string | MergeConfigInput, options: MergeOptions = {}): Promise<string> {
  const text = textOf(merge, options);
  const known = await knownModels(text, options.resolveModel);
  using models = new MergeModels();
  planMerge(text, models, known);
  const hashes = await Promise.all(models.all.map(({ artefact }) => artefact.hash()));
  return sha256(canonicalJson([text.config, options.seed ?? 0, hashes]));
}

/** What the lineage calls a model: a folder of the hub's cache becomes its name there. */
const originOf = ({ name, artefact: { path } }: MergeModel): string => (hubOrigin(path) ? path : name);

/** Where the rows of a tensor of a source are. */
function readerOf({ model, name }: TensorSource, { tokenizer }: MergePlan, columns: number, dtype: DType): RowReader {
  const isByToken = name.endsWith('embed_tokens.weight') || name === 'lm_head.weight';
  const rows = isByToken ? tokenizer.rowsFor?.(model) : undefined;
  if (rows) return tokenRowReader(rows, name, columns, dtype);
  const read = fileRows(model, name, columns);
  return (row, count) => scope(() => read(row, count).to(dtype));
}

function lazyTensor(
  tensor: PlannedTensor,
  plan: MergePlan,
  seed: number,
  finished: (tensor: PlannedTensor, count: number) => void,
): LazyTensor {
  const { name, shape, dtype, base, models, shared, own } = tensor;
  const sources = [...(base ? [base] : []), ...models];
  const isWide = sources.some((source) => source.model.weights.info(source.name).dtype === 'float64');
  const computing: DType = isWide || dtype === 'float64' ? 'float64' : 'float32';
  const size = matrixShape(shape);
  const reader = (source: TensorSource) => readerOf(source, plan, size.columns, computing);
  function* merged(): Generator<Tensor> {
    const group = { name, ...size, base: base && reader(base), models: models.map(reader) };
    const values = { shared, own, seed, asVector: shape.length < 2 };
    for (const piece of mergeGroup(methodNamed(plan.method), group, values)) {
      const made = piece.to(dtype);
      requireFinite(tensor, piece, made);
      finished(tensor, made.numel());
      yield made;
      piece.dispose();
    }
  }
  return { dtype, shape, read: merged };
}

/** One pass over memory: a sum is finite only when every number is. It may overflow of itself, so then each is looked at. */
const areFinite = (numbers: Tensor): boolean =>
  scope(() => Number.isFinite(numbers.sum().item()) || Boolean(numbers.isfinite().all().item()));

function requireFinite({ name }: PlannedTensor, piece: Tensor, made: Tensor): void {
  if (areFinite(made)) return;
  if (areFinite(piece))
    throw new UserError('merge-type', `"${name}": the merge gives numbers that are too large for ${made.dtype}`, {
      remedy: 'Set dtype or out_dtype to bfloat16 or float32.',
      fields: { tensor: name, dtype: made.dtype },
    });
  throw new UserError('merge-not-finite', `"${name}": the merge gives numbers that are not finite`, {
    remedy: 'Look for NaN in the models ("tsumugi score" on each), or lower weights and lambda.',
    fields: { tensor: name },
  });
}
