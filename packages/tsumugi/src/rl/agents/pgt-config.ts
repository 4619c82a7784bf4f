// The settings of PGT; defaults are those of ChainerRL's class.
import { z } from 'zod';
import { deriveSeed, RandomStream } from '../../base/index.ts';
import { zerosInit } from '../../nn/index.ts';
import { Adam } from '../../optim/index.ts';
import { Greedy } from '../explorers/index.ts';
import { Critic, initializerOf, initialWeights, MLP, Policy, StateIndependentGaussianHead } from '../networks/index.ts';
import { ObservationInput } from '../observation-input.ts';
import { ReplayBuffer } from '../replay/index.ts';
import { boundedBox, unitBox } from './action-scale.ts';
import type { AgentKind } from './kind-config.ts';
import { PGT } from './pgt.ts';

const count = z.int().positive();

const pgtConfig = z.strictObject({
  hidden: z.array(count).default([64, 64]).describe('sizes of the layers of each network'),
  weightInit: z.enum(initialWeights).default('lecun-normal').describe('initial weights'),
  logStd: z.number().default(-0.5).describe('initial log σ of the policy, where actions lie in [−1, 1]'),
  learningRate: z.number().positive().default(1e-3).describe('of Adam, for both networks'),
  gamma: z.number().min(0).max(1).default(0.99).describe('discount of a step'),
  entropyCoefficient: z.number().min(0).default(0.01).describe('weight of the entropy (β)'),
  softUpdate: z.number().positive().max(1).default(1e-2).describe('τ by which the target networks follow'),
  capacity: z.int().min(2).default(1_000_000).describe('rows of replay: steps, and one more for each episode'),
  steps: count.default(1).describe('of a window of replay'),
  replayStart: count.default(50_000).describe('steps of uniform actions before the first update'),
  batchSize: count.default(32).describe('windows of an update'),
  updateInterval: count.default(1).describe('steps between updates'),
  updatesPerInterval: count.default(1).describe('updates each time'),
});

export const pgt: AgentKind<typeof pgtConfig> = {
  summary: 'stochastic policy gradients with a target network, from replay',
  config: pgtConfig,
  make(place, s) {
    const { observationSpace, actionSpace, numEnvironments: environments, seed } = place;
    const unit = unitBox(boundedBox('pgt', actionSpace));
    const inputs = new ObservationInput(observationSpace).shape.reduce((product, length) => product * length, 1);
    const size = unit.low.length;
    const { capacity, steps, weightInit } = s;
    return new PGT({
      observationSpace,
      actionSpace,
      environments,
      seed,
      replay: new ReplayBuffer({
        capacity,
        observationSpace,
        actionSpace,
        environments,
        steps,
        rng: new RandomStream(deriveSeed(seed, 'replay')),
      }),
      explorer: new Greedy(),
      gamma: s.gamma,
      softUpdate: s.softUpdate,
      replayStart: s.replayStart,
      batchSize: s.batchSize,
      updateInterval: s.updateInterval,
      updatesPerInterval: s.updatesPerInterval,
      targetUpdateInterval: 1,
      policy(rng) {
        const body = new MLP(inputs, s.hidden, { rng, weightInit });
        const init = { rng, weightInit: initializerOf(weightInit), biasInit: zerosInit(), boundMean: unit };
        return new Policy(
          body,
          new StateIndependentGaussianHead(body.features, size, { ...init, parameter: 'log-std', init: s.logStd }),
        );
      },
      critic: (rng) => new Critic(inputs + size, s.hidden, { rng, weightInit }),
      optimizer: (network) => new Adam(network, { lr: s.learningRate, epsOn: 'uncorrected' }),
      entropyCoefficient: s.entropyCoefficient,
    });
  },
};
