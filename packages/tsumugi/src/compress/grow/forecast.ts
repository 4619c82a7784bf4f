// What growing will make and take.
import { ConfigError, checkOptions, checkSettings } from '../../base/index.ts';
import { type Plamo2Config, readModelConfig, requireDense } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import { bytesPerSecond } from '../rates.ts';
import { shapeCost } from '../reshape/cost.ts';
import { layersOfUnit } from '../reshape/layers.ts';
import { isSameShape } from '../reshape/target.ts';
import { type GrowSettings, type GrowSettingsInput, growConfig } from './grow-config.ts';
import { grownConfig } from './target.ts';
import { openTransplant } from './transplant.ts';

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

/** Our guess: what is in memory besides an embedding of other pieces. */
const runtimeBytes = 350e6;

/** What growing would make and take. Nothing is written. @throws as `grow` */
export function planGrow(
  folder: string,
  settings: GrowSettingsInput,
  options: { tokenizer?: string | undefined } = {},
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

/** @throws ConfigError `grow-nothing`, and `grow-target` naming the key that cannot be raised so far */
export function targetConfig(before: Plamo2Config, settings: GrowSettings, transplanted?: Plamo2Config): Plamo2Config {
  const after = grownConfig(transplanted ?? before, settings);
  if (transplanted || !isSameShape(before, after)) return after;
  const more = before.num_hidden_layers + layersOfUnit(before);
  throw new ConfigError('grow-nothing', 'nothing is added to the model', {
    remedy: `Give a larger target, such as --set num_hidden_layers=${more}, or another tokenizer.`,
  });
}
