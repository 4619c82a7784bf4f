// A model → a larger one that says the same, to be trained on.
import { ConfigError, checkOptions, checkSettings, deriveSeed, given, invariant } from '../../base/index.ts';
import { layerOf, loadModel, type Plamo2Config, readModelConfig, requireDense } from '../../lm/index.ts';
import { holdPlace } from '../../run/index.ts';
import { Artefact, type LazyTensor, type Lineage, type NamedTensor, requirePlace } from '../../store/index.ts';
import { numBytes, Rng, randn, scope, type Tensor } from '../../torch/index.ts';
import { bytesPerSecond } from '../rates.ts';
import { layoutOf } from '../reshape/axes.ts';
import { isIdentity } from '../reshape/channel-map.ts';
import { shapeCost } from '../reshape/cost.ts';
import { layersOfUnit } from '../reshape/layers.ts';
import { type Reshape, reshapedTensors } from '../reshape/reshape.ts';
import { isSameShape } from '../reshape/target.ts';
import { reshapedConfig, writeReshaped } from '../reshape/write-reshaped.ts';
import { type GrowSettings, type GrowSettingsInput, growConfig } from './grow-config.ts';
import { grownConfig, grownShape, keepsPattern } from './target.ts';
import { openTransplant, transplantedWeights } from './transplant.ts';
import type { VocabularyMap } from './vocabulary.ts';

export interface GrowOptions {
  /** Another tokenizer for the model: a tokenizer.jsonl, or a folder that holds one. */
  tokenizer?: string | undefined;
  /** The recipe it is part of, and the commit of the code, for the lineage. */
  recipe?: string | undefined;
  commit?: string | null | undefined;
  /** Shards of at most so many bytes. Default: 5 GB. */
  maxShardBytes?: number | undefined;
  /** Share of the parameters that is written. */
  onProgress?: ((share: number) => void) | undefined;
  /** Called where the work can be stopped: by an exception, which leaves nothing behind. */
  pause?: (() => Promise<void>) | undefined;
}

const optionNames = {
  tokenizer: true,
  recipe: true,
  commit: true,
  maxShardBytes: true,
  onProgress: true,
  pause: true,
} as const;

export interface GrowPlan {
  readonly config: Plamo2Config;
  readonly parametersBefore: number;
  readonly parameters: number;
  readonly flopsPerTokenBefore: number;
  readonly flopsPerToken: number;
  readonly diskBytes: number;
  readonly memoryBytes: number;
  readonly seconds: number;
}

export interface GrowResult {
  readonly folder: string;
  readonly config: Plamo2Config;
  readonly tensors: number;
  readonly parametersBefore: number;
  readonly parameters: number;
  /** The old layer of each new one. */
  readonly layers: readonly number[];
  /** With another tokenizer: how many pieces have a row that they had, the mean of some, and of all. */
  readonly pieces: VocabularyMap['counts'] | undefined;
  readonly seconds: number;
  readonly lineage: Lineage;
}

/** A weight takes as many bytes, or more. */
const leastWeightBytes = 2;
/** Our guess: what is in memory besides an embedding of other pieces. */
const runtimeBytes = 350e6;

/** What growing would make and take. Nothing is written. @throws as `grow` */
export function planGrow(
  folder: string,
  settings: GrowSettingsInput,
  options: Pick<GrowOptions, 'tokenizer'> = {},
): GrowPlan {
  checkOptions('planGrow', options, { tokenizer: true });
  const { tokenizer } = options;
  requireDense(folder, 'grown');
  const artefact = new Artefact(folder);
  const before = readModelConfig(artefact);
  const transplant = tokenizer === undefined ? undefined : openTransplant(artefact, before, tokenizer);
  return growForecast(before, checkSettings('grow', growConfig, settings), transplant?.config);
}

/**
 * The same before there is a model.
 *
 * @param transplanted the model's config with another tokenizer
 */
export function growForecast(before: Plamo2Config, settings: GrowSettings, transplanted?: Plamo2Config): GrowPlan {
  const config = targetConfig(before, settings, transplanted);
  const [from, to] = [shapeCost(before), shapeCost(config)];
  return {
    config,
    parametersBefore: from.parameters,
    parameters: to.parameters,
    flopsPerTokenBefore: from.flopsPerToken,
    flopsPerToken: to.flopsPerToken,
    diskBytes: to.bytes,
    // An embedding of other pieces is whole in memory.
    memoryBytes: runtimeBytes + (transplanted ? 4 * transplanted.vocab_size * transplanted.hidden_size : 0),
    seconds: (2 * from.bytes + 2 * to.bytes) / bytesPerSecond,
  };
}

function targetConfig(before: Plamo2Config, settings: GrowSettings, transplanted?: Plamo2Config): Plamo2Config {
  const after = grownConfig(transplanted ?? before, settings);
  if (transplanted || !isSameShape(before, after)) return after;
  const more = before.num_hidden_layers + layersOfUnit(before);
  throw new ConfigError('grow-nothing', 'nothing is added to the model', {
    remedy: `Give a larger target, such as --set num_hidden_layers=${more}, or another tokenizer.`,
  });
}

/**
 * Grows a model folder into another, which appears whole or not at all: the same function, then noise that parts the copies. See
 * `docs/growing.md` for what is exact. Equal models and settings give equal weights.
 *
 * @throws ConfigError `grow-target` naming the key that cannot be raised so far, `grow-nothing`, and for a tokenizer `same-tokenizer`
 *   and `lost-token`; DataError when `out` is the model or holds something else; UserError `disk-full` before anything is written;
 *   what loading models and tokenizers throws
 *
 * @example
 * ```ts
 * await grow('model', 'deeper', { num_hidden_layers: 24 });
 * ```
 */
export async function grow(
  folder: string,
  out: string,
  settings: GrowSettingsInput,
  options: GrowOptions = {},
): Promise<GrowResult> {
  checkOptions('grow', options, optionNames);
  const began = performance.now();
  const { tokenizer, recipe = null, commit = null, maxShardBytes, onProgress, pause } = options;
  const all = checkSettings('grow', growConfig, settings);
  requireDense(folder, 'grown');
  const artefact = new Artefact(folder);
  const own = readModelConfig(artefact);
  const transplant = tokenizer === undefined ? undefined : openTransplant(artefact, own, tokenizer);
  const before = transplant?.config ?? own;
  const after = targetConfig(own, all, transplant?.config);
  const { parameters } = shapeCost(after);
  requirePlace(out, [artefact.path], leastWeightBytes * parameters); // before anything is made that grows with the target
  using _held = holdPlace(out);
  loadModel(folder)[Symbol.dispose](); // whole and of the shape that it says
  const reshape = grownShape(before, after, all.depth);
  invariant(keepsPattern(reshape), 'Mamba and attention alternate as before');
  const hashed = await artefact.hashed();
  const tokenizerFiles = await transplant?.hashed();
  using weights = artefact.weights();
  let done = 0;
  const source = transplant ? transplantedWeights(weights, transplant) : weights;
  const tensors = reshapedTensors(source, reshape, (_, elements) => {
    done += elements;
    if (done === parameters) for (const files of [hashed, tokenizerFiles]) files?.requireUnchanged();
    onProgress?.(done / parameters);
  }).map((tensor) => withNoise(tensor, reshape, all));
  const bytes = tensors.reduce((sum, [, tensor]) => sum + numBytes(tensor), 0);
  requirePlace(out, [artefact.path], bytes);
  const content = {
    config: reshapedConfig(transplant?.json ?? artefact.config(), before, after),
    tensors,
    files: transplant?.files,
    maxShardBytes,
    lineage: {
      stage: 'grow',
      recipe,
      config: given<number | string>(all),
      seed: all.seed,
      commit,
      parents: [{ name: artefact.path, sha256: hashed.hash }],
      data: tokenizerFiles ? [{ name: transplant!.path, sha256: tokenizerFiles.hash }] : [],
    },
  };
  const lineage = await writeReshaped(out, artefact, content, pause);
  const { layers } = reshape;
  const seconds = (performance.now() - began) / 1000;
  const parametersBefore = shapeCost(own).parameters;
  return {
    folder: out,
    config: after,
    tensors: tensors.length,
    parametersBefore,
    parameters,
    layers,
    pieces: transplant?.map.counts,
    seconds,
    lineage,
  };
}

/** Copies that are equal would stay equal in training: their gradients are. */
function withNoise([name, tensor]: NamedTensor, reshape: Reshape, { noise, seed }: GrowSettings): NamedTensor {
  if (noise === 0 || !isWidened(name, reshape)) return [name, tensor];
  const { dtype, shape, read } = tensor as LazyTensor;
  function* noisy(): Generator<Tensor> {
    const rng = new Rng(deriveSeed(seed, name));
    for (const piece of read() as Iterable<Tensor>)
      yield scope(() => piece.float().mul(randn(piece.shape, rng).mul(noise).add(1)).to(dtype));
  }
  return [name, { dtype, shape, read: noisy } satisfies LazyTensor];
}

/** Whether a matrix has copies of channels. */
function isWidened(name: string, { before, layers, mapAt }: Reshape): boolean {
  const layout = layoutOf(name, before);
  const layer = layerOf(name);
  const old = layer === undefined ? undefined : layers[layer];
  const maps = layout.flat().flatMap((run) => (typeof run === 'number' ? [] : [mapAt(run.axis, old)]));
  return layout.length === 2 && maps.some((map) => map !== undefined && !isIdentity(map));
}
