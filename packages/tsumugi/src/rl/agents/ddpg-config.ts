// The settings of DDPG, with and without a memory.
import { z } from 'zod';
import { ConfigError } from '../../base/index.ts';
import {
  type CellName,
  Critic,
  cellNames,
  DeterministicHead,
  initializerOf,
  makeCore,
  RecurrentCritic,
  RecurrentPolicy,
} from '../networks/index.ts';
import {
  adamOf,
  continuousFields,
  deterministicPolicy,
  explorerOf,
  headOptionsOf,
  layersOf,
  noiseCondition,
  noiseFields,
  type Sizes,
  sizesOf,
} from './continuous-config.ts';
import { episodeOptions, windowOptions } from './continuous-replay-config.ts';
import { DDPG } from './ddpg.ts';
import { withDefault } from './field-config.ts';
import type { AgentKind, AgentPlace } from './kind-config.ts';
import { RecurrentDDPG } from './recurrent-ddpg.ts';

const count = z.int().positive();

const ddpgConfig = z.strictObject({
  ...continuousFields,
  ...noiseFields,
  batchSize: withDefault(continuousFields.batchSize, 100, 'windows of an update, or episodes with a memory'),
  memory: z
    .enum(['none', ...cellNames])
    .default('none')
    .describe('recurrent layer after the others of each network; replay is then of episodes'),
  memorySize: count.default(128).describe('its size'),
  episodicLength: count
    .nullable()
    .default(null)
    .describe('with a memory: steps of the stretches that are learned from; null: whole episodes'),
});
type DDPGSettings = z.output<typeof ddpgConfig>;

function recurrentDdpg(place: AgentPlace, s: DDPGSettings & { memory: CellName }, sizes: Sizes): RecurrentDDPG {
  if (s.steps > 1)
    throw new ConfigError('bad-setting', 'ddpg: networks with a memory learn from episodes, step by step', {
      remedy: 'Set steps=1, or memory=none.',
      fields: { steps: s.steps },
    });
  const { observation, action, unit } = sizes;
  return new RecurrentDDPG({
    ...episodeOptions(place, s, explorerOf(place, s, sizes)),
    policy: (rng) => {
      const body = layersOf(observation, s, rng);
      const core = makeCore(s.memory, body.features, s.memorySize, rng);
      const head = new DeterministicHead(core.features, action, { ...headOptionsOf(s, rng), bound: unit });
      return new RecurrentPolicy(body, core, head);
    },
    critic: (rng) => {
      const body = layersOf(observation + action, s, rng);
      const core = makeCore(s.memory, body.features, s.memorySize, rng);
      return new RecurrentCritic({ body, core, rng, weightInit: initializerOf(s.weightInit) });
    },
    optimizer: adamOf(s),
    episodicLength: s.episodicLength,
  });
}

export const ddpg: AgentKind<typeof ddpgConfig> = {
  summary: 'deep deterministic policy gradients',
  config: ddpgConfig,
  conditions: (_, s) => [
    noiseCondition(s),
    { settings: ['memorySize', 'episodicLength'], holds: s.memory !== 'none', without: 'a memory' },
  ],
  draws: false,
  make(place, s) {
    const sizes = sizesOf('ddpg', place);
    if (s.memory !== 'none') return recurrentDdpg(place, { ...s, memory: s.memory }, sizes);
    return new DDPG({
      ...windowOptions(place, s, explorerOf(place, s, sizes)),
      policy: deterministicPolicy(s, sizes),
      critic: (rng) => new Critic(sizes.observation + sizes.action, s.hidden, { rng, weightInit: s.weightInit }),
      optimizer: adamOf(s),
    });
  },
};
