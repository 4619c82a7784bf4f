// What every environment has to do: run on each name of the registry, on wrappers, and on environments of others.
import { describe, expect, it } from 'vitest';
import { RandomStream, UserError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import type { Action, Environment, Observation, StepResult } from './environment.ts';

/** An array that says of which kind it was, so that float32 and float64 are not alike. */
const plain = (observation: Observation): unknown =>
  typeof observation === 'number' ? observation : [observation.constructor.name, ...observation];

/** Random actions from the environment's present state; begins a new episode after an end. */
export function walk(environment: Environment, actions: readonly Action[]): unknown[] {
  return actions.map((action) => {
    const { observation, reward, terminated, truncated } = environment.step(action);
    const seen = [plain(observation), reward, terminated, truncated];
    return terminated || truncated ? [...seen, plain(environment.reset().observation)] : seen;
  });
}

export function randomActions(environment: Environment, count: number, seed = 1): Action[] {
  const rng = new RandomStream(seed);
  return Array.from({ length: count }, () => environment.actionSpace.sample(rng));
}

/** Steps until the episode is over. */
function last(environment: Environment, limit = 20_000): StepResult | undefined {
  const rng = new RandomStream(3);
  for (let i = 0; i < limit; i++) {
    const result = environment.step(environment.actionSpace.sample(rng));
    if (result.terminated || result.truncated) return result;
  }
  return undefined;
}

/** @param make gives the environment anew; the tests dispose of it */
export function environmentContract(name: string, make: () => Promise<Environment>, steps = 60): void {
  describe(`${name} as an environment`, () => {
    it('gives the same numbers for the same seed, others for another one', async () => {
      using a = await make();
      using b = await make();
      const actions = randomActions(a, steps);
      const run = (environment: Environment, seed: number) => [
        plain(environment.reset({ seed }).observation),
        ...walk(environment, actions),
      ];
      const first = run(a, 11);
      expect(run(b, 11)).toEqual(first);
      expect(run(a, 11)).toEqual(first);
    });

    it('sees points of its space, with rewards that are numbers, and refuses what comes out of turn', async () => {
      using environment = await make();
      const [action] = randomActions(environment, 1);
      expect(thrown(UserError, () => environment.step(action!)).code).toBe('needs-reset');
      const { observation } = environment.reset({ seed: 0 });
      expect(environment.observationSpace.contains(observation), `${observation}`).toBe(true);
      for (const bad of [-1, 0.5, Number.NaN, [Number.NaN], [], 'left'])
        expect(thrown(UserError, () => environment.step(bad as Action)).code, String(bad)).toBe('bad-action');
      const held = environment.step(action!);
      const copy = plain(held.observation);
      if (held.terminated || held.truncated) environment.reset();
      const outside: unknown[] = [];
      for (const next of randomActions(environment, steps, 2)) {
        const result = environment.step(next);
        if (!environment.observationSpace.contains(result.observation)) outside.push(plain(result.observation));
        if (!Number.isFinite(result.reward)) outside.push(result.reward);
        if (result.terminated || result.truncated) environment.reset();
      }
      expect(outside).toEqual([]);
      expect(plain(held.observation), 'an observation is not written again').toEqual(copy);
      environment.reset();
      if (last(environment)) expect(thrown(UserError, () => environment.step(action!)).code).toBe('needs-reset');
    });

    it('goes on from a snapshot bit for bit, also in another one', async () => {
      using a = await make();
      using b = await make();
      if (!a.snapshot || !b.restore) return expect(a.restore, 'restore without snapshot').toBeUndefined();
      const actions = randomActions(a, steps, 4);
      a.reset({ seed: 5 });
      walk(a, actions.slice(0, 7));
      const snapshot = JSON.parse(JSON.stringify(a.snapshot())) as unknown;
      const wanted = walk(a, actions);
      expect(walk(a, actions), 'something changes').not.toEqual(wanted);
      b.restore(snapshot);
      expect(walk(b, actions)).toEqual(wanted);
      a.restore!(snapshot);
      expect(walk(a, actions)).toEqual(wanted);
    });

    it('draws a picture of a steady size, where it draws', async () => {
      using environment = await make();
      if (!environment.render) return;
      environment.reset({ seed: 1 });
      const first = environment.render();
      expect(first.data.length).toBe(first.width * first.height * 3);
      expect(new Set(first.data).size, 'colours').toBeGreaterThan(2);
      expect(Buffer.compare(environment.render().data, first.data), 'the same state, the same picture').toBe(0);
      walk(environment, randomActions(environment, 5));
      const { width, height } = environment.render();
      expect([width, height]).toEqual([first.width, first.height]);
      environment.reset({ seed: 1 });
      expect(Buffer.compare(environment.render().data, first.data), 'nothing is left of the episode before').toBe(0);
    });
  });
}
