// The settings of n-step Q-learning: those of DQN's family that have to do with its network and exploration. Defaults are those of
// ChainerRL's script for Atari (train_nsq_ale), but for the network, and for the last ε, which it draws.
import { z } from 'zod';
import { deriveSeed, RandomStream } from '../../base/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import { DiscreteHead, QuadraticHead } from '../networks/index.ts';
import type { Box, Discrete } from '../spaces/index.ts';
import { boundedBox } from './action-scale.ts';
import { withDefault } from './field-config.ts';
import type { AgentKind } from './kind-config.ts';
import { NSQ } from './nsq.ts';
import { partConditions, partFields } from './q-config.ts';
import { networkParts } from './q-parts.ts';

const nsqConfig = z.strictObject({
  ...partFields,
  optimizer: withDefault(partFields.optimizer, 'rmsprop'),
  learningRate: withDefault(partFields.learningRate, 7e-4),
  optimizerEps: withDefault(partFields.optimizerEps, 0.1),
  epsilonSteps: withDefault(partFields.epsilonSteps, 4_000_000),
  epsilonEnd: z
    .union([partFields.epsilonEnd.unwrap(), z.literal('drawn')])
    .default(0.1)
    .describe("epsilon-greedy: at last; drawn: by the agent's or thread's seed, as in the paper"),
  rolloutSteps: z.int().positive().default(5).describe('steps of an environment between updates (t_max)'),
  targetUpdateInterval: z.int().positive().default(40_000).describe('steps between copies to the target network'),
  decayLearningRate: z.boolean().default(false).describe('in a line to 0 at the last step'),
});

/** Mnih et al. 2016: 0.1, 0.01 and 0.5 with probabilities 0.4, 0.3 and 0.3, so that workers explore differently. */
function drawnEpsilon(seed: number): number {
  const share = new RandomStream(deriveSeed(seed, 'epsilon')).next();
  return share < 0.4 ? 0.1 : share < 0.7 ? 0.01 : 0.5;
}

export const nsq: AgentKind<typeof nsqConfig> = {
  summary: 'n-step Q-learning without replay',
  config: nsqConfig,
  conditions: partConditions,
  shares: true,
  draws: false,
  make: (place, s) => {
    const { observationSpace, actionSpace, numEnvironments, seed, device } = place;
    if (actionSpace.kind !== 'Discrete') boundedBox('nsq', actionSpace);
    const epsilonEnd = s.epsilonEnd === 'drawn' ? drawnEpsilon(seed) : s.epsilonEnd;
    const parts = networkParts<ActionValues>(place, { ...s, epsilonEnd }, (features, rng) =>
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
      learningRateDecay: s.decayLearningRate ? place.steps : null,
    });
  },
};
