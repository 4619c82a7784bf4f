// Parameters of a merge on their way from the YAML to the tensors.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layerPath } from '../../lm/index.ts';
import { planMergeModels } from './forecast.ts';
import { embedding, SmallMerges } from './merge.testing.ts';

let small: SmallMerges;
beforeAll(() => {
  small = new SmallMerges();
});
afterAll(() => small[Symbol.dispose]());

describe('parameters', () => {
  const both = 'slices: [{sources: [{model: a, layer_range: [0, 4]}, {model: b, layer_range: [0, 4]}]}]\n';

  it('run over the layers as gradients; before the first layer they are at 0, after the last at 1', async () => {
    const name = await small.merge(`${both}merge_method: nearswap\nbase_model: a\nparameters: {t: [0, 0.03]}\n`);
    for (const [tensor, t] of [
      [embedding, 0],
      [layerPath(0, 'mlp.down_proj.weight'), 0],
      [layerPath(2, 'mlp.down_proj.weight'), 0.02],
      ['model.norm.weight', 0.03],
    ] as const) {
      const [a, b, found] = ['a', 'b', name].map((model) => small.numbers(model, tensor)) as [
        number[],
        number[],
        number[],
      ];
      for (const [i, value] of found.entries())
        expect(value).toBeCloseTo(a[i]! + Math.max(-t, Math.min(t, b[i]! - a[i]!)), 7);
    }
  });

  it('are chosen by filters: the first that fits, then the level below', async () => {
    const name = await small.merge(`merge_method: linear
parameters: {normalize: false, weight: 0.5}
models:
  - model: a
    parameters:
      weight:
        - {filter: mlp, value: 2}
        - {filter: down_proj, value: 9}
        - {filter: mixer, value: [1, 4]}
  - model: b
    parameters: {weight: {filter: "*", value: 0}}
`);
    small.expectMix(name, layerPath(1, 'mlp.down_proj.weight'), [['a', 2]]);
    small.expectMix(name, layerPath(1, 'mixer.o_proj.weight'), [['a', 2]]);
    small.expectMix(name, layerPath(3, 'mixer.o_proj.weight'), [['a', 4]]);
    small.expectMix(name, embedding, [['a', 0.5]]);
  });

  it('of a source come before those of a slice, and these before the common ones', async () => {
    const name = await small.merge(`merge_method: linear
parameters: {weight: 1, normalize: false}
slices:
  - sources:
      - {model: a, layer_range: [0, 2], parameters: {weight: 3}}
      - {model: b, layer_range: [0, 2]}
    parameters: {weight: 2}
  - sources:
      - {model: a, layer_range: [2, 4]}
      - {model: b, layer_range: [2, 4]}
`);
    small.expectMix(name, layerPath(1, 'mlp.down_proj.weight'), [
      ['a', 3],
      ['b', 2],
    ]);
    small.expectMix(name, embedding, [
      ['a', 3],
      ['b', 2],
    ]);
    small.expectMix(name, layerPath(2, 'mlp.down_proj.weight'), [
      ['a', 1],
      ['b', 1],
    ]);
    small.expectMix(name, 'model.norm.weight', [
      ['a', 1],
      ['b', 1],
    ]);
  });

  it('merge vectors linearly under slerp: offsets of norms cancel', async () => {
    const name = await small.merge('merge_method: slerp\nbase_model: a\nmodels: [{model: b}]\nparameters: {t: 0.25}\n');
    for (const rest of ['mixer.A_log', 'mixer.D', 'mixer.dt_bias', 'mixer.dt_norm_weight', 'pre_mixer_norm.weight'])
      small.expectMix(name, layerPath(0, rest), [
        ['a', 0.75],
        ['b', 0.25],
      ]);
    const [a, b] = ['a', 'b'].map((model) => small.numbers(model, embedding)) as [number[], number[]];
    const dot = (x: number[], y: number[]) => x.reduce((sum, each, i) => sum + each * y[i]!, 0);
    const omega = Math.acos(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)));
    small.expectMix(name, embedding, [
      ['a', Math.sin(0.75 * omega) / Math.sin(omega)],
      ['b', Math.sin(0.25 * omega) / Math.sin(omega)],
    ]);
  });

  it('warn of filters that choose nothing and of what does nothing', async () => {
    const yaml = `${both}merge_method: slerp\nbase_model: a\nparameters: {int8_mask: true, t: [{filter: self_attn, value: 1}, {value: 0}]}\n`;
    expect((await planMergeModels(small.yaml(yaml))).warnings).toEqual([
      expect.stringMatching(/merge\.yml:4: "int8_mask" does nothing here/),
      'the filter "self_attn" chooses no tensor; attention and Mamba are called "mixer" in a PLaMo 2',
    ]);
  });
});
