// The settings of DDPG, TD3 and SAC. Defaults are those of ChainerRL's scripts on MuJoCo (a million steps of one environment).
import { z } from 'zod';
import { deriveSeed, RandomStream } from '../../base/index.ts';
import { type Module, zerosInit } from '../../nn/index.ts';
import { Adam } from '../../optim/index.ts';
import type { Rng } from '../../torch/index.ts';
import { AdditiveGaussian, AdditiveOU, type Explorer, Greedy } from '../explorers/index.ts';
import {
  Critic,
  DeterministicHead,
  type HeadOptions,
  initializerOf,
  initialWeights,
  MLP,
  Policy,
  SquashedGaussianHead,
  TwinCritics,
} from '../networks/index.ts';
import { ObservationInput } from '../observation-input.ts';
import { ReplayBuffer } from '../replay/index.ts';
import type { Box } from '../spaces/index.ts';
import { boundedBox, unitBox } from './action-scale.ts';
import type { ContinuousAgentOptions } from './continuous-agent.ts';
import { DDPG } from './ddpg.ts';
import type { AgentKind, AgentPlace } from './kind-config.ts';
import { SAC } from './sac.ts';
import { TD3 } from './td3.ts';

const count = z.int().positive();

const fields = {
  hidden: z.array(count).default([400, 300]).describe('sizes of the layers of each network'),
  weightInit: z.enum(initialWeights).default('lecun-uniform').describe('initial weights'),
  learningRate: z.number().positive().default(1e-3).describe('of Adam, for all networks'),
  gamma: z.number().min(0).max(1).default(0.99).describe('discount of a step'),
  softUpdate: z.number().positive().max(1).default(5e-3).describe('τ by which the target networks follow'),
  capacity: z.int().min(2).default(1_000_000).describe('rows of replay: steps, and one more for each episode'),
  steps: count.default(1).describe('of a window of replay'),
  replayStart: count.default(10_000).describe('steps of uniform actions before the first update'),
  batchSize: count.default(100).describe('windows of an update'),
  updateInterval: count.default(1).describe('steps between updates'),
  updatesPerInterval: count.default(1).describe('updates each time'),
};

const noise = {
  explorer: z.enum(['gaussian', 'ou', 'greedy']).default('gaussian').describe('noise on the actions'),
  noise: z.number().nonnegative().default(0.1).describe('its standard deviation, where actions lie in [−1, 1]'),
};

const ddpgConfig = z.strictObject({ ...fields, ...noise });
const td3Config = z.strictObject({
  ...fields,
  ...noise,
  targetNoise: z.number().nonnegative().default(0.2).describe('standard deviation of the noise on targets’ actions'),
  targetNoiseClip: z.number().nonnegative().default(0.5).describe('what that noise is clipped to'),
  policyInterval: count.default(2).describe('updates of the critics between those of the policy'),
});
const sacConfig = z.strictObject({
  ...fields,
  hidden: z.array(count).default([256, 256]).describe(fields.hidden.description!),
  weightInit: z.enum(initialWeights).default('glorot-uniform').describe(fields.weightInit.description!),
  learningRate: z.number().positive().default(3e-4).describe('of Adam, for all networks and the temperature'),
  batchSize: count.default(256).describe(fields.batchSize.description!),
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

function shared(place: AgentPlace, s: Shared, explorer: Explorer): ContinuousAgentOptions {
  const { observationSpace, actionSpace, numEnvironments: environments, seed } = place;
  const rng = new RandomStream(deriveSeed(seed, 'replay'));
  const replay = new ReplayBuffer({
    capacity: s.capacity,
    observationSpace,
    actionSpace,
    environments,
    steps: s.steps,
    rng,
  });
  return {
    observationSpace,
    actionSpace,
    environments,
    seed,
    replay,
    explorer,
    gamma: s.gamma,
    softUpdate: s.softUpdate,
    replayStart: s.replayStart,
    batchSize: s.batchSize,
    updateInterval: s.updateInterval,
    updatesPerInterval: s.updatesPerInterval,
    targetUpdateInterval: 1,
  };
}

function explorerOf({ seed }: AgentPlace, s: z.output<typeof ddpgConfig>, { unit }: Sizes): Explorer {
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

export const ddpg: AgentKind<typeof ddpgConfig> = {
  summary: 'deep deterministic policy gradients',
  config: ddpgConfig,
  draws: false,
  make(place, s) {
    const sizes = sizesOf('ddpg', place);
    return new DDPG({
      ...shared(place, s, explorerOf(place, s, sizes)),
      policy: deterministic(s, sizes),
      critic: (rng) => new Critic(sizes.observation + sizes.action, s.hidden, { rng, weightInit: s.weightInit }),
      optimizer: adam(s),
    });
  },
};

export const td3: AgentKind<typeof td3Config> = {
  summary: 'DDPG with two critics, smoothed targets and a delayed policy',
  config: td3Config,
  draws: false,
  make(place, s) {
    const sizes = sizesOf('td3', place);
    const { targetNoise, targetNoiseClip, policyInterval } = s;
    return new TD3({
      ...shared(place, s, explorerOf(place, s, sizes)),
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
      ...shared(place, s, new Greedy()),
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
