// The settings of DDPG, TD3 and SAC. Defaults are those of ChainerRL's scripts on MuJoCo (a million steps of one environment).
import { z } from 'zod';
import { ConfigError, deriveSeed, RandomStream } from '../../base/index.ts';
import { type Module, zerosInit } from '../../nn/index.ts';
import { Adam } from '../../optim/index.ts';
import type { Rng } from '../../torch/index.ts';
import { AdditiveGaussian, AdditiveOU, type Explorer, Greedy } from '../explorers/index.ts';
import {
  type CellName,
  Critic,
  cellNames,
  DeterministicHead,
  type HeadOptions,
  initializerOf,
  initialWeights,
  MLP,
  makeCore,
  Policy,
  RecurrentCritic,
  RecurrentPolicy,
  SquashedGaussianHead,
  TwinCritics,
} from '../networks/index.ts';
import { ObservationInput } from '../observation-input.ts';
import type { Box } from '../spaces/index.ts';
import { boundedBox, unitBox } from './action-scale.ts';
import { continuousReplayFields, episodeOptions, windowOptions } from './continuous-replay-config.ts';
import { DDPG } from './ddpg.ts';
import { withDefault } from './field-config.ts';
import type { Condition } from './idle-settings.ts';
import type { AgentKind, AgentPlace } from './kind-config.ts';
import { RecurrentDDPG } from './recurrent-ddpg.ts';
import { SAC } from './sac.ts';
import { TD3 } from './td3.ts';

const count = z.int().positive();

const fields = {
  hidden: z.array(count).default([400, 300]).describe('sizes of the layers of each network'),
  weightInit: z.enum(initialWeights).default('lecun-uniform').describe('initial weights'),
  learningRate: z.number().positive().default(1e-3).describe('of Adam, for all networks'),
  ...continuousReplayFields,
};

const noise = {
  explorer: z.enum(['gaussian', 'ou', 'greedy']).default('gaussian').describe('noise on the actions'),
  noise: z.number().nonnegative().default(0.1).describe('its standard deviation, where actions lie in [−1, 1]'),
};

const ddpgConfig = z.strictObject({
  ...fields,
  ...noise,
  batchSize: withDefault(fields.batchSize, 100, 'windows of an update, or episodes with a memory'),
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
const td3Config = z.strictObject({
  ...fields,
  ...noise,
  targetNoise: z.number().nonnegative().default(0.2).describe('standard deviation of the noise on targets’ actions'),
  targetNoiseClip: z.number().nonnegative().default(0.5).describe('what that noise is clipped to'),
  policyInterval: count.default(2).describe('updates of the critics between those of the policy'),
});
const sacConfig = z.strictObject({
  ...fields,
  hidden: withDefault(fields.hidden, [256, 256]),
  weightInit: withDefault(fields.weightInit, 'glorot-uniform'),
  learningRate: withDefault(fields.learningRate, 3e-4, 'of Adam, for all networks and the temperature'),
  batchSize: withDefault(fields.batchSize, 256),
  initialTemperature: z.number().positive().default(1).describe('of the entropy, at first'),
  targetEntropy: z
    .union([z.number(), z.enum(['auto', 'none'])])
    .default('auto')
    .describe('that the temperature is learned by; auto: −1 for each number of an action; none: it stays'),
});

type Shared = z.output<z.ZodObject<typeof fields>>;

interface Sizes {
  /** Numbers of an observation. */
  observation: number;
  /** Numbers of an action. */
  action: number;
  unit: Box;
}

function sizesOf(agent: string, place: AgentPlace): Sizes {
  const { shape } = new ObservationInput(place.observationSpace);
  const box = boundedBox(agent, place.actionSpace);
  return {
    observation: shape.reduce((product, length) => product * length, 1),
    action: box.low.length,
    unit: unitBox(box),
  };
}

const noiseCondition = ({ explorer }: z.output<z.ZodObject<typeof noise>>): Condition => ({
  settings: ['noise'],
  holds: explorer !== 'greedy',
  without: 'explorer=gaussian or ou',
});

function explorerOf({ seed }: AgentPlace, s: z.output<z.ZodObject<typeof noise>>, { unit }: Sizes): Explorer {
  const rng = new RandomStream(deriveSeed(seed, 'explorer'));
  switch (s.explorer) {
    case 'gaussian':
      return new AdditiveGaussian(s.noise, unit, rng);
    case 'ou':
      return new AdditiveOU({ sigma: s.noise }, unit, rng);
    case 'greedy':
      return new Greedy();
  }
}

const mlp = (inputs: number, s: Shared, rng: Rng) => new MLP(inputs, s.hidden, { rng, weightInit: s.weightInit });
const head = (s: Shared, rng: Rng): HeadOptions => ({
  rng,
  weightInit: initializerOf(s.weightInit),
  biasInit: zerosInit(),
});
const adam = (s: Shared) => (network: Module) => new Adam(network, { lr: s.learningRate, epsOn: 'uncorrected' });

const deterministic =
  (s: Shared, { observation, action, unit }: Sizes) =>
  (rng: Rng) => {
    const body = mlp(observation, s, rng);
    return new Policy(body, new DeterministicHead(body.features, action, { ...head(s, rng), bound: unit }));
  };

const critics =
  (s: Shared, { observation, action }: Sizes) =>
  (rng: Rng) =>
    new TwinCritics(observation + action, s.hidden, { rng, weightInit: s.weightInit });

function recurrentDdpg(place: AgentPlace, s: z.output<typeof ddpgConfig> & { memory: CellName }, sizes: Sizes) {
  if (s.steps > 1)
    throw new ConfigError('bad-setting', 'ddpg: networks with a memory learn from episodes, step by step', {
      remedy: 'Set steps=1, or memory=none.',
      fields: { steps: s.steps },
    });
  const { observation, action, unit } = sizes;
  return new RecurrentDDPG({
    ...episodeOptions(place, s, explorerOf(place, s, sizes)),
    policy: (rng) => {
      const body = mlp(observation, s, rng);
      const core = makeCore(s.memory, body.features, s.memorySize, rng);
      const deterministic = new DeterministicHead(core.features, action, { ...head(s, rng), bound: unit });
      return new RecurrentPolicy(body, core, deterministic);
    },
    critic: (rng) => {
      const body = mlp(observation + action, s, rng);
      const core = makeCore(s.memory, body.features, s.memorySize, rng);
      return new RecurrentCritic({ body, core, rng, weightInit: initializerOf(s.weightInit) });
    },
    optimizer: adam(s),
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
      policy: deterministic(s, sizes),
      critic: (rng) => new Critic(sizes.observation + sizes.action, s.hidden, { rng, weightInit: s.weightInit }),
      optimizer: adam(s),
    });
  },
};

export const td3: AgentKind<typeof td3Config> = {
  summary: 'DDPG with two critics, smoothed targets and a delayed policy',
  config: td3Config,
  conditions: (_, s) => [
    noiseCondition(s),
    { settings: ['targetNoiseClip'], holds: s.targetNoise > 0, without: 'targetNoise' },
  ],
  draws: false,
  make(place, s) {
    const sizes = sizesOf('td3', place);
    const { targetNoise, targetNoiseClip, policyInterval } = s;
    return new TD3({
      ...windowOptions(place, s, explorerOf(place, s, sizes)),
      policy: deterministic(s, sizes),
      critics: critics(s, sizes),
      optimizer: adam(s),
      targetNoise,
      targetNoiseClip,
      policyInterval,
    });
  },
};

export const sac: AgentKind<typeof sacConfig> = {
  summary: 'soft actor-critic with a learned temperature',
  config: sacConfig,
  make(place, s) {
    const sizes = sizesOf('sac', place);
    const { observation, action } = sizes;
    const targets = { auto: -action, none: null } as const;
    return new SAC({
      ...windowOptions(place, s, new Greedy()),
      policy: (rng) => {
        const body = mlp(observation, s, rng);
        return new Policy(body, new SquashedGaussianHead(body.features, action, head(s, rng)));
      },
      critics: critics(s, sizes),
      optimizer: adam(s),
      initialTemperature: s.initialTemperature,
      targetEntropy: typeof s.targetEntropy === 'number' ? s.targetEntropy : targets[s.targetEntropy],
    });
  },
};
