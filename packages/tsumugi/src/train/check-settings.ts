// Which settings go together, in one place for commands, recipes and the library, before anything is written: what cannot be
// done, and what would have no effect beside the others. A setting by itself is checked by its schema.
import { ConfigError } from '../base/index.ts';
import { checkModelChanges } from '../lm/index.ts';
import { DEFAULT_DECAY, type ScheduleSettings } from '../loop/index.ts';
import type { ExtendConfig } from './extend-config.ts';
import type { PretrainConfig } from './pretrain-config.ts';

const refuse = (code: string, message: string, remedy: string, fields: Record<string, unknown>) =>
  new ConfigError(code, message, { remedy, fields });

/** @throws ConfigError when `setting` was given: `why` says beside what it does nothing */
export function requireIdle(setting: string, value: unknown, why: string): void {
  if (value === undefined) return;
  throw refuse('no-effect', `${setting} has no effect ${why}`, `Leave ${setting} out, or change that.`, { setting });
}

/** @throws ConfigError for a schedule whose parts do not go together */
export function checkSchedule({ schedule, warmup, decay, floor }: ScheduleSettings): void {
  if (schedule !== 'wsd') requireIdle('decay', decay, `with the schedule ${schedule}, only with wsd`);
  if (schedule === 'constant') requireIdle('floor', floor, 'with the schedule constant, which does not fall');
  if (schedule === 'range-test' && floor === 0)
    throw refuse('bad-floor', 'a range-test cannot rise from a floor of 0', 'Give a floor above 0, such as 0.00001.', {
      floor,
    });
  if (schedule === 'wsd' && warmup + (decay ?? DEFAULT_DECAY) > 1)
    throw refuse(
      'schedule-too-long',
      `warmup ${warmup} and decay ${decay ?? DEFAULT_DECAY} together are more than all the steps`,
      'Lower one of them: they are fractions of the steps, together at most 1.',
      { warmup, decay },
    );
}

/** @throws ConfigError for settings that leave no model for the stages after this one */
export function requireModelMade({ schedule }: Pick<ScheduleSettings, 'schedule'>): void {
  if (schedule !== 'range-test') return;
  throw refuse(
    'no-model',
    'a range-test makes no model',
    'Run it as a command: tsumugi pretrain --set schedule=range-test.',
    {
      schedule,
    },
  );
}

/** What the stage of recipes shares with the command. */
type PretrainSettings = Omit<PretrainConfig, 'data' | 'tokenizer' | 'out' | 'steps'>;

/** @throws ConfigError naming the settings that do not go together */
export function checkPretrainSettings(config: PretrainSettings): void {
  checkSchedule(config);
  checkModelChanges(config.modelChanges, 'modelChanges');
  requireIdle('modelChanges.vocab_size', config.modelChanges['vocab_size'], 'as the vocabulary follows the tokenizer');
  if (config.sampleEvery === 0) requireIdle('samplePrompt', config.samplePrompt, 'without sampleEvery');
  if (config.evaluateEvery === 0)
    requireIdle('evaluateTokens', config.evaluateTokens, 'with evaluateEvery 0, as the last evaluation takes all');
}

type ExtendSettings = Omit<ExtendConfig, 'model' | 'mix' | 'out'>;

/** @throws ConfigError naming the settings that do not go together */
export function checkExtendSettings(config: ExtendSettings): void {
  checkSchedule(config);
  const { layers, phases } = config;
  if (layers === 'all') {
    requireIdle('ropeLocalTheta', config.ropeLocalTheta, 'with layers "all", which leaves no window layer');
    requireIdle('windowSize', config.windowSize, 'with layers "all", which leaves no window layer');
  }
  const falls = phases.findIndex((phase, i) => i > 0 && phase.sequenceLength < phases[i - 1]!.sequenceLength);
  if (falls < 0) return;
  const [before, now] = [phases[falls - 1]!.sequenceLength, phases[falls]!.sequenceLength];
  throw refuse(
    'context-falls',
    `phase ${falls + 1} has a sequenceLength of ${now}, less than the ${before} of the phase before it`,
    'Order the phases by rising sequenceLength.',
    { phase: falls + 1, before, falls: now },
  );
}
