// Gymnasium's classic control.
import type { Family } from '../../registry.ts';
import { CartPole } from './cart-pole.ts';
import { Pendulum, type PendulumOptions } from './pendulum.ts';

export const family: Family = {
  'CartPole-v0': { maxSteps: 200, make: (options) => new CartPole('CartPole-v0', options) },
  'CartPole-v1': { maxSteps: 500, make: (options) => new CartPole('CartPole-v1', options) },
  'Pendulum-v1': { maxSteps: 200, make: (options) => new Pendulum(options as PendulumOptions) },
};
