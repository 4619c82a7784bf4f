// A model → a larger one that says the same, to be trained on.
import { basename } from 'node:path';
import { checkOptions, deriveSeed, invariant } from '../../base/index.ts';
import { loadModel, type Plamo2Config, readModelConfig, requireDense } from '../../lm/index.ts';
import { Artefact, type LazyTensor, type Lineage, type NamedTensor } from '../../store/index.ts';
import { Rng, randn, scope, type Tensor } from '../../torch/index.ts';
import { shapeCost } from '../prune/cost.ts';
import { layerOf, layoutOf } from '../reshape/axes.ts';
import { isIdentity } from '../reshape/channel-map.ts';
import { type Reshape, reshapedTensors } from '../reshape/reshape.ts';
import { bytesOf, checkPlace, reshapedConfig, writeReshaped } from '../reshape/write-reshaped.ts';
import { type GrowSettings, type GrowSettingsInput, growConfig } from './grow-config.ts';
import { grownConfig, grownShape, keepsPattern } from './target.ts';

export interface GrowOptions {
  /** The recipe it is part of, and the commit of the code, for the lineage. */
  recipe?: string | undefined;
  commit?: string | null | undefined;
  /** Shards of at most so many bytes. Default: 5 GB. */
  maxShardBytes?: number | undefined;
  /** Share of the parameters that is written. */
  onProgress?: ((share: number) => void) | undefined;
}

const optionNames = { recipe: true, commit: true, maxShardBytes: true, onProgress: true } as const;

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
  readonly seconds: number;
  readonly lineage: Lineage;
}

/** Our guesses: what goes through a second, and what is in memory besides pieces of tensors. */
const bytesPerSecond = 600e6;
const runtimeBytes = 350e6;

/** What growing would make and take. Nothing is written. @throws as `grow` */
export function planGrow(folder: string, settings: GrowSettingsInput): GrowPlan {
  requireDense(folder, 'grown');
  const before = readModelConfig(new Artefact(folder));
  return growForecast(before, growConfig.parse(settings));
}

/** The same before there is a model. */
export function growForecast(before: Plamo2Config, settings: GrowSettings): GrowPlan {
  const config = grownConfig(before, settings);
  const [from, to] = [shapeCost(before), shapeCost(config)];
  return {
    config,
    parametersBefore: from.parameters,
    parameters: to.parameters,
    flopsPerTokenBefore: from.flopsPerToken,
    flopsPerToken: to.flopsPerToken,
    diskBytes: to.bytes,
    memoryBytes: runtimeBytes,
    seconds: (2 * from.bytes + 2 * to.bytes) / bytesPerSecond,
  };
}

/**
 * Grows a model folder into another, which appears whole or not at all: the same function, then noise that parts the copies. See
 * `docs/growing.md` for what is exact. Equal models and settings give equal weights.
 *
 * @throws ConfigError `grow-target` naming the key that cannot be raised so far; DataError when `out` is the model or holds something
 *   else; UserError `disk-full` before anything is written; what loading a model throws
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
  const { recipe = null, commit = null, maxShardBytes, onProgress } = options;
  const all = growConfig.parse(settings);
  requireDense(folder, 'grown');
  const artefact = new Artefact(folder);
  const before = readModelConfig(artefact);
  const after = grownConfig(before, all);
  loadModel(folder)[Symbol.dispose](); // whole and of the shape that it says
  const reshape = grownShape(before, after, all.depth);
  invariant(keepsPattern(reshape), 'Mamba and attention alternate as before');
  const hashed = await artefact.hashed();
  using weights = artefact.weights();
  const { parameters } = shapeCost(after);
  let done = 0;
  const tensors = reshapedTensors(weights, reshape, (_, elements) => {
    done += elements;
    if (done === parameters) hashed.requireUnchanged();
    onProgress?.(done / parameters);
  }).map((tensor) => withNoise(tensor, reshape, all));
  checkPlace(artefact, out, bytesOf(tensors));
  const entries: [string, number | string | undefined][] = Object.entries(all);
  const lineage = writeReshaped(out, artefact, {
    config: reshapedConfig(artefact.config(), before, after),
    tensors,
    maxShardBytes,
    lineage: {
      stage: 'grow',
      recipe,
      config: Object.fromEntries(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))),
      seed: all.seed,
      commit,
      parents: [{ name: basename(artefact.path), sha256: hashed.hash }],
    },
  });
  const { layers } = reshape;
  const seconds = (performance.now() - began) / 1000;
  const parametersBefore = shapeCost(before).parameters;
  return {
    folder: out,
    config: after,
    tensors: tensors.length,
    parametersBefore,
    parameters,
    layers,
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
