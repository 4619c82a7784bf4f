// Reward models in folders: the published layout, with the head as `score.weight` among the weights, and in config.json the name of a
// model that classifies texts.
import { ConfigError, checkOptions, type OptionNames } from '../../base/index.ts';
import { namedModules } from '../../nn/index.ts';
import { Artefact, type Lineage } from '../../store/index.ts';
import { type Device, type DType, scope } from '../../torch/index.ts';
import { isRewardConfig, rewardKeys } from '../config.ts';
import { dequantizeModel } from '../dequantize.ts';
import { loadWith, readAnyConfig, type SaveModelOptions, saveWith } from '../folder.ts';
import { mergeLora } from '../lora/index.ts';
import { QuantizedLinear } from '../quantized-linear.ts';
import { addRewardHead, type Plamo2WithReward, REWARD_HEAD, rewardHeadShape } from './head.ts';

export interface LoadRewardOptions {
  /** Where the parameters go. Default: the CPU. */
  device?: Device | undefined;
  /** What the parameters become. Default: as they are in the file. */
  dtype?: DType | undefined;
}

export const loadRewardOptions: OptionNames<LoadRewardOptions> = { device: true, dtype: true };

const shapesOf = (hiddenSize: number) => new Map([[REWARD_HEAD, rewardHeadShape(hiddenSize)]]);

/** @throws ConfigError for the folder of a language model, and whatever `loadModel` does */
export function loadWithReward(folder: string, options: LoadRewardOptions): Plamo2WithReward {
  checkOptions('loadRewardModel', options, loadRewardOptions);
  const artefact = new Artefact(folder);
  if (!isRewardConfig(artefact.config()))
    throw new ConfigError('no-reward-model', `${folder} is no reward model: its config.json names none`, {
      remedy: 'Make one with "tsumugi reward", or give the folder that it wrote.',
      fields: { path: folder },
    });
  const config = readAnyConfig(artefact);
  using weights = artefact.weights();
  const model = loadWith(folder, config, { ...options, weights }, shapesOf(config.hidden_size));
  const type = options.dtype === 'float64' ? 'float64' : 'float32';
  return addRewardHead(
    model,
    scope(() => weights.tensor(REWARD_HEAD).to(type, model.parameterDevice)),
  );
}

/**
 * Writes a model with its head as a folder, whole or not at all. Adapters are merged first; layers of few bits become float32 numbers
 * then, as few bits cannot hold what an adapter adds.
 */
export function saveRewardModel(folder: string, model: Plamo2WithReward, options: SaveModelOptions): Lineage {
  mergeLora(model);
  if ([...namedModules(model)].some(([, module]) => module instanceof QuantizedLinear)) dequantizeModel(model);
  return saveWith(folder, model, options, { shapes: shapesOf(model.config.hidden_size), config: rewardKeys });
}
