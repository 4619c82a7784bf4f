// Gymnasium's Box2D environments, without CarRacing.
import type { Family, Registration } from '../../registry.ts';
import { noOptions } from '../no-options.ts';
import { settle } from '../settings.ts';
import { BipedalWalker } from './bipedal-walker.ts';
import { LunarLander, landerSettings } from './lunar-lander.ts';
import { loadPlanck } from './package.ts';

const lander = (id: string, continuous: boolean): Registration => ({
  maxSteps: 1000,
  async make(options) {
    const settings = settle(id, landerSettings, options);
    return new LunarLander(id, await loadPlanck(), continuous, settings);
  },
});

const walker = (id: string, hardcore: boolean, maxSteps: number): Registration => ({
  maxSteps,
  async make(options) {
    noOptions(id, options);
    return new BipedalWalker(id, await loadPlanck(), hardcore);
  },
});

export const family: Family = {
  'LunarLander-v3': lander('LunarLander-v3', false),
  'LunarLanderContinuous-v3': lander('LunarLanderContinuous-v3', true),
  'BipedalWalker-v3': walker('BipedalWalker-v3', false, 1600),
  'BipedalWalkerHardcore-v3': walker('BipedalWalkerHardcore-v3', true, 2000),
};
