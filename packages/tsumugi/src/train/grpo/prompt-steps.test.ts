// Which prompts each update of GRPO learns from: whole epochs, whole rollouts, as many updates as asked for from each.
import { expect, it } from 'vitest';
import { PromptSteps } from './prompt-steps.ts';

it('has rollouts of all prompts once an epoch, and finishes the one it has begun', () => {
  const steps = new PromptSteps(10, { size: 3, updates: 2, seed: 1 });
  expect([1, 2, 3].map((epochs) => steps.stepsOf(epochs))).toEqual([8, 14, 20]); // 4, 7 and 10 rollouts, 2 updates from each
  expect(steps.stepsOf(0.1)).toBe(2);
  expect([0, 1, 2, 3, 4].map((step) => steps.rolloutOf(step))).toEqual([0, 0, 1, 1, 2]);
  expect([0, 1, 2, 20].map((step) => steps.epochAt(step))).toEqual([0, 0.3, 0.3, 3]);
  const asked = Array.from({ length: 10 }, (_, rollout) => steps.promptsOf(rollout)).flat();
  for (const epoch of [0, 1, 2])
    expect(asked.slice(10 * epoch, 10 * (epoch + 1)).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(asked.slice(0, 10)).not.toEqual(asked.slice(10, 20));
  expect(new PromptSteps(10, { size: 3, updates: 2, seed: 2 }).promptsOf(0)).not.toEqual(steps.promptsOf(0));
});
