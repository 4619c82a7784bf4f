// Gymnasium's classic control.
import type { Family } from '../../registry.ts';
import { Acrobot } from './acrobot.ts';
import { CartPole } from './cart-pole.ts';
import type { MountainCarOptions } from './goal-velocity.ts';
import { MountainCar } from './mountain-car.ts';
import { MountainCarContinuous } from './mountain-car-continuous.ts';
import { Pendulum, type PendulumOptions } from './pendulum.ts';

export const family: Family = {
  'CartPole-v0': { maxSteps: 200, make: (options) => new CartPole('CartPole-v0', options) },
  'CartPole-v1': { maxSteps: 500, make: (options) => new CartPole('CartPole-v1', options) },
  'MountainCar-v0': { maxSteps: 200, make: (options) => new MountainCar(options as MountainCarOptions) },
  'MountainCarContinuous-v0': {
    maxSteps: 999,
    make: (options) => new MountainCarContinuous(options as MountainCarOptions),
  },
  'Acrobot-v1': { maxSteps: 500, make: (options) => new Acrobot(options) },
  'Pendulum-v1': { maxSteps: 200, make: (options) => new Pendulum(options as PendulumOptions) },
};
