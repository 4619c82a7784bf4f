// The settings that agents of DQN's family share, and the parts that follow from them. Defaults are ChainerRL's where it has
// one.
import { z } from 'zod';
import { ConfigError, deriveSeed, RandomStream } from '../../base/index.ts';
import type { Module } from '../../nn/index.ts';
import { Adam, decayGroups, type Optimizer, RMSprop } from '../../optim/index.ts';
import type { Rng } from '../../torch/index.ts';
import type { Rows } from '../action-values/index.ts';
import {
  AdditiveGaussian,
  AdditiveOU,
  Boltzmann,
  type Explorer,
  Greedy,
  LinearDecayEpsilonGreedy,
} from '../explorers/index.ts';
import {
  activationNames,
  bodyKind,
  cellNames,
  type Head,
  initialWeights,
  makeBody,
  makeCore,
  networkNames,
  QNetwork,
  RecurrentQNetwork,
  toFactorizedNoisy,
} from '../networks/index.ts';
import { EpisodicReplayBuffer, PrioritizedReplayBuffer, ReplayBuffer } from '../replay/index.ts';
import type { Box, Discrete } from '../spaces/index.ts';
import { severalActions } from './action-scale.ts';
import type { Condition } from './idle-settings.ts';
import { type AgentPlace, replaySizes, type Spaces } from './kind-config.ts';
import type { QAgentOptions, QModule } from './q-agent.ts';

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

type PartSettings = z.output<z.ZodObject<typeof partFields>>;
export type QSettings = z.output<z.ZodObject<typeof qFields>>;

/** Makes the head on so many features. */
export type MakeHead<V> = (features: number, rng: Rng) => Head<V>;

function makeNetwork<V extends Rows<V>>(
  place: AgentPlace,
  s: PartSettings,
  makeHead: MakeHead<V>,
  rng: Rng,
): QModule<V> {
  const body = makeBody(
    place.observationSpace,
    { kind: s.network, hidden: s.hidden, activation: s.activation, weightInit: s.weightInit },
    rng,
  );
  const core = s.memory === 'none' ? undefined : makeCore(s.memory, body.features, s.memorySize, rng);
  const head = makeHead(core?.features ?? body.features, rng);
  const network = core ? new RecurrentQNetwork<V>(body, core, head) : new QNetwork<V>(body, head);
  return s.noisy === null ? network : toFactorizedNoisy(network, { rng, sigma: s.noisy });
}

function makeOptimizer(network: Module, { optimizer, learningRate: lr, optimizerEps: eps }: PartSettings): Optimizer {
  const groups = decayGroups(network);
  switch (optimizer) {
    case 'adam':
      return new Adam(groups, { lr, eps, epsOn: 'uncorrected' });
    case 'rmsprop':
      return new RMSprop(groups, { lr, eps, epsPlacement: 'inside' });
    case 'rmsprop-graves':
      return new RMSprop(groups, { lr, eps, epsPlacement: 'inside', alpha: 0.95, centered: true });
  }
}

function makeExplorer({ actionSpace }: AgentPlace, s: PartSettings, rng: RandomStream): Explorer {
  const isCounted = actionSpace.kind === 'Discrete';
  const wanted = { boltzmann: true, gaussian: false, ou: false }[s.explorer as string];
  if (wanted !== undefined && wanted !== isCounted)
    throw new ConfigError('bad-setting', `explorer "${s.explorer}" does not explore ${actionSpace}`, {
      remedy: isCounted
        ? 'Choose epsilon-greedy, boltzmann or greedy.'
        : 'Choose gaussian, ou, epsilon-greedy or greedy.',
      fields: { explorer: s.explorer },
    });
  // A share of the box: of each dimension's own width.
  const noise = isCounted
    ? []
    : Array.from((actionSpace as Box).low, (low, k) => s.noise * ((actionSpace as Box).high[k]! - low));
  switch (s.explorer) {
    case 'epsilon-greedy':
      return new LinearDecayEpsilonGreedy(
        { start: s.epsilonStart, end: s.epsilonEnd, steps: s.epsilonSteps },
        actionSpace,
        rng,
      );
    case 'boltzmann':
      return new Boltzmann(s.temperature, actionSpace as Discrete, rng);
    case 'greedy':
      return new Greedy();
    case 'gaussian':
      return new AdditiveGaussian(noise, actionSpace as Box, rng);
    case 'ou':
      return new AdditiveOU({ sigma: noise }, actionSpace as Box, rng);
  }
}

function makeReplay(
  place: AgentPlace,
  s: QSettings,
  extras: Record<string, number>,
): ReplayBuffer | EpisodicReplayBuffer {
  const { observationSpace, actionSpace, numEnvironments: environments, seed } = place;
  const { stack, steps } = s;
  const { capacity } = replaySizes(place, s);
  const rng = new RandomStream(deriveSeed(seed, 'replay'));
  const rows = { capacity, observationSpace, actionSpace, environments, stack, extras, rng };
  if (s.memory !== 'none') {
    if (s.prioritized || steps > 1)
      throw new ConfigError(
        'bad-setting',
        'a network with a memory learns from episodes, uniformly drawn, step by step',
        {
          remedy: 'Set prioritized=false and steps=1, or memory=none.',
        },
      );
    return new EpisodicReplayBuffer(rows);
  }
  if (!s.prioritized) return new ReplayBuffer({ ...rows, steps });
  const { alpha, beta, betaSteps, normalize } = s;
  return new PrioritizedReplayBuffer({
    ...rows,
    steps,
    alpha,
    beta,
    betaSteps,
    normalize: normalize === 'none' ? false : normalize,
  });
}

/** The network, its optimizer and exploration. */
export const networkParts = <V extends Rows<V>>(place: AgentPlace, s: PartSettings, makeHead: MakeHead<V>) => ({
  network: (rng: Rng) => makeNetwork(place, s, makeHead, rng),
  optimizer: (network: Module) => makeOptimizer(network, s),
  explorer: makeExplorer(place, s, new RandomStream(deriveSeed(place.seed, 'explorer'))),
});

/** What the constructor of every agent that learns from replay takes. */
export function qOptions<V extends Rows<V>>(place: AgentPlace, s: QSettings, makeHead: MakeHead<V>): QAgentOptions<V> {
  const { observationSpace, actionSpace, numEnvironments, seed, device } = place;
  const { replayStart, batchSize } = replaySizes(place, s);
  const stateSize = { none: 0, lstm: 2 * s.memorySize, gru: s.memorySize, 'rnn-tanh': s.memorySize }[s.memory];
  return {
    observationSpace,
    actionSpace,
    environments: numEnvironments,
    seed,
    device,
    ...networkParts(place, s, makeHead),
    replay: makeReplay(place, s, stateSize === 0 ? {} : { state: stateSize }),
    gamma: s.gamma,
    replayStart,
    batchSize,
    updateInterval: s.updateInterval,
    updatesPerInterval: s.updatesPerInterval,
    targetUpdateInterval: s.targetUpdateInterval,
    accumulator: s.accumulator,
    softUpdate: s.softUpdate,
    maxGradNorm: s.maxGradNorm,
    episodicLength: s.episodicLength,
  };
}

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

/** @throws ConfigError unless actions are discrete */
export function discreteActions(agent: string, { actionSpace }: AgentPlace): number {
  if (actionSpace.kind === 'Discrete') return (actionSpace as Discrete).n;
  throw new ConfigError(
    'wrong-actions',
    `${agent} chooses among discrete actions, the environment takes ${actionSpace}`,
    {
      remedy: actionSpace.kind === 'Box' ? 'Choose naf, ddpg, td3 or sac for continuous actions.' : severalActions,
    },
  );
}
