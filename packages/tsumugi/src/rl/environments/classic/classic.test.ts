// Step for step as Gymnasium: what version 1.3.0 gave for fixed actions (tests/golden/gymnasium).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../../../tests/files.ts';
import { makeEnvironment } from '../../registry.ts';

interface Episode {
  start_state: number[];
  first_observation: number[];
  steps: [number | number[], number[], number, boolean][];
}
const classic = JSON.parse(readFileSync(golden('gymnasium/classic.json'), 'utf8')) as Record<
  string,
  { episodes: Episode[] }
>;

const elements = (observation: unknown) => [...(observation as Float32Array)];

describe.each(Object.keys(classic).filter((id) => classic[id]!.episodes))('%s', (id) => {
  it.each([0, 1, 2, 3])('gives the episode of Gymnasium with seed %i', async (seed) => {
    const { first_observation, steps } = classic[id]!.episodes[seed]!;
    using environment = await makeEnvironment(id);
    expect(elements(environment.reset({ seed }).observation)).toEqual(first_observation);
    for (const [i, [action, observation, reward, terminated]] of steps.entries()) {
      const came = environment.step(action);
      expect(elements(came.observation), `step ${i}`).toEqual(observation);
      // NumPy's sine and Math.sin are both a last place off here and there, and an unstable pendulum lets that grow.
      expect(Math.abs(came.reward - reward), `reward of step ${i}`).toBeLessThanOrEqual(1e-12 * Math.abs(reward));
      expect(came.terminated, `step ${i}`).toBe(terminated);
    }
  });

  it('gives the same episode from its start state', async () => {
    const { start_state, first_observation, steps } = classic[id]!.episodes[1]!;
    using environment = await makeEnvironment(id);
    expect(elements(environment.setState!(start_state))).toEqual(first_observation);
    for (const [action, observation] of steps)
      expect(elements(environment.step(action).observation)).toEqual(observation);
  });
});
