// A model → a larger one that says the same, to be trained on.
import { checkOptions, checkSettings, given, invariant } from '../../base/index.ts';
import { loadModel, type Plamo2Config, readModelConfig, requireDense } from '../../lm/index.ts';
import { holdPlace } from '../../run/index.ts';
import { Artefact, type Lineage, requirePlace } from '../../store/index.ts';
import { numBytes } from '../../torch/index.ts';
import { shapeCost } from '../reshape/cost.ts';
import { reshapedTensors } from '../reshape/reshape.ts';
import { reshapedConfig, writeReshaped } from '../reshape/write-reshaped.ts';
import { targetConfig } from './forecast.ts';
import { type GrowSettingsInput, growConfig } from './grow-config.ts';
import { withNoise } from './noise.ts';
import { grownShape, keepsPattern } from './target.ts';
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
