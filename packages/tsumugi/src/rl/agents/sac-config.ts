// The settings of SAC and of variants of it.
import { z } from 'zod';
import { Greedy } from '../explorers/index.ts';
import { Policy, SquashedGaussianHead } from '../networks/index.ts';
import { adamOf, continuousFields, headOptionsOf, layersOf, sizesOf, twinCritics } from './continuous-config.ts';
import { windowOptions } from './continuous-replay-config.ts';
import { withDefault } from './field-config.ts';
import type { AgentKind, AgentPlace } from './kind-config.ts';
import { SAC, type SACOptions } from './sac.ts';
import type { AgentVariant } from './variant-config.ts';

const sacFields = {
  ...continuousFields,
  hidden: withDefault(continuousFields.hidden, [256, 256]),
  weightInit: withDefault(continuousFields.weightInit, 'glorot-uniform'),
  learningRate: withDefault(continuousFields.learningRate, 3e-4, 'of Adam, for all networks and the temperature'),
  batchSize: withDefault(continuousFields.batchSize, 256),
  initialTemperature: z.number().positive().default(1).describe('of the entropy, at first'),
  targetEntropy: z
    .union([z.number(), z.enum(['auto', 'none'])])
    .default('auto')
    .describe('that the temperature is learned by; auto: −1 for each number of an action; none: it stays'),
};
type SACSettings = z.output<z.ZodObject<typeof sacFields>>;

/** The kind of agent that a variant of SAC is: what `registerAgent` takes. */
export function sacKind<S extends z.ZodRawShape = Record<never, never>>(
  agent: string,
  { summary, settings, conditions = [], make }: AgentVariant<SACOptions, SAC, S>,
): AgentKind {
  return {
    summary,
    config: z.strictObject({ ...sacFields, ...settings }),
    conditions: () => conditions,
    make: (place, all) => make(sacOptions(agent, place, all as SACSettings), all as z.output<z.ZodObject<S>>),
  };
}

function sacOptions(agent: string, place: AgentPlace, s: SACSettings): SACOptions {
  const sizes = sizesOf(agent, place);
  const { observation, action } = sizes;
  const targets = { auto: -action, none: null } as const;
  return {
    ...windowOptions(place, s, new Greedy()),
    policy: (rng) => {
      const body = layersOf(observation, s, rng);
      return new Policy(body, new SquashedGaussianHead(body.features, action, headOptionsOf(s, rng)));
    },
    critics: twinCritics(s, sizes),
    optimizer: adamOf(s),
    initialTemperature: s.initialTemperature,
    targetEntropy: typeof s.targetEntropy === 'number' ? s.targetEntropy : targets[s.targetEntropy],
  };
}

export const sac = sacKind('sac', {
  summary: 'soft actor-critic with a learned temperature',
  make: (options) => new SAC(options),
});
