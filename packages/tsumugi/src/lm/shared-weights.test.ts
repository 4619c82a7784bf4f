// A model on another's tensors: what it computes, what it costs, and that each can go without the other.
import { expect, it } from 'vitest';
import { namedModules, namedParameters } from '../nn/index.ts';
import { memory, noGrad, scope } from '../torch/index.ts';
import { addLora, generateIds, initialWeights, Plamo2, sharingWeights } from './index.ts';
import { smallConfig } from './lm.testing.ts';
import { tinyModelOfFile } from './tiny-model.testing.ts';

const tiny = tinyModelOfFile();
const prompt = [1, 261, 262, 270];
const written = (model: Plamo2) => [...generateIds(model, prompt, { maxTokens: 8 })];

it('writes what its base writes, in the memory of the base', () => {
  using base = new Plamo2(smallConfig(), initialWeights(3));
  const before = memory().liveBytes;
  const model = sharingWeights(base);
  expect(memory().liveBytes - before).toBeLessThan(1000);
  const expected = written(base);
  expect(written(model)).toEqual(expected);
  model.dispose();
  expect(written(base)).toEqual(expected);
});

it('has adapters that its base has not', () => {
  using base = tiny.load();
  const expected = written(base);
  using model = sharingWeights(base);
  const layers = addLora(model, { rank: 2 });
  for (const layer of layers.values())
    for (const [name, tensor] of namedParameters(layer))
      if (name.startsWith('lora_')) noGrad(() => scope(() => tensor.fill_(0.3)));
  expect([...namedModules(base)].length).toBeLessThan([...namedModules(model)].length);
  expect(written(model)).not.toEqual(expected);
  expect(written(base)).toEqual(expected);
});
