// Experiments by name for `tsumugi rl train`, those of small tasks first.
import { ConfigError, suggestion } from '../../base/index.ts';
import { agentNames } from '../agents/registry.ts';
import { environmentIds } from '../registry.ts';
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

/** An experiment by name. @throws ConfigError with the nearest name when there is none, or with those of an environment or agent */
export function rlPreset(name: string): RlPreset {
  if (Object.hasOwn(rlPresets, name)) return rlPresets[name]!;
  const fields = { experiment: name, known: Object.keys(rlPresets) };
  const what = environmentIds().includes(name) ? 'environment' : agentNames().includes(name) ? 'agent' : undefined;
  if (what === undefined)
    throw new ConfigError('unknown-experiment', `there is no experiment "${name}"`, {
      remedy: suggestion(name, Object.keys(rlPresets)),
      fields,
    });
  const experiments = Object.keys(rlPresets).filter((each) => settingsOfPreset(rlPresets[each]!)[what] === name);
  const file = `a file of settings with ${what}: ${name}`;
  throw new ConfigError('unknown-experiment', `"${name}" is an ${what}, not an experiment`, {
    remedy: experiments.length > 0 ? `Name one of ${experiments.join(', ')}, or write ${file}.` : `Write ${file}.`,
    fields,
  });
}

/** All settings of an experiment, whatever their source. */
export function settingsOfPreset({ paper, code, ours }: RlPreset): Settings {
  const agentSettings = { ...ours.agentSettings, ...code.agentSettings, ...paper.agentSettings };
  return { ...ours, ...code, ...paper, agentSettings };
}
