// The checker of environments finds each fault that it is for, and none where there is none.
import { describe, expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import type { Environment, StepResult } from '../environment.ts';
import { Acrobot } from '../environments/classic/acrobot.ts';
import { CartPole } from '../environments/classic/cart-pole.ts';
import { Pendulum } from '../environments/classic/pendulum.ts';
import { family as mujoco } from '../environments/mujoco/family.ts';
import { environmentIds, makeEnvironment } from '../registry.ts';
import { Discrete } from '../spaces/index.ts';
import { checkEnvironment, environmentFaults } from './check-environment.ts';

/** A good environment with something changed. */
function broken(change: (good: CartPole) => Partial<Record<keyof Environment, unknown>>): Environment {
  const good = new CartPole();
  const methods = {
    reset: good.reset.bind(good),
    step: good.step.bind(good),
    snapshot: good.snapshot.bind(good),
    restore: good.restore.bind(good),
  };
  const { id, observationSpace, actionSpace } = good;
  return { id, observationSpace, actionSpace, ...methods, [Symbol.dispose]() {}, ...change(good) } as Environment;
}
const stepping = (change: (result: StepResult<Float32Array>) => unknown) =>
  broken((good) => ({ step: (action: number) => change(good.step(action)) }));

let unseeded = 0;
const faulty: readonly [what: RegExp, environment: Environment][] = [
  [/observationSpace is undefined: make it a Box/, broken(() => ({ observationSpace: undefined }))],
  [/no method reset: write it/, broken(() => ({ reset: undefined }))],
  [/reset gave an array.* { observation, info }/, broken((good) => ({ reset: () => [...good.reset().observation] }))],
  [
    /step 1 gave a Float64Array as its observation.*give out a Float32Array/,
    stepping((result) => ({ ...result, observation: Float64Array.from(result.observation) })),
  ],
  [/3 elements, where Box.* has 4/, stepping((result) => ({ ...result, observation: result.observation.slice(1) }))],
  [/NaN in element 2/, stepping((result) => ({ ...result, observation: Float32Array.of(0, 0, Number.NaN, 0) }))],
  [
    /element 0 is 9, its bounds are -4.8\d* and 4.8\d*\): widen/,
    stepping((result) => ({ ...result, observation: Float32Array.of(9, 0, 0, 0) })),
  ],
  [/NaN as its reward: give out a finite number/, stepping((result) => ({ ...result, reward: Number.NaN }))],
  [/undefined as truncated: give out true or false/, stepping((result) => ({ ...result, truncated: undefined }))],
  [/undefined as info/, stepping((result) => ({ ...result, info: undefined }))],
  [/step 1 gave undefined: give out/, stepping(() => undefined)],
  [
    /the same seed gave other numbers/,
    broken((good) => ({ reset: () => good.reset({ seed: unseeded++ }), snapshot: undefined, restore: undefined })),
  ],
  [
    /wrote into an observation given out before: make a new array/,
    (() => {
      const held = new Float32Array(4);
      return stepping((result) => {
        held.set(result.observation);
        return { ...result, observation: held };
      });
    })(),
  ],
  [/only one of snapshot and restore/, broken(() => ({ restore: undefined }))],
  [
    /after restore the run goes on differently/,
    broken((good) => ({
      snapshot: () => ({ ...(good.snapshot() as object), rng: null }),
    })),
  ],
  [/3 bytes for each pixel/, broken(() => ({ render: () => ({ width: 2, height: 2, data: new Uint8Array(4) }) }))],
  [
    /gave a Float32Array as its observation, where Discrete\(4\) stands for a number/,
    broken(() => ({ observationSpace: new Discrete(4) })),
  ],
];

describe('checkEnvironment', () => {
  it.each(faulty)('says %s', (what, environment) => {
    expect(environmentFaults(environment).join('\n')).toMatch(what);
    expect(() => checkEnvironment(environment)).toThrow(UserError);
  });

  it('says each fault once, and all of them', () => {
    const faults = environmentFaults(stepping((result) => ({ ...result, reward: '1', info: null })));
    expect(faults).toHaveLength(2);
  });

  it('finds an action that was written into', () => {
    class Greedy extends Pendulum {
      override step(action: Float32Array) {
        const result = super.step(action);
        action[0] = 0;
        return result;
      }
    }
    expect(environmentFaults(new Greedy())).toEqual([expect.stringMatching(/wrote into the action/)]);
  });

  it('finds nothing wrong with those of tsumugi', async () => {
    // One of MuJoCo's stands for all: they share what is checked here, and take long.
    const ids = environmentIds().filter((id) => !(id in mujoco) || id === 'InvertedPendulum-v5');
    for (const id of ids) {
      using environment = await makeEnvironment(id);
      // A step of the NES is that of a whole machine, some of which are enough.
      expect(environmentFaults(environment, { steps: id.startsWith('nes/') ? 6 : 60 }), id).toEqual([]);
    }
    checkEnvironment(new Acrobot(), { seed: 3 });
    expect(() => checkEnvironment(new Acrobot(), { step: 3 } as never)).toThrow(/no option "step"/);
  });
});
