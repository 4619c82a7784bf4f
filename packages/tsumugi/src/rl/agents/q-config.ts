// The settings that agents of DQN's family share; what is made of them stands in q-parts.ts. Defaults are ChainerRL's where it has
// one.
import { z } from 'zod';
import { activationNames, bodyKind, cellNames, initialWeights, networkNames } from '../networks/index.ts';
import type { Condition } from './idle-settings.ts';
import type { Spaces } from './kind-config.ts';

const count = z.int().positive();
const share = z.number().min(0).max(1);
const nullable = (schema: z.ZodType<number>) => schema.nullable().default(null);

/** Of a network, its optimizer and exploration. */
export const partFields = {
  network: z.enum(networkNames).default('auto').describe('body; auto: by the observations'),
  hidden: z.array(count).default([100, 100]).describe('sizes of fully connected layers'),
  activation: z.enum(activationNames).default('relu').describe('after each of them'),
  weightInit: z.enum(initialWeights).default('lecun-normal').describe('initial weights of them'),
  noisy: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('σ₀ of factorized noise in all linear layers; null: none'),
  memory: z
    .enum(['none', ...cellNames])
    .default('none')
    .describe('recurrent layer after the body; replay is then of episodes'),
  memorySize: count.default(128).describe('its size'),

  optimizer: z.enum(['adam', 'rmsprop', 'rmsprop-graves']).default('adam').describe('Adam adds eps as Chainer does'),
  learningRate: z.number().positive().default(1e-3).describe('of the optimizer'),
  optimizerEps: z.number().nonnegative().default(1e-8).describe('of the optimizer'),
  maxGradNorm: nullable(z.number().positive()).describe('gradients are scaled down to this norm; null: not'),

  gamma: share.default(0.99).describe('discount of a step'),

  explorer: z
    .enum(['epsilon-greedy', 'boltzmann', 'greedy', 'gaussian', 'ou'])
    .default('epsilon-greedy')
    .describe('gaussian and ou: noise on continuous actions'),
  epsilonStart: share.default(1).describe('epsilon-greedy: probability of a random action at first'),
  epsilonEnd: share.default(0.1).describe('epsilon-greedy: at last'),
  epsilonSteps: count.default(1_000_000).describe('epsilon-greedy: steps from the one to the other'),
  temperature: z.number().positive().default(1).describe('boltzmann: of the softmax'),
  noise: z.number().nonnegative().default(0.2).describe('gaussian and ou: standard deviation, as a share of the box'),
};

/** Of every agent that learns from replay. */
export const qFields = {
  ...partFields,
  episodicLength: nullable(count).describe(
    'with a memory: steps of the stretches that are learned from; null: whole episodes',
  ),
  capacity: z.int().min(2).default(1_000_000).describe('rows of replay: steps, and one more for each episode'),
  steps: count.default(1).describe('of a window of replay'),
  stack: count.default(1).describe('observations are stacks of so many frames, of which replay keeps one each'),
  prioritized: z.boolean().default(false).describe('draw samples by how far off they were'),
  alpha: share.default(0.6).describe('prioritized: exponent of priorities'),
  beta: share.default(0.4).describe('prioritized: exponent of weights at first; it grows to 1'),
  betaSteps: count.default(200_000).describe('prioritized: updates until it is 1'),
  normalize: z
    .enum(['batch', 'memory', 'none'])
    .default('batch')
    .describe('prioritized: what weights are at most 1 in'),
  replayStart: count.default(50_000).describe('steps in replay before the first update'),
  batchSize: count.default(32).describe('windows of an update, or episodes with a memory'),
  updateInterval: count.default(1).describe('steps between updates'),
  updatesPerInterval: count.default(1).describe('updates each time'),
  targetUpdateInterval: count.default(10_000).describe('steps between updates of the target network'),
  softUpdate: nullable(z.number().positive().max(1)).describe(
    'τ by which the target network follows; null: it is copied',
  ),
  accumulator: z.enum(['mean', 'sum']).default('mean').describe('of the losses of a batch'),
};

export type PartSettings = z.output<z.ZodObject<typeof partFields>>;
export type QSettings = z.output<z.ZodObject<typeof qFields>>;

/** Where settings of networks and exploration count that do not always. */
export function partConditions(
  { observationSpace }: Spaces,
  s: Omit<PartSettings, 'epsilonEnd'> & { epsilonEnd: unknown },
): Condition[] {
  const isConnected = bodyKind(observationSpace, s.network) === 'mlp';
  const isLayered = isConnected && s.hidden.length > 0;
  return [
    { settings: ['hidden'], holds: isConnected, without: 'network=mlp' },
    { settings: ['activation', 'weightInit'], holds: isLayered, without: 'fully connected layers' },
    { settings: ['memorySize', 'episodicLength'], holds: s.memory !== 'none', without: 'a memory' },
    {
      settings: ['epsilonStart', 'epsilonEnd', 'epsilonSteps'],
      holds: s.explorer === 'epsilon-greedy',
      without: 'explorer=epsilon-greedy',
    },
    { settings: ['epsilonSteps'], holds: s.epsilonStart !== s.epsilonEnd, without: 'epsilonStart beside epsilonEnd' },
    { settings: ['temperature'], holds: s.explorer === 'boltzmann', without: 'explorer=boltzmann' },
    {
      settings: ['noise'],
      holds: s.explorer === 'gaussian' || s.explorer === 'ou',
      without: 'explorer=gaussian or ou',
    },
  ];
}

/** Also those of replay. */
export const qConditions = (spaces: Spaces, s: QSettings & { dueling?: boolean }): Condition[] => [
  ...partConditions(spaces, s),
  { settings: ['alpha', 'beta', 'betaSteps', 'normalize'], holds: s.prioritized, without: 'prioritized=true' },
  { settings: ['betaSteps'], holds: s.beta < 1, without: 'a beta below 1' },
  { settings: ['duelingHidden'], holds: s.dueling === true, without: 'dueling=true' },
];
