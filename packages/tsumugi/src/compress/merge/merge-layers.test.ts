// Merges that stack layers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isMamba, layerPath, loadModel, parseConfig } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import { embedding, SmallMerges } from './merge.testing.ts';

let small: SmallMerges;
beforeAll(() => {
  small = new SmallMerges();
});
afterAll(() => small[Symbol.dispose]());

describe('layers', () => {
  it('are stacked by passthrough', async () => {
    const name = await small.merge(`merge_method: passthrough
slices:
  - sources: [{model: a, layer_range: [0, 4]}]
  - sources: [{model: b, layer_range: [2, 4]}]
`);
    const config = parseConfig(new Artefact(small.at(name)).config());
    expect(config.num_hidden_layers).toBe(6);
    small.expectMix(name, layerPath(3, 'mixer.o_proj.weight'), [['a', 1]]);
    small.expectMix(name, layerPath(4, 'mixer.in_proj.weight'), [['b', 1, layerPath(2, 'mixer.in_proj.weight')]]);
    small.expectMix(name, embedding, [['a', 1]]);
    small.expectMix(name, 'model.norm.weight', [['b', 1]]);
    using model = loadModel(small.at(name));
    expect(model.config.num_hidden_layers).toBe(6);
    expect(isMamba(model.config, 4)).toBe(true);
  });

  it('keep full attention where it came from', async () => {
    small.make('full', 9, { full_attention_idx: [1] });
    const name = await small.merge(`merge_method: passthrough
slices:
  - sources: [{model: full, layer_range: [2, 4]}]
  - sources: [{model: full, layer_range: [0, 4]}]
`);
    expect(new Artefact(small.at(name)).config()).toMatchObject({ num_hidden_layers: 6, full_attention_idx: [3] });
  });

  it('take the base from the same layers where it is not listed', async () => {
    const name = await small.merge(`merge_method: task_arithmetic
base_model: base
parameters: {weight: 1, lambda: 0.5}
slices: [{sources: [{model: a, layer_range: [2, 4]}]}]
`);
    small.expectMix(name, layerPath(1, 'mixer.o_proj.weight'), [
      ['a', 0.5, layerPath(3, 'mixer.o_proj.weight')],
      ['base', 0.5, layerPath(3, 'mixer.o_proj.weight')],
    ]);
  });

  it.each([
    ['[1, 3]', 'layer 0 of the result is Mamba, but layer 1 of a is attention'],
    ['[0, 3]', 'layer 3 of the result is attention, but layer 0 of b is Mamba'],
    ['[0, 5]', /merge\.yml:3: a has 4 layers, the range ends at 5/],
  ])('refuse what breaks the pattern of Mamba and attention: %s', async (range, message) => {
    const yaml = `merge_method: passthrough
slices:
  - sources: [{model: a, layer_range: ${range}}]
  - sources: [{model: b, layer_range: [0, 4]}]
`;
    await expect(small.merge(yaml)).rejects.toThrow(message);
  });
});
