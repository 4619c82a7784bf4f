// Gymnasium's toy text.
import type { Family } from '../../registry.ts';
import { Blackjack, type BlackjackOptions } from './blackjack.ts';
import { CliffWalking } from './cliff-walking.ts';
import { FrozenLake } from './frozen-lake.ts';
import { Taxi } from './taxi.ts';

export const family: Family = {
  'FrozenLake-v1': { maxSteps: 100, make: (options) => new FrozenLake('FrozenLake-v1', options) },
  'FrozenLake8x8-v1': { maxSteps: 200, make: (options) => new FrozenLake('FrozenLake8x8-v1', options) },
  'CliffWalking-v1': { make: (options) => new CliffWalking('CliffWalking-v1', options) },
  'CliffWalkingSlippery-v1': { make: (options) => new CliffWalking('CliffWalkingSlippery-v1', options) },
  // Versions 3 and 4 of Taxi differ in the rain and for passengers who change their minds; here both have the later rules.
  'Taxi-v3': { maxSteps: 200, make: (options) => new Taxi('Taxi-v3', options) },
  'Taxi-v4': { maxSteps: 200, make: (options) => new Taxi('Taxi-v4', options) },
  'Blackjack-v1': { make: (options) => new Blackjack(options as BlackjackOptions) },
};
