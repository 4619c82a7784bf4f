// The settings of the agents that learn distributions over atoms: C51, its double form, and Rainbow, which is a composition.
import { z } from 'zod';
import type { DistributionalValues } from '../action-values/index.ts';
import { DistributionalDuelingHead, DistributionalHead } from '../networks/index.ts';
import { CategoricalDoubleDQN, CategoricalDQN } from './categorical-dqn.ts';
import type { AgentKind, AgentPlace } from './kind-config.ts';
import type { QAgentOptions } from './q-agent.ts';
import { qConditions, qFields } from './q-config.ts';
import { discreteActions, qOptions } from './q-parts.ts';

const fields = {
  ...qFields,
  atoms: z.int().min(2).default(51).describe('of the distribution of the return'),
  atomMin: z.number().default(-10).describe('the lowest return'),
  atomMax: z.number().default(10).describe('the highest'),
  dueling: z.boolean().default(false).describe('logits V + A − mean A, from a hidden layer of their own'),
  duelingHidden: z.int().positive().multipleOf(2).default(1024).describe('dueling: its size, for V and A together'),
};
const categoricalConfig = z.strictObject(fields);

/** Hessel et al. 2018, arXiv 1710.02298, as ChainerRL has it; its steps are frames of Atari. */
const rainbowConfig = z.strictObject({
  ...fields,
  dueling: z.boolean().default(true).describe(fields.dueling.description!),
  noisy: fields.noisy.unwrap().default(0.5).describe(fields.noisy.description!),
  explorer: fields.explorer.unwrap().default('greedy').describe('the noise of the layers explores'),
  prioritized: z.boolean().default(true).describe(fields.prioritized.description!),
  alpha: z.number().min(0).max(1).default(0.5).describe(fields.alpha.description!),
  normalize: fields.normalize.unwrap().default('memory').describe(fields.normalize.description!),
  steps: z.int().positive().default(3).describe(fields.steps.description!),
  learningRate: z.number().positive().default(6.25e-5).describe(fields.learningRate.description!),
  optimizerEps: z.number().nonnegative().default(1.5e-4).describe(fields.optimizerEps.description!),
  replayStart: z.int().positive().default(20_000).describe(fields.replayStart.description!),
  updateInterval: z.int().positive().default(4).describe(fields.updateInterval.description!),
  targetUpdateInterval: z.int().positive().default(32_000).describe(fields.targetUpdateInterval.description!),
});

type Settings = z.output<typeof categoricalConfig>;

function options(agent: string, place: AgentPlace, s: Settings): QAgentOptions<DistributionalValues> {
  const actions = discreteActions(agent, place);
  const atoms = { count: s.atoms, min: s.atomMin, max: s.atomMax };
  return qOptions<DistributionalValues>(place, s, (features, rng) =>
    s.dueling
      ? new DistributionalDuelingHead(features, actions, atoms, rng, s.duelingHidden)
      : new DistributionalHead(features, actions, atoms, rng),
  );
}

export const categoricalDqn: AgentKind<typeof categoricalConfig> = {
  summary: 'C51: a distribution over atoms of the return',
  config: categoricalConfig,
  conditions: qConditions,
  draws: false,
  make: (place, s) => new CategoricalDQN(options('categorical-dqn', place, s)),
};

export const categoricalDoubleDqn: AgentKind<typeof categoricalConfig> = {
  summary: "C51 with Double DQN's choice of action",
  config: categoricalConfig,
  conditions: qConditions,
  draws: false,
  make: (place, s) => new CategoricalDoubleDQN(options('categorical-double-dqn', place, s)),
};

export const rainbow: AgentKind<typeof rainbowConfig> = {
  summary: 'C51, double, dueling, noisy, with prioritized replay of 3 steps',
  config: rainbowConfig,
  conditions: qConditions,
  draws: false,
  make: (place, s) => new CategoricalDoubleDQN(options('rainbow', place, s)),
};
