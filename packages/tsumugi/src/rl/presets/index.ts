// Experiments by name for `tsumugi rl train`, those of small tasks first.
import { ConfigError, suggestion } from '../../base/index.ts';
import { atariValuePresets } from './atari.ts';
import { atariPolicyPresets } from './atari-policies.ts';
import { continuousPresets } from './continuous.ts';
import { mujocoPresets } from './mujoco.ts';
import { policyPresets } from './policies.ts';
import type { RlPreset, RlPresets, Settings } from './preset.ts';
import { valuePresets } from './values.ts';

export type { RlPreset, SettingSource } from './preset.ts';

/** The experiments by name. */
export const rlPresets: RlPresets = {
  ...valuePresets,
  ...policyPresets,
  ...continuousPresets,
  ...mujocoPresets,
  ...atariValuePresets,
  ...atariPolicyPresets,
};

/** An experiment by name. @throws ConfigError with the nearest name when there is none */
export function rlPreset(name: string): RlPreset {
  if (Object.hasOwn(rlPresets, name)) return rlPresets[name]!;
  throw new ConfigError('unknown-experiment', `there is no experiment "${name}"`, {
    remedy: suggestion(name, Object.keys(rlPresets)),
    fields: { experiment: name, known: Object.keys(rlPresets) },
  });
}

/** All settings of an experiment, whatever their source. */
export function settingsOfPreset({ paper, code, ours }: RlPreset): Settings {
  const agentSettings = { ...ours.agentSettings, ...code.agentSettings, ...paper.agentSettings };
  return { ...ours, ...code, ...paper, agentSettings };
}
