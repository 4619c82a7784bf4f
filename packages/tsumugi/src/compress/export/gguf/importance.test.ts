// Which importance a tensor of the file gets.
import { expect, it } from 'vitest';
import { preset } from '../../../lm/index.ts';
import type { ImportanceMatrix } from '../../importance/index.ts';
import { importanceFor } from './importance.ts';
import { planGguf } from './plan.ts';

const tensors = new Map(planGguf(preset('mini'), 'Q8_0').tensors.map((tensor) => [tensor.gguf, tensor]));
const matrix = (means: Record<string, number>): ImportanceMatrix => ({
  means: new Map(Object.entries(means).map(([name, length]) => [name, new Float32Array(length).fill(length)])),
  tokens: 1,
  texts: [],
});
const lengthFor = (found: ImportanceMatrix, name: string) => importanceFor(found, tensors.get(name)!)?.length;

it('is that of its own name, and for a tied embedding that of the head', () => {
  const both = matrix({ 'blk.0.ffn_up.weight': 256, 'output.weight': 256 });
  expect(lengthFor(both, 'blk.0.ffn_up.weight')).toBe(256);
  expect(lengthFor(both, 'token_embd.weight')).toBe(256);
  expect(lengthFor(both, 'blk.0.ffn_down.weight')).toBeUndefined();
  expect(lengthFor(matrix({ 'token_embd.weight': 256, 'output.weight': 9 }), 'token_embd.weight')).toBe(256);
});

it('is refused when it has another number of channels', () => {
  expect(() => lengthFor(matrix({ 'blk.0.ffn_up.weight': 255 }), 'blk.0.ffn_up.weight')).toThrow(
    /the importance matrix has 255 channels for "blk.0.ffn_up.weight", and the model has 256/,
  );
});
