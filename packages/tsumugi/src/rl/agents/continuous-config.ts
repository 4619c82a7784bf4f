// The settings that DDPG, TD3 and SAC share, and the parts that follow from them. Defaults are those of ChainerRL's scripts on MuJoCo
// (a million steps of one environment).
import { z } from 'zod';
import { deriveSeed, RandomStream } from '../../base/index.ts';
import { type Module, zerosInit } from '../../nn/index.ts';
import { Adam } from '../../optim/index.ts';
import type { Rng } from '../../torch/index.ts';
import { AdditiveGaussian, AdditiveOU, type Explorer, Greedy } from '../explorers/index.ts';
import {
  DeterministicHead,
  type HeadOptions,
  initializerOf,
  initialWeights,
  MLP,
  Policy,
  TwinCritics,
} from '../networks/index.ts';
import { ObservationInput } from '../observation-input.ts';
import type { Box } from '../spaces/index.ts';
import { boundedBox, unitBox } from './action-scale.ts';
import { continuousReplayFields } from './continuous-replay-config.ts';
import type { Condition } from './idle-settings.ts';
import type { AgentPlace } from './kind-config.ts';

export const continuousFields = {
  hidden: z.array(z.int().positive()).default([400, 300]).describe('sizes of the layers of each network'),
  weightInit: z.enum(initialWeights).default('lecun-uniform').describe('initial weights'),
  learningRate: z.number().positive().default(1e-3).describe('of Adam, for all networks'),
  ...continuousReplayFields,
};

/** Of policies that draw nothing themselves. */
export const noiseFields = {
  explorer: z.enum(['gaussian', 'ou', 'greedy']).default('gaussian').describe('noise on the actions'),
  noise: z.number().nonnegative().default(0.1).describe('its standard deviation, where actions lie in [−1, 1]'),
};

type Settings = z.output<z.ZodObject<typeof continuousFields>>;
type NoiseSettings = z.output<z.ZodObject<typeof noiseFields>>;

export interface Sizes {
  /** Numbers of an observation. */
  observation: number;
  /** Numbers of an action. */
  action: number;
  unit: Box;
}

/** @throws ConfigError where actions are no box with bounds */
export function sizesOf(agent: string, place: AgentPlace): Sizes {
  const { shape } = new ObservationInput(place.observationSpace);
  const box = boundedBox(agent, place.actionSpace);
  return {
    observation: shape.reduce((product, length) => product * length, 1),
    action: box.low.length,
    unit: unitBox(box),
  };
}

export const noiseCondition = ({ explorer }: NoiseSettings): Condition => ({
  settings: ['noise'],
  holds: explorer !== 'greedy',
  without: 'explorer=gaussian or ou',
});

export function explorerOf({ seed }: AgentPlace, s: NoiseSettings, { unit }: Sizes): Explorer {
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

export const layersOf = (inputs: number, { hidden, weightInit }: Settings, rng: Rng): MLP =>
  new MLP(inputs, hidden, { rng, weightInit });

export const headOptionsOf = ({ weightInit }: Settings, rng: Rng): HeadOptions => ({
  rng,
  weightInit: initializerOf(weightInit),
  biasInit: zerosInit(),
});

export const adamOf =
  ({ learningRate: lr }: Settings) =>
  (network: Module): Adam =>
    new Adam(network, { lr, epsOn: 'uncorrected' });

/** μ(s), brought into [−1, 1] by tanh. */
export const deterministicPolicy =
  (s: Settings, { observation, action, unit }: Sizes) =>
  (rng: Rng): Policy<DeterministicHead> => {
    const body = layersOf(observation, s, rng);
    return new Policy(body, new DeterministicHead(body.features, action, { ...headOptionsOf(s, rng), bound: unit }));
  };

export const twinCritics =
  ({ hidden, weightInit }: Settings, { observation, action }: Sizes) =>
  (rng: Rng): TwinCritics =>
    new TwinCritics(observation + action, hidden, { rng, weightInit });
