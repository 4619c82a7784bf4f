// The mesh of one process changes nothing.
import { expect, it } from 'vitest';
import { scope, tensor } from '../torch/index.ts';
import { singleProcess } from './index.ts';

it('is alone', () => {
  scope(() => {
    const gradient = tensor([1, 2]);
    singleProcess.allReduce([gradient]);
    singleProcess.barrier();
    expect(gradient.tolist()).toEqual([1, 2]);
    expect([singleProcess.rank, singleProcess.world]).toEqual([0, 1]);
  });
});
