// Settings of preference training that do not go together.
import { requireIdle } from './check-settings.ts';
import { checkTuningSettings } from './check-tuning.ts';
import type { DpoConfig } from './dpo-config.ts';

/** @throws ConfigError naming a setting that would have no effect */
export function checkDpoSettings(config: Omit<DpoConfig, 'model' | 'data' | 'out'>): void {
  checkTuningSettings(config);
  const { loss } = config;
  const why = `with loss=${loss}`;
  const isDpo = loss === 'dpo' || loss === 'hdpo';
  if (loss !== 'hdpo') requireIdle('alpha', config.alpha, why);
  if (loss === 'orpo') requireIdle('beta', config.beta, why);
  if (loss !== 'simpo') requireIdle('gamma', config.gamma, why);
  if (loss !== 'orpo') requireIdle('oddsWeight', config.oddsWeight, why);
  if (loss !== 'kto') requireIdle('desirableWeight', config.desirableWeight, why);
  if (loss !== 'kto') requireIdle('undesirableWeight', config.undesirableWeight, why);
  if (!isDpo) requireIdle('labelSmoothing', config.labelSmoothing || undefined, why);
  if (config.labelSmoothing === 0) requireIdle('smoothing', config.smoothing, 'with labelSmoothing 0');
  if (!isDpo && loss !== 'ipo') requireIdle('lengthNormalized', config.lengthNormalized || undefined, why);
  if (loss === 'orpo') requireIdle('sftWeight', config.sftWeight || undefined, 'with loss=orpo, which has it');
}
