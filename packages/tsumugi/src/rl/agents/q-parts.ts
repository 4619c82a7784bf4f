// The parts of agents of DQN's family that follow from their settings: network, optimizer, exploration, replay.
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
import { type Head, makeBody, makeCore, QNetwork, RecurrentQNetwork, toFactorizedNoisy } from '../networks/index.ts';
import { EpisodicReplayBuffer, PrioritizedReplayBuffer, ReplayBuffer } from '../replay/index.ts';
import type { Box, Discrete } from '../spaces/index.ts';
import { severalActions } from './action-scale.ts';
import { type AgentPlace, replaySizes } from './kind-config.ts';
import type { QAgentOptions, QModule } from './q-agent.ts';
import type { PartSettings, QSettings } from './q-config.ts';

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
