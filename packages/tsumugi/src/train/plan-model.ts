// What a training run would do, without a run: the model, the data, and what it will take of time, memory and disk.
import { checkOptions, type OptionNames, steady } from '../base/index.ts';
import { type Forecast, formatForecast, requireFits } from '../loop/index.ts';
import type { RanksHere } from '../mesh/index.ts';
import type { ProgressStream } from '../run/index.ts';
import { formatParameterTable } from './describe-model.ts';
import { distillation } from './distill.ts';
import type { DistillConfig } from './distill-config.ts';
import { preferenceTraining } from './dpo.ts';
import type { DpoConfig } from './dpo-config.ts';
import { extension } from './extend.ts';
import type { ExtendConfig } from './extend-config.ts';
import type { AnswerScorer } from './grpo/answer-scorer.ts';
import { policyTraining } from './grpo.ts';
import type { GrpoConfig } from './grpo-config.ts';
import type { ModelTraining } from './model-training.ts';
import { pretraining } from './pretrain.ts';
import type { PretrainConfig } from './pretrain-config.ts';
import { requireOverRanks } from './require-over-ranks.ts';
import { rewardTraining } from './reward.ts';
import type { RewardConfig } from './reward-config.ts';
import { rehearseOverRanks, spaceOverRanks } from './scale/space-over-ranks.ts';
import { fineTuning } from './sft.ts';
import type { SftConfig } from './sft-config.ts';

export interface PlanOptions {
  /** Shows the plan. */
  stream?: ProgressStream;
  /** The ranks it would be spread over; one process when left out. */
  ranks?: RanksHere;
}

const planOptions: OptionNames<PlanOptions> = { stream: true, ranks: true };

/**
 * Prints what a run would train on what, with its forecast, and returns the forecast. Nothing is trained and nothing written; the
 * time of a step comes from a second or two of rehearsal on a smaller model.
 *
 * @throws ConfigError, DataError, UserError as the run would before its first step
 */
export async function planModel<E extends object>(
  task: ModelTraining<E>,
  options: PlanOptions = {},
): Promise<Forecast> {
  checkOptions('planModel', options, planOptions);
  const { stream: shown, ranks = { world: 1, onHost: 1 } } = options;
  const { modelConfig, part } = task;
  requireOverRanks(task, ranks.world);
  const space = spaceOverRanks(task, ranks);
  const stream = steady<ProgressStream>(shown ?? process.stderr);
  const print = (text: string) => void stream.write(`${text}\n`);
  requireFits(space);
  print(formatParameterTable(modelConfig, part?.isFrozen));
  for (const line of task.lines) print(line);
  const secondsPerStep = rehearseOverRanks(task, ranks.world);
  const { time, lines, warning } = task.plan({ secondsPerStep, start: 0 });
  const forecast = { ...space, ...time };
  print(formatForecast(forecast));
  for (const line of lines) print(line);
  if (warning) print(`warning: ${warning.message}`);
  return forecast;
}

/** `planModel` of what `pretrain` would do. */
export async function planPretrain(config: PretrainConfig, options?: PlanOptions): Promise<Forecast> {
  using task = await pretraining(config);
  return await planModel(task, options);
}

/** `planModel` of what `extend` would do. */
export async function planExtend(config: ExtendConfig, options?: PlanOptions): Promise<Forecast> {
  using task = await extension(config);
  return await planModel(task, options);
}

/** `planModel` of what `distill` would do. */
export async function planDistill(config: DistillConfig, options?: PlanOptions): Promise<Forecast> {
  using task = await distillation(config);
  return await planModel(task, options);
}

/** `planModel` of what `sft` would do. */
export async function planSft(config: SftConfig, options?: PlanOptions): Promise<Forecast> {
  using task = await fineTuning(config);
  return await planModel(task, options);
}

/** `planModel` of what `dpo` would do. */
export async function planDpo(config: DpoConfig, options?: PlanOptions): Promise<Forecast> {
  using task = await preferenceTraining(config);
  return await planModel(task, options);
}

/** `planModel` of what `reward` would do. */
export async function planReward(config: RewardConfig, options?: PlanOptions): Promise<Forecast> {
  using task = await rewardTraining(config);
  return await planModel(task, options);
}

/** `planModel` of what `grpo` would do. */
export async function planGrpo(config: GrpoConfig, scorer: AnswerScorer, options?: PlanOptions): Promise<Forecast> {
  using task = await policyTraining(config, scorer);
  return await planModel(task, options);
}
