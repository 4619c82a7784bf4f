// The settings of DQN and of those variants that change its target alone.
import { z } from 'zod';
import type { ActionValues } from '../action-values/index.ts';
import { DiscreteHead, DuelingHead } from '../networks/index.ts';
import { type AdvantageLearningOptions, AL, DoublePAL, PAL } from './advantage-learning.ts';
import { DoubleDQN } from './double-dqn.ts';
import { DPP, DPPGreedy, DPPL } from './dpp.ts';
import { DQN, type DQNOptions } from './dqn.ts';
import type { AgentKind, AgentPlace } from './kind-config.ts';
import { countedActions, qFields, qOptions } from './q-config.ts';
import { ResidualDQN } from './residual-dqn.ts';
import { SARSA } from './sarsa.ts';

const dqnFields = {
  ...qFields,
  clipDelta: z.boolean().default(true).describe("Huber's loss instead of half the square"),
  dueling: z.boolean().default(false).describe('Q = V + A − mean A, each with a hidden layer of its own'),
  duelingHidden: z.int().positive().default(512).describe('dueling: its size'),
};
const dqnConfig = z.strictObject(dqnFields);
const advantageConfig = z.strictObject({
  ...dqnFields,
  advantageWeight: z.number().min(0).max(1).default(0.9).describe('how much an advantage counts (α)'),
});
const dppConfig = z.strictObject({
  ...dqnFields,
  eta: z.number().positive().default(1).describe('inverse temperature (η)'),
});
const residualConfig = z.strictObject({
  ...dqnFields,
  gradScale: z.number().min(0).default(1).describe('factor of the gradient through the target'),
});

type DQNSettings = z.output<typeof dqnConfig>;

function dqnOptions(agent: string, place: AgentPlace, s: DQNSettings): DQNOptions {
  const actions = countedActions(agent, place);
  const options = qOptions<ActionValues>(place, s, (features, rng) =>
    s.dueling ? new DuelingHead(features, actions, rng, s.duelingHidden) : new DiscreteHead(features, actions, rng),
  );
  return { ...options, clipDelta: s.clipDelta };
}

const plain = (
  summary: string,
  agent: string,
  make: new (options: DQNOptions) => DQN,
): AgentKind<typeof dqnConfig> => ({
  summary,
  config: dqnConfig,
  draws: false,
  make: (place, s) => new make(dqnOptions(agent, place, s)),
});

const withAdvantage = (
  summary: string,
  agent: string,
  make: new (options: AdvantageLearningOptions) => DQN,
): AgentKind<typeof advantageConfig> => ({
  summary,
  config: advantageConfig,
  draws: false,
  make: (place, s) => new make({ ...dqnOptions(agent, place, s), alpha: s.advantageWeight }),
});

const softened = (summary: string, agent: string, make: typeof DPP | typeof DPPL): AgentKind<typeof dppConfig> => ({
  summary,
  config: dppConfig,
  draws: false,
  make: (place, s) => new make({ ...dqnOptions(agent, place, s), eta: s.eta }),
});

export const dqn = plain('deep Q-network', 'dqn', DQN);
export const doubleDqn = plain('Double DQN: one network chooses, the other judges', 'double-dqn', DoubleDQN);
export const sarsa = plain('SARSA from replay', 'sarsa', SARSA);
export const dppGreedy = plain('dynamic policy programming with the maximum', 'dpp-greedy', DPPGreedy);
export const al = withAdvantage('advantage learning', 'al', AL);
export const pal = withAdvantage('persistent advantage learning', 'pal', PAL);
export const doublePal = withAdvantage(
  "persistent advantage learning with Double DQN's target",
  'double-pal',
  DoublePAL,
);
export const dpp = softened('dynamic policy programming with a Boltzmann mean', 'dpp', DPP);
export const dppl = softened('dynamic policy programming with log-sum-exp', 'dppl', DPPL);
export const residualDqn: AgentKind<typeof residualConfig> = {
  summary: 'DQN with residual gradients and no target network',
  config: residualConfig,
  draws: false,
  make: (place, s) => new ResidualDQN({ ...dqnOptions('residual-dqn', place, s), gradScale: s.gradScale }),
};
