// Environments by name: each keeps the contract, and names that are none are refused.
import { describe, expect, it } from 'vitest';
import { ConfigError, RandomStream, UserError } from '../base/index.ts';
import { environmentContract } from './environment.testing.ts';
import type { Environment } from './environment.ts';
import { Abc } from './environments/abc/abc.ts';
import { family as box2d } from './environments/box2d/family.ts';
import { CartPole } from './environments/classic/cart-pole.ts';
import { family as mujoco } from './environments/mujoco/family.ts';
import { type EnvironmentOptions, environmentIds, makeEnvironment, registerEnvironment } from './registry.ts';
import { OrderEnforcing } from './wrappers/order-enforcing.ts';
import { TimeLimit } from './wrappers/time-limit.ts';
import { unwrapped } from './wrappers/wrapper.ts';

/** Where options make another environment of one, those too. */
const variants: Readonly<Record<string, EnvironmentOptions[]>> = {
  'ABC-v0': [
    {},
    { discrete: false },
    { discrete: false, deterministic: true, size: 3 },
    { episodic: false, maxSteps: 9 },
    { partiallyObservable: true },
  ],
};

// Physics takes longest, and most of MuJoCo's tasks never end by themselves.
const isPhysics = (id: string) => id in mujoco || id in box2d;

// Pictures of 184,320 bytes take minutes to compare so often: nes.test.ts does it once.
const compared = environmentIds().filter((id) => !id.startsWith('nes/'));
for (const id of compared)
  for (const options of variants[id] ?? [isPhysics(id) ? { maxSteps: 20 } : {}])
    environmentContract(
      `${id} ${JSON.stringify(options)}`,
      () => makeEnvironment(id, options),
      isPhysics(id) ? 25 : 60,
    );

describe('makeEnvironment', () => {
  it('gives each of its names, with the time limit that it is registered with', async () => {
    const limits: Record<string, number | undefined> = {};
    for (const id of environmentIds()) {
      using environment = await makeEnvironment(id);
      expect(environment.id).toBe(id);
      limits[id] = environment instanceof TimeLimit ? environment.maxSteps : undefined;
    }
    expect(limits).toMatchObject({
      'CartPole-v0': 200,
      'CartPole-v1': 500,
      'MountainCar-v0': 200,
      'MountainCarContinuous-v0': 999,
      'Acrobot-v1': 500,
      'Pendulum-v1': 200,
      'FrozenLake-v1': 100,
      'FrozenLake8x8-v1': 200,
      'CliffWalking-v1': undefined,
      'Taxi-v4': 200,
      'Blackjack-v1': undefined,
      'ABC-v0': undefined,
    });
  });

  it('names the nearest one for a name that is none', async () => {
    await expect(makeEnvironment('CartPole-v2')).rejects.toThrow(/no environment "CartPole-v2"\n.*CartPole-v/);
    await expect(makeEnvironment('Doom')).rejects.toThrow(UserError);
  });

  it('takes another time limit, and refuses options that nobody reads', async () => {
    using short = await makeEnvironment('Pendulum-v1', { maxSteps: 3 });
    short.reset({ seed: 0 });
    const ends = [1, 2, 3].map(() => short.step([0]).truncated);
    expect(ends).toEqual([false, false, true]);
    expect(() => short.step([0])).toThrow(/cut off by its time limit/);
    using endless = await makeEnvironment('Pendulum-v1', { maxSteps: Number.POSITIVE_INFINITY });
    expect(endless).not.toBeInstanceOf(TimeLimit);
    await expect(makeEnvironment('Pendulum-v1', { gravitiy: 9 })).rejects.toThrow(ConfigError);
    await expect(makeEnvironment('Pendulum-v1', { maxSteps: 0 })).rejects.toThrow(ConfigError);
    await expect(makeEnvironment('Pendulum-v1', 200 as never)).rejects.toThrow(/options are an object/);
    expect(() => endless.reset({ sead: 1 } as never)).toThrow(/no option "sead"/);
  });

  it('makes environments of others', async () => {
    const rng = new RandomStream(1);
    registerEnvironment(`Mine-${rng.nextUint32()}`, { make: () => new CartPole(), maxSteps: 7 });
    const id = environmentIds().at(-1)!;
    using environment = await makeEnvironment(id);
    expect(environment).toBeInstanceOf(TimeLimit);
    expect((environment as TimeLimit).inner).toBeInstanceOf(OrderEnforcing);
    expect(unwrapped(environment)).toBeInstanceOf(CartPole);
    expect(() => registerEnvironment(id, { make: () => new CartPole() })).toThrow(/already/);
    expect(() => registerEnvironment('CartPole-v1', { make: () => new CartPole() })).toThrow(UserError);
  });
});

describe('ABC', () => {
  const play = (environment: Environment, actions: readonly (number | number[])[]) =>
    actions.map((action) => {
      const { observation, reward, terminated } = environment.step(action);
      return [(observation as Float32Array).indexOf(1), reward, terminated];
    });

  it('rewards the right actions one after the other, and ends at a wrong one', () => {
    const environment = new Abc({ size: 3 });
    expect([...environment.reset().observation]).toEqual([1, 0, 0, 0, 0]);
    expect(play(environment, [0, 1, 2])).toEqual([
      [1, 0, false],
      [2, 0, false],
      [3, 1, true],
    ]);
    environment.reset();
    expect(play(environment, [1])).toEqual([[3, 0, true]]);
  });

  it('goes on for ever when it is not episodic', () => {
    const environment = new Abc({ episodic: false });
    environment.reset();
    expect(play(environment, [1, 0, 1, 0])).toEqual([
      [0, 0, false],
      [1, 0, false],
      [0, 1, false],
      [1, 0, false],
    ]);
  });

  it('takes logits: the largest, or one drawn from their softmax', () => {
    const greedy = new Abc({ discrete: false, deterministic: true });
    greedy.reset();
    expect(play(greedy, [[0.2, 0.1]])).toEqual([[1, 0, false]]);
    const drawn = new Abc({ discrete: false });
    drawn.reset({ seed: 0 });
    let right = 0;
    for (let i = 0; i < 1000; i++) {
      if (!drawn.step([Math.log(3), 0]).terminated) right++;
      drawn.reset();
    }
    expect(right).toBeGreaterThan(700);
    expect(right).toBeLessThan(800);
  });

  it('hides where it is by a shift: alternating, or drawn', () => {
    const shifts = (environment: Environment) =>
      Array.from({ length: 20 }, () => (environment.reset().observation as Float32Array).indexOf(1));
    expect(shifts(new Abc({ partiallyObservable: true, deterministic: true })).slice(0, 4)).toEqual([1, 0, 1, 0]);
    const drawn = new Abc({ partiallyObservable: true });
    drawn.reset({ seed: 1 });
    expect(new Set(shifts(drawn))).toEqual(new Set([0, 1]));
    expect(new Set(shifts(new Abc()))).toEqual(new Set([0]));
    const [one, other] = [0, 1].map(() => new Abc({ partiallyObservable: true, deterministic: true })) as [Abc, Abc];
    one.reset();
    other.restore(one.snapshot());
    expect(shifts(other).slice(0, 3), 'a snapshot has the shift').toEqual([0, 1, 0]);
    expect(() => one.reset({ options: { shift: 1 } })).toThrow(/no option "shift"/);
  });
});

it('names the newest version where there is no such one', async () => {
  await expect(makeEnvironment('Hopper-v6')).rejects.toThrow('Did you mean "Hopper-v5"?');
});
