// The settings of PGT. Defaults are those of ChainerRL's class; ours are layers, weights, σ, and targets that follow at each step by the
// class's τ, where it copies them every 10,000 steps unless it is told to.
import { z } from 'zod';
import { zerosInit } from '../../nn/index.ts';
import { Adam } from '../../optim/index.ts';
import { Greedy } from '../explorers/index.ts';
import { Critic, initializerOf, initialWeights, MLP, Policy, StateIndependentGaussianHead } from '../networks/index.ts';
import { ObservationInput } from '../observation-input.ts';
import { boundedBox, unitBox } from './action-scale.ts';
import { continuousReplayFields, windowOptions } from './continuous-replay-config.ts';
import { withDefault } from './field-config.ts';
import type { AgentKind } from './kind-config.ts';
import { PGT } from './pgt.ts';

const pgtConfig = z.strictObject({
  hidden: z.array(z.int().positive()).default([64, 64]).describe('sizes of the layers of each network'),
  weightInit: z.enum(initialWeights).default('lecun-normal').describe('initial weights'),
  logStd: z.number().default(-0.5).describe('initial log σ of the policy, where actions lie in [−1, 1]'),
  learningRate: z.number().positive().default(1e-3).describe('of Adam, for both networks'),
  entropyCoefficient: z.number().min(0).default(0.01).describe('weight of the entropy (β)'),
  ...continuousReplayFields,
  softUpdate: withDefault(continuousReplayFields.softUpdate, 1e-2),
  replayStart: withDefault(continuousReplayFields.replayStart, 50_000),
  batchSize: withDefault(continuousReplayFields.batchSize, 32),
});

export const pgt: AgentKind<typeof pgtConfig> = {
  summary: 'stochastic policy gradients with a target network, from replay',
  config: pgtConfig,
  make(place, s) {
    const unit = unitBox(boundedBox('pgt', place.actionSpace));
    const inputs = new ObservationInput(place.observationSpace).shape.reduce((product, length) => product * length, 1);
    const size = unit.low.length;
    const { weightInit } = s;
    return new PGT({
      ...windowOptions(place, s, new Greedy()),
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
