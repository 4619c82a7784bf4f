// Evaluation: which episodes count, in which order, and what they come to.
import { expect, it } from 'vitest';
import type { Actor } from '../agent.ts';
import type { ActionLike, Environment, StepResult } from '../environment.ts';
import { Box, Discrete } from '../spaces/index.ts';
import { SerialVectorEnvironment } from '../vector/index.ts';
import { TransformReward } from '../wrappers/index.ts';
import { Episodes } from './episodes-state.ts';
import { evaluateActor, type Summary, summarize } from './index.ts';

/** Episodes of given lengths, one after the other; every step gives 1. */
class Clockwork implements Environment<Float32Array> {
  readonly id = 'Clockwork-v0';
  readonly observationSpace = new Box(0, 1, [1]);
  readonly actionSpace = new Discrete(2);
  readonly #lengths: readonly number[];
  #episode = -1;
  #left = 0;

  constructor(lengths: readonly number[]) {
    this.#lengths = lengths;
  }

  reset() {
    this.#left = this.#lengths[++this.#episode % this.#lengths.length]!;
    return { observation: new Float32Array(1), info: {} };
  }

  step(_: ActionLike): StepResult<Float32Array> {
    const terminated = --this.#left === 0;
    return { observation: new Float32Array(1), reward: 1, terminated, truncated: false, info: {} };
  }

  [Symbol.dispose](): void {}
}

const actor = (resets: number[] = []): Actor => ({
  act: (observations) => observations.map(() => 0),
  reset: (i) => void resets.push(i),
  [Symbol.dispose]: () => {},
});

const evaluate = async (lengths: number[][], length: { episodes: number } | { steps: number }, resets?: number[]) => {
  using environments = new SerialVectorEnvironment(lengths.map((own) => new Clockwork(own)));
  return (await evaluateActor(actor(resets), environments, { length, seed: 0 })).lengths;
};

it('counts episodes in the order in which they began, however long they take', async () => {
  // The second environment goes through four short episodes while the first has its long one.
  const both = [[9, 9], [2, 2, 2, 2, 2]]; // biome-ignore format: pairs
  expect(await evaluate(both, { episodes: 1 })).toEqual([9]);
  expect(await evaluate(both, { episodes: 3 })).toEqual([9, 2, 2]);
  expect(await evaluate([[3], [4]], { episodes: 5 })).toEqual([3, 4, 3, 4, 3]);
});

it.each([
  [[3, 4, 5], 7, [3, 4]],
  [[3, 4, 5], 8, [3, 4]],
  [[3, 4, 5], 12, [3, 4, 5]],
  [[9], 4, [4]], // cut off, but the only one
  [[4], 4, [4]],
])('of episodes of %j steps, %i steps hold %j', async (lengths, steps, counted) => {
  expect(await evaluate([lengths], { steps })).toEqual(counted);
});

it('takes as many steps in several environments as one after the other', async () => {
  expect(await evaluate([[9], [2, 2, 2, 2, 2]], { steps: 12 })).toEqual([9, 2]); // biome-ignore format: pairs
  expect(await evaluate([[9], [2, 2, 2, 2, 2]], { steps: 5 })).toEqual([5]); // biome-ignore format: pairs
});

it('tells the actor of every beginning', async () => {
  const resets: number[] = [];
  await evaluate([[2], [3]], { episodes: 3 }, resets); // biome-ignore format: pairs
  expect(resets).toEqual([0, 1, 0, 1, 0]);
});

it.each<[number[], Summary]>([
  [[3], { mean: 3, median: 3, stdev: 0, max: 3, min: 3 }],
  [[4, 1, 10], { mean: 5, median: 4, stdev: Math.sqrt(21), max: 10, min: 1 }],
  [[1, 2, 3, 6], { mean: 3, median: 2.5, stdev: Math.sqrt(14 / 3), max: 6, min: 1 }],
])('sums up %j', (values, summary) => {
  expect(summarize(values)).toEqual(summary);
});

it('ends at a reward that is no number, whatever gave it, and so does training', async () => {
  let step = 0;
  const logarithm = new TransformReward(new Clockwork([5]), () => (++step === 3 ? Math.log(-1) : 1));
  using environments = new SerialVectorEnvironment([logarithm]);
  const measured = evaluateActor(actor(), environments, { length: { episodes: 1 }, seed: 0 });
  await expect(measured).rejects.toThrow(/environment 0 gave NaN as the reward of step 3 of an episode/);
  const episodes = new Episodes(2);
  const outcome = (reward: number) => ({ reward, next: 0, terminated: false, truncated: false });
  expect(() => episodes.add([outcome(1), outcome(Number.NEGATIVE_INFINITY)])).toThrow(/environment 1 gave -Infinity/);
});
