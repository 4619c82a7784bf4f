// NAF (Gu et al. 2016, arXiv 1603.00748) is DQN with values that are quadratic in a continuous action.
import { z } from 'zod';
import { ConfigError } from '../../base/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import { QuadraticHead } from '../networks/index.ts';
import { boundedBox, severalActions } from './action-scale.ts';
import { DQN } from './dqn.ts';
import type { AgentKind } from './kind-config.ts';
import { qConditions, qFields } from './q-config.ts';
import { qOptions } from './q-parts.ts';

const nafConfig = z.strictObject({
  ...qFields,
  explorer: qFields.explorer.unwrap().default('ou').describe(qFields.explorer.description!),
  clipDelta: z.boolean().default(true).describe("Huber's loss instead of half the square"),
});

export const naf: AgentKind<typeof nafConfig> = {
  summary: 'DQN for continuous actions: normalized advantage functions',
  config: nafConfig,
  conditions: qConditions,
  draws: false,
  make: (place, s) => {
    if (place.actionSpace.kind !== 'Box')
      throw new ConfigError(
        'wrong-actions',
        `naf takes continuous actions, the environment takes ${place.actionSpace}`,
        {
          remedy:
            place.actionSpace.kind === 'Discrete'
              ? 'Choose dqn, categorical-dqn, rainbow or iqn for discrete actions.'
              : severalActions,
        },
      );
    const box = boundedBox('naf', place.actionSpace);
    const options = qOptions<ActionValues>(place, s, (features, rng) => new QuadraticHead(features, box, rng));
    return new DQN({ ...options, clipDelta: s.clipDelta });
  },
};
