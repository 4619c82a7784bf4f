// Gymnasium's MuJoCo tasks.
import type { Family, Registration } from '../../registry.ts';
import { settle } from '../settings.ts';
import type { TaskDefinition, Version } from './definition.ts';
import { MujocoEnvironment } from './environment.ts';
import { loadMujoco } from './package.ts';
import { Simulation } from './simulation.ts';
import { ant } from './tasks/ant.ts';
import { halfCheetah } from './tasks/half-cheetah.ts';
import { hopper } from './tasks/hopper.ts';
import { humanoid } from './tasks/humanoid.ts';
import { humanoidStandup } from './tasks/humanoid-standup.ts';
import { invertedDoublePendulum } from './tasks/inverted-double-pendulum.ts';
import { invertedPendulum } from './tasks/inverted-pendulum.ts';
import { pusher } from './tasks/pusher.ts';
import { reacher } from './tasks/reacher.ts';
import { swimmer } from './tasks/swimmer.ts';
import { walker2d } from './tasks/walker2d.ts';

const tasks = [
  ant,
  halfCheetah,
  hopper,
  humanoid,
  humanoidStandup,
  invertedDoublePendulum,
  invertedPendulum,
  pusher,
  reacher,
  swimmer,
  walker2d,
];

const versions: readonly Version[] = [4, 5];

/** Every task in every version that there is of it. */
export const family: Family = Object.fromEntries(
  tasks.flatMap((task) =>
    versions
      .filter((version) => task.models[version] !== undefined)
      .map((version) => [`${task.name}-v${version}`, registration(task, version)]),
  ),
);

function registration(task: TaskDefinition, version: Version): Registration {
  const id = `${task.name}-v${version}`;
  return {
    maxSteps: task.maxSteps,
    async make(options) {
      const settings = settle(id, task.settings, options, task.absent?.[version]);
      const simulation = new Simulation(await loadMujoco(), task.models[version]!, task.frameSkip);
      return new MujocoEnvironment(id, simulation, task.make(simulation, settings, version), task.view);
    },
  };
}
