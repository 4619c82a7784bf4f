// The settings of implicit quantile networks.
import { z } from 'zod';
import { type QuantileFunction, QuantileHead } from '../networks/index.ts';
import { DoubleIQN, IQN, type IQNOptions } from './iqn.ts';
import type { AgentKind, AgentPlace } from './kind-config.ts';
import { qConditions, qFields } from './q-config.ts';
import { discreteActions, qOptions } from './q-parts.ts';

const count = z.int().positive();

const iqnConfig = z.strictObject({
  ...qFields,
  quantiles: count.default(64).describe('of the prediction (N)'),
  targetQuantiles: count.default(64).describe("of the target (N')"),
  actingQuantiles: count.default(32).describe('whose mean an action is chosen by (K)'),
  cosines: count.default(64).describe('that a quantile is told to the network by'),
  quantileHidden: z.int().nonnegative().default(0).describe('hidden layer after a quantile came in, 0 = none'),
});

type Settings = z.output<typeof iqnConfig>;

function options(agent: string, place: AgentPlace, s: Settings): IQNOptions {
  const actions = discreteActions(agent, place);
  const { quantiles, targetQuantiles, actingQuantiles, cosines, quantileHidden: hidden } = s;
  const shared = qOptions<QuantileFunction>(
    place,
    s,
    (features, rng) => new QuantileHead(features, actions, rng, { cosines, hidden }),
  );
  return { ...shared, quantiles, targetQuantiles, actingQuantiles };
}

export const iqn: AgentKind<typeof iqnConfig> = {
  summary: 'implicit quantile network',
  config: iqnConfig,
  conditions: qConditions,
  draws: false,
  make: (place, s) => new IQN(options('iqn', place, s)),
};

export const doubleIqn: AgentKind<typeof iqnConfig> = {
  summary: "implicit quantile network with Double DQN's choice of action",
  config: iqnConfig,
  conditions: qConditions,
  draws: false,
  make: (place, s) => new DoubleIQN(options('double-iqn', place, s)),
};
