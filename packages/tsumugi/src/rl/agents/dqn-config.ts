// The settings of DQN and of those variants that change its target alone.
import { z } from 'zod';
import type { ActionValues } from '../action-values/index.ts';
import { DiscreteHead, DuelingHead } from '../networks/index.ts';
import { type AdvantageLearningOptions, AL, DoublePAL, PAL } from './advantage-learning.ts';
import { DoubleDQN } from './double-dqn.ts';
import { DPP, DPPGreedy, DPPL } from './dpp.ts';
import { DQN, type DQNOptions } from './dqn.ts';
import type { AgentKind, AgentPlace } from './kind-config.ts';
import { qConditions, qFields } from './q-config.ts';
import { discreteActions, qOptions } from './q-parts.ts';
import { ResidualDQN } from './residual-dqn.ts';
import { SARSA } from './sarsa.ts';
import type { AgentVariant } from './variant-config.ts';

const dqnFields = {
  ...qFields,
  clipDelta: z.boolean().default(true).describe("Huber's loss instead of half the square"),
  dueling: z.boolean().default(false).describe('Q = V + A − mean A, each with a hidden layer of its own'),
  duelingHidden: z.int().positive().default(512).describe('dueling: its size'),
};
type DQNSettings = z.output<z.ZodObject<typeof dqnFields>>;

type DQNVariant<S extends z.ZodRawShape> = AgentVariant<DQNOptions, DQN, S>;

/** The kind of agent that a variant of DQN is: what `registerAgent` takes. */
export function dqnKind<S extends z.ZodRawShape = Record<never, never>>(
  agent: string,
  { summary, settings, conditions = [], make }: DQNVariant<S>,
): AgentKind {
  return {
    summary,
    config: z.strictObject({ ...dqnFields, ...settings }),
    conditions: (spaces, all) => [...qConditions(spaces, all as DQNSettings), ...conditions],
    draws: false,
    make: (place, all) => make(dqnOptions(agent, place, all as DQNSettings), all as z.output<z.ZodObject<S>>),
  };
}

function dqnOptions(agent: string, place: AgentPlace, s: DQNSettings): DQNOptions {
  const actions = discreteActions(agent, place);
  const options = qOptions<ActionValues>(place, s, (features, rng) =>
    s.dueling ? new DuelingHead(features, actions, rng, s.duelingHidden) : new DiscreteHead(features, actions, rng),
  );
  return { ...options, clipDelta: s.clipDelta };
}

const plain = (agent: string, summary: string, Made: new (options: DQNOptions) => DQN) =>
  dqnKind(agent, { summary, make: (options) => new Made(options) });

const withAdvantage = (agent: string, summary: string, Made: new (options: AdvantageLearningOptions) => DQN) =>
  dqnKind(agent, {
    summary,
    settings: {
      advantageWeight: z.number().min(0).max(1).default(0.9).describe('how much an advantage counts (α)'),
    },
    make: (options, { advantageWeight: alpha }) => new Made({ ...options, alpha }),
  });

const softened = (agent: string, summary: string, Made: typeof DPP | typeof DPPL) =>
  dqnKind(agent, {
    summary,
    settings: { eta: z.number().positive().default(1).describe('inverse temperature (η)') },
    make: (options, { eta }) => new Made({ ...options, eta }),
  });

export const dqn = plain('dqn', 'deep Q-network', DQN);
export const doubleDqn = plain('double-dqn', 'Double DQN: one network chooses, the other judges', DoubleDQN);
export const sarsa = plain('sarsa', 'SARSA from replay', SARSA);
export const dppGreedy = plain('dpp-greedy', 'dynamic policy programming with the maximum', DPPGreedy);
export const al = withAdvantage('al', 'advantage learning', AL);
export const pal = withAdvantage('pal', 'persistent advantage learning', PAL);
export const doublePal = withAdvantage(
  'double-pal',
  "persistent advantage learning with Double DQN's target",
  DoublePAL,
);
export const dpp = softened('dpp', 'dynamic policy programming with a Boltzmann mean', DPP);
export const dppl = softened('dppl', 'dynamic policy programming with log-sum-exp', DPPL);
export const residualDqn = dqnKind('residual-dqn', {
  summary: 'DQN with residual gradients and no target network',
  conditions: [
    {
      settings: ['targetUpdateInterval', 'softUpdate'],
      holds: false,
      without: 'a target network',
      remedy: 'Leave it out, or choose another agent of the family.',
    },
  ],
  settings: { gradScale: z.number().min(0).default(1).describe('factor of the gradient through the target') },
  make: (options, { gradScale }) => new ResidualDQN({ ...options, gradScale }),
});
