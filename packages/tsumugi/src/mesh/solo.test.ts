// The mesh of one process: collectives are copies, and leave no tensors.
import { expect, it } from 'vitest';
import { liveHandles, tensor, zeros } from '../torch/index.ts';
import { solo } from './solo.ts';

it.each(['allGather', 'reduceScatter'] as const)('%s gives the input', (collective) => {
  using input = tensor([1, 2]);
  using output = zeros([2]);
  const before = liveHandles();
  solo[collective](output, input).wait();
  expect(liveHandles()).toBe(before);
  expect(output.tolist()).toEqual([1, 2]);
});
