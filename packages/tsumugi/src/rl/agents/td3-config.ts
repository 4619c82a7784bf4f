// The settings of TD3 and of variants of it.
import { z } from 'zod';
import {
  adamOf,
  continuousFields,
  deterministicPolicy,
  explorerOf,
  noiseCondition,
  noiseFields,
  sizesOf,
  twinCritics,
} from './continuous-config.ts';
import { windowOptions } from './continuous-replay-config.ts';
import type { AgentKind, AgentPlace } from './kind-config.ts';
import { TD3, type TD3Options } from './td3.ts';
import type { AgentVariant } from './variant-config.ts';

const td3Fields = {
  ...continuousFields,
  ...noiseFields,
  targetNoise: z.number().nonnegative().default(0.2).describe('standard deviation of the noise on targets’ actions'),
  targetNoiseClip: z.number().nonnegative().default(0.5).describe('what that noise is clipped to'),
  policyInterval: z.int().positive().default(2).describe('updates of the critics between those of the policy'),
};
type TD3Settings = z.output<z.ZodObject<typeof td3Fields>>;

/** The kind of agent that a variant of TD3 is: what `registerAgent` takes. */
export function td3Kind<S extends z.ZodRawShape = Record<never, never>>(
  agent: string,
  { summary, settings, conditions = [], make }: AgentVariant<TD3Options, TD3, S>,
): AgentKind {
  return {
    summary,
    config: z.strictObject({ ...td3Fields, ...settings }),
    conditions: (_, all) => {
      const s = all as TD3Settings;
      const clip = { settings: ['targetNoiseClip'], holds: s.targetNoise > 0, without: 'targetNoise' };
      return [noiseCondition(s), clip, ...conditions];
    },
    draws: false,
    make: (place, all) => make(td3Options(agent, place, all as TD3Settings), all as z.output<z.ZodObject<S>>),
  };
}

function td3Options(agent: string, place: AgentPlace, s: TD3Settings): TD3Options {
  const sizes = sizesOf(agent, place);
  return {
    ...windowOptions(place, s, explorerOf(place, s, sizes)),
    policy: deterministicPolicy(s, sizes),
    critics: twinCritics(s, sizes),
    optimizer: adamOf(s),
    targetNoise: s.targetNoise,
    targetNoiseClip: s.targetNoiseClip,
    policyInterval: s.policyInterval,
  };
}

export const td3 = td3Kind('td3', {
  summary: 'DDPG with two critics, smoothed targets and a delayed policy',
  make: (options) => new TD3(options),
});
