// The settings of n-step Q-learning: those of DQN's family that have to do with its network and exploration.
import { z } from 'zod';
import type { ActionValues } from '../action-values/index.ts';
import { DiscreteHead, QuadraticHead } from '../networks/index.ts';
import type { Box, Discrete } from '../spaces/index.ts';
import type { AgentKind } from './kind-config.ts';
import { NSQ } from './nsq.ts';
import { networkParts, partFields } from './q-config.ts';

const nsqConfig = z.strictObject({
  ...partFields,
  optimizer: partFields.optimizer.unwrap().default('rmsprop').describe(partFields.optimizer.description!),
  learningRate: z.number().positive().default(7e-4).describe(partFields.learningRate.description!),
  optimizerEps: z.number().nonnegative().default(0.1).describe(partFields.optimizerEps.description!),
  rolloutSteps: z.int().positive().default(5).describe('steps of an environment between updates (t_max)'),
  targetUpdateInterval: z.int().positive().default(40_000).describe('steps between copies to the target network'),
});

export const nsq: AgentKind<typeof nsqConfig> = {
  summary: 'n-step Q-learning without replay',
  config: nsqConfig,
  shares: true,
  draws: false,
  make: (place, s) => {
    const { observationSpace, actionSpace, numEnvironments, seed, device } = place;
    const parts = networkParts<ActionValues>(place, s, (features, rng) =>
      actionSpace.kind === 'Discrete'
        ? new DiscreteHead(features, (actionSpace as Discrete).n, rng)
        : new QuadraticHead(features, actionSpace as Box, rng),
    );
    return new NSQ({
      observationSpace,
      actionSpace,
      environments: numEnvironments,
      seed,
      device,
      ...parts,
      gamma: s.gamma,
      rolloutSteps: s.rolloutSteps,
      targetUpdateInterval: s.targetUpdateInterval,
      maxGradNorm: s.maxGradNorm,
    });
  },
};
