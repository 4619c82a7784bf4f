// Wrappers: each keeps the contract of environments, and does what it is for.
import { describe, expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { environmentContract, randomActions } from '../environment.testing.ts';
import type { Action, Environment, Observation, StepResult } from '../environment.ts';
import { Abc } from '../environments/abc/abc.ts';
import { CartPole } from '../environments/classic/cart-pole.ts';
import { Pendulum } from '../environments/classic/pendulum.ts';
import { FrozenLake } from '../environments/toy-text/frozen-lake.ts';
import { Box, Discrete } from '../spaces/index.ts';
import {
  CastObservation,
  ClipAction,
  NormalizeAction,
  OrderEnforcing,
  RandomizeAction,
  RecordEpisodeStatistics,
  ScaleReward,
  TerminatingTimeLimit,
  TimeLimit,
  TransformObservation,
  TransformReward,
  unwrapped,
} from './index.ts';

const wrapped: Readonly<Record<string, () => Environment>> = {
  TimeLimit: () => new TimeLimit(new Pendulum(), 9),
  TerminatingTimeLimit: () => new TerminatingTimeLimit(new Pendulum(), 9),
  NormalizeAction: () => new NormalizeAction(new Pendulum()),
  ClipAction: () => new ClipAction(new Pendulum()),
  RandomizeAction: () => new RandomizeAction(new CartPole(), 0.5),
  ScaleReward: () => new ScaleReward(new Pendulum(), 0.1),
  TransformReward: () => new TransformReward(new Pendulum(), Math.sign),
  TransformObservation: () =>
    new TransformObservation(
      new Pendulum(),
      ([, , speed]: Float32Array) => Float32Array.of(speed!),
      new Box(-8, 8, [1]),
    ),
  CastObservation: () => new CastObservation(new Pendulum()),
  RecordEpisodeStatistics: () => new RecordEpisodeStatistics(new TimeLimit(new CartPole(), 20)),
  OrderEnforcing: () => new OrderEnforcing(new CartPole()),
};
for (const [name, make] of Object.entries(wrapped)) environmentContract(name, async () => make());

/** Steps with the actions that `act` gives until the episode is over. */
function play(environment: Environment, act: (i: number) => Action): StepResult[] {
  const results: StepResult[] = [];
  environment.reset({ seed: 0 });
  for (;;) {
    const result = environment.step(act(results.length));
    results.push(result);
    if (result.terminated || result.truncated) return results;
  }
}
const torque = (x: number) => Float32Array.of(x);
const first = (environment: Environment, action: Action): Observation => {
  environment.reset({ seed: 3 });
  return environment.step(action).observation;
};

describe('wrappers', () => {
  it('cut an episode off, or end it', () => {
    const cut = play(new TimeLimit(new Pendulum(), 3), () => torque(0)).map((r) => [r.terminated, r.truncated]);
    expect(cut).toEqual([
      [false, false],
      [false, false],
      [false, true],
    ]);
    const end = play(new TerminatingTimeLimit(new Pendulum(), 3), () => torque(0)).map((r) => [
      r.terminated,
      r.truncated,
    ]);
    expect(end).toEqual([
      [false, false],
      [false, false],
      [true, false],
    ]);
    // What the environment inside cuts off itself stays so.
    const inside = play(new TerminatingTimeLimit(new TimeLimit(new Pendulum(), 2), 9), () => torque(0));
    expect([inside.length, inside[1]!.terminated, inside[1]!.truncated]).toEqual([2, false, true]);
  });

  it('refuse what comes out of turn, for environments that do not', () => {
    const inner = new CartPole();
    const lenient: Environment = {
      id: 'Lenient-v0',
      observationSpace: inner.observationSpace,
      actionSpace: inner.actionSpace,
      reset: (options) => inner.reset(options),
      step: () => ({
        observation: Float32Array.of(0, 0, 0, 0),
        reward: 0,
        terminated: false,
        truncated: true,
        info: {},
      }),
      [Symbol.dispose]() {},
    };
    const environment = new OrderEnforcing(lenient);
    expect(thrown(UserError, () => environment.step(0)).message).toMatch(/before the first reset/);
    environment.reset();
    expect(thrown(UserError, () => environment.step(2)).code).toBe('bad-action');
    environment.step(0);
    expect(thrown(UserError, () => environment.step(0)).message).toMatch(/has ended/);
  });

  it('keep the end of the task at the limit', () => {
    const environment = new TimeLimit(new Abc(), 2);
    environment.reset();
    environment.step(0);
    expect(environment.step(1)).toMatchObject({ terminated: true, truncated: true, reward: 1 });
  });

  it('count the steps of a limit anew where a state is set, and remember them in snapshots', () => {
    const environment = new TimeLimit(new Pendulum(), 2);
    environment.reset();
    environment.step(torque(0));
    const snapshot = environment.snapshot!();
    environment.setState!([0, 0]);
    expect(environment.step(torque(0)).truncated).toBe(false);
    expect(environment.step(torque(0)).truncated).toBe(true);
    environment.restore!(snapshot);
    expect(environment.step(torque(0)).truncated).toBe(true);
  });

  it('stretch and clip actions', () => {
    const plain = first(new Pendulum(), torque(-1));
    expect(first(new NormalizeAction(new Pendulum()), torque(-0.5))).toEqual(plain);
    expect(new NormalizeAction(new Pendulum()).actionSpace.toString()).toBe('Box(-1, 1, [1], float32)');
    const clipped = new ClipAction(new Abc({ discrete: false, deterministic: true }));
    clipped.reset();
    // Both logits are 1 then, and the first one counts.
    expect(clipped.step([2, 3])).toMatchObject({ terminated: false });
    // In two dimensions, each by its own bounds.
    const made: number[][] = [];
    const pendulum = new Pendulum();
    const two: Environment = {
      id: 'Two-v0',
      observationSpace: pendulum.observationSpace,
      actionSpace: new Box([-1, 0], [1, 10], [2]),
      reset: (options) => pendulum.reset(options),
      step: (action) => {
        made.push([...(action as Float32Array)]);
        return pendulum.step([0]);
      },
      [Symbol.dispose]() {},
    };
    pendulum.reset();
    new NormalizeAction(two).step([0.5, 0.5]);
    new ClipAction(two).step([-3, -3]);
    new ClipAction(two).step([3, 30]);
    expect(made).toEqual([[0.5, 7.5], [-1, 0], [1, 10]]); // biome-ignore format: a list
    for (const Around of [NormalizeAction, ClipAction]) {
      const environment = new Around(new Pendulum());
      environment.reset();
      expect(thrown(UserError, () => environment.step(1)).code).toBe('bad-action');
    }
    expect(() => new NormalizeAction(new CartPole())).toThrow(/action space is a Box/);
    expect(() => new NormalizeAction(new ClipAction(new Pendulum()))).toThrow(/bounds on every side/);
  });

  it('mix random actions in as often as asked', () => {
    const environment = new RandomizeAction(new Abc({ episodic: false }), 0.5);
    environment.reset({ seed: 1 });
    let moved = 0;
    for (let i = 0; i < 2000; i++) {
      environment.reset();
      // Action 1 in state 0 moves nothing; a random one is 0 half of the time.
      if ((environment.step(1).observation as Float32Array)[1] === 1) moved++;
    }
    expect(moved / 2000).toBeGreaterThan(0.2);
    expect(moved / 2000).toBeLessThan(0.3);
    const seeded = (seed: number) => {
      const environment = new RandomizeAction(new Abc({ size: 9, episodic: false }), 1, seed);
      environment.reset();
      return Array.from({ length: 40 }, () => environment.step(0).observation).map((seen) => [
        ...(seen as Float32Array),
      ]);
    };
    expect(seeded(1)).toEqual(seeded(1));
    expect(seeded(1), 'before a reset brings a seed').not.toEqual(seeded(2));
    const never = new RandomizeAction(new Pendulum(), 0);
    expect(first(never, torque(1))).toEqual(first(new Pendulum(), torque(1)));
  });

  it('change rewards and observations', () => {
    const rewards = (environment: Environment) => play(environment, () => torque(1)).map(({ reward }) => reward);
    const plain = rewards(new TimeLimit(new Pendulum(), 5));
    expect(rewards(new TimeLimit(new ScaleReward(new Pendulum(), 0.5), 5))).toEqual(plain.map((r) => r * 0.5));
    expect(rewards(new TimeLimit(new TransformReward(new Pendulum(), Math.sign), 5))).toEqual([-1, -1, -1, -1, -1]);
    const speed = wrapped['TransformObservation']!();
    expect(first(speed, torque(1))).toEqual((first(new Pendulum(), torque(1)) as Float32Array).slice(2));
    expect(speed.setState!([0.5, 2])).toEqual(Float32Array.of(2));
  });

  it('cast observations to 32 bits', () => {
    const wide = new TransformObservation(
      new Pendulum(),
      (x: Float32Array) => Float64Array.from(x, (v) => v / 3),
      new Box(-8, 8, [3], 'float64'),
    );
    const narrow = new CastObservation(wide);
    expect(narrow.observationSpace).toMatchObject({ dtype: 'float32', shape: [3] });
    const { observation } = narrow.reset({ seed: 0 });
    expect(observation).toBeInstanceOf(Float32Array);
    expect(observation).toEqual(Float32Array.from(wide.reset({ seed: 0 }).observation));
    expect(new CastObservation(new CartPole()).reset({ seed: 1 })).toEqual(new CartPole().reset({ seed: 1 }));
    expect(() => new CastObservation(new TransformObservation(new Pendulum(), () => 0, new Discrete(1)))).toThrow(
      UserError,
    );
  });

  it('tell what an episode brought', () => {
    const results = play(new RecordEpisodeStatistics(new CartPole()), () => 1);
    expect(results.at(-1)!.info['episode']).toEqual({ return: results.length, length: results.length });
    expect(results[0]!.info['episode']).toBeUndefined();
    const environment = new RecordEpisodeStatistics(new TimeLimit(new Pendulum(), 3));
    const other = new RecordEpisodeStatistics(new TimeLimit(new Pendulum(), 3));
    for (let episode = 0; episode < 2; episode++) {
      environment.reset({ seed: 1 });
      const [a, b] = [environment.step([0]), environment.step([1])];
      other.restore!(environment.snapshot!());
      const last = environment.step([0]);
      const whole = { return: a.reward + b.reward + last.reward, length: 3 };
      expect(last.info, 'cut off, in each episode anew').toEqual({ episode: whole });
      expect(other.step([0]).info).toEqual({ episode: whole });
    }
    const lake = new RecordEpisodeStatistics(new FrozenLake('FrozenLake-v1', { isSlippery: false }));
    lake.reset();
    lake.setState!(14);
    expect(lake.step(2).info, 'beside what the environment tells').toEqual({
      prob: 1,
      episode: { return: 1, length: 1 },
    });
  });

  it('go through to what they hold', () => {
    const inner = new CartPole();
    const outer = new TimeLimit(new ScaleReward(inner, 2), 5);
    expect(unwrapped(outer)).toBe(inner);
    expect(outer.id).toBe('CartPole-v1');
    const bare: Environment = {
      id: 'Bare-v0',
      observationSpace: inner.observationSpace,
      actionSpace: inner.actionSpace,
      reset: (options) => inner.reset(options),
      step: (action) => inner.step(action),
      [Symbol.dispose]() {},
    };
    outer.reset({ seed: 1 });
    expect(outer.render!()).toEqual(inner.render());
    const named = { ...bare, actionMeanings: ['LEFT', 'RIGHT'] };
    expect(new TimeLimit(named, 5).actionMeanings).toEqual(['LEFT', 'RIGHT']);
    const around = new TimeLimit(bare, 5);
    expect([around.render, around.setState, around.snapshot, around.restore]).toEqual(Array(4).fill(undefined));
    expect(randomActions(around, 2)).toHaveLength(2);
  });
});
