// Pieces of episodes: what is learned from when, and what a checkpoint keeps of them.
import { expect, it } from 'vitest';
import { scope } from '../../torch/index.ts';
import { ObservationInput } from '../observation-input.ts';
import { Box, Discrete } from '../spaces/index.ts';
import { ActionOutput } from './action-output.ts';
import type { Acted } from './policy-agent.ts';
import { Segment, type SegmentLayout } from './segment.ts';
import { newPiece } from './segment-agent.ts';

const layout: SegmentLayout = {
  input: new ObservationInput(new Box(-9, 9, [2])),
  output: new ActionOutput(new Discrete(3)),
  stateSize: 1,
  parameterWidths: [3],
};

/** Two environments; everything tells step and environment. */
const acted = (step: number): Acted => ({
  observations: Float32Array.of(step, 0, step, 1),
  actions: Int32Array.of(step % 3, (step + 1) % 3),
  memories: { before: Float32Array.of(step, -step), after: Float32Array.of(step + 1, -step - 1) },
  parameters: [Float32Array.of(step, 1, 2, step, 4, 5)],
});

function episode(steps: number, end: 'terminated' | 'truncated' | 'none'): Segment {
  const segment = new Segment(layout);
  for (let step = 0; step < steps; step++) {
    const isLast = step === steps - 1;
    segment.add(
      acted(step),
      {
        reward: step,
        next: Float32Array.of(step + 1, 1),
        terminated: isLast && end === 'terminated',
        truncated: isLast && end === 'truncated',
      },
      1,
    );
  }
  return segment;
}

it('a window goes on where the next step begins, and ends as the episode does', () => {
  scope(() => {
    const whole = episode(4, 'terminated');
    const first = whole.window(1, 2);
    expect(first.observationTensor().tolist()).toEqual([
      [1, 1],
      [2, 1],
    ]);
    expect(first.actionTensor().tolist()).toEqual([2, 0]);
    expect([...(first.next as Float32Array)]).toEqual([3, 1]);
    expect([first.hasEnded, [...first.memoryAfter]]).toEqual([false, [-3]]);
    expect(first.memoryTensor().tolist()).toEqual([[-1]]);
    expect(first.parameterTensors()[0]!.tolist()).toEqual([
      [1, 4, 5],
      [2, 4, 5],
    ]);
    const rest = whole.window(3, 1);
    expect([rest.terminated, rest.length, [...rest.memoryAfter]]).toEqual([true, 1, [-4]]);
  });
});

it('a piece is due every so many steps and at the end, and no step comes twice', () => {
  const rewards = (steps: number, end: 'truncated' | 'none', isCut = false) =>
    newPiece(episode(steps, end), 3, isCut)?.rewards;
  expect(rewards(2, 'none')).toBeUndefined();
  expect(rewards(3, 'none')).toEqual([0, 1, 2]);
  expect(rewards(4, 'none')).toBeUndefined();
  expect(rewards(5, 'truncated')).toEqual([3, 4]);
  expect(rewards(6, 'truncated')).toEqual([3, 4, 5]);
  // Cut after a step that was learned from.
  expect(rewards(6, 'truncated', true)).toBeUndefined();
  expect(rewards(5, 'truncated', true)).toEqual([3, 4]);
});

it('comes back from a checkpoint as it was', () => {
  scope(() => {
    const all = [episode(3, 'terminated'), new Segment(layout), episode(2, 'truncated'), episode(1, 'none')];
    const back = Segment.unpack(layout, new Map(Segment.pack(layout, all)));
    const shown = (segment: Segment) => ({
      rewards: segment.rewards,
      observations: segment.observationTensor().tolist(),
      parameters: segment.parameterTensors().map((each) => each.tolist()),
      next: segment.next,
      ends: [segment.terminated, segment.truncated],
      memory: segment.memoryAfter,
    });
    expect(back.map(shown)).toEqual(all.map(shown));
    expect(() => Segment.unpack({ ...layout, stateSize: 2 }, new Map(Segment.pack(layout, all)))).toThrow(
      /"memories_after"/,
    );
  });
});
