// Which parameters are decayed: by shape, by PLaMo 2's names, by the kind of module; every one in exactly one group.
import { describe, expect, it } from 'vitest';
import { BatchNorm, Conv2d, Embedding, GRU, LayerNorm, Linear, Module, parameter, RMSNorm } from '../nn/index.ts';
import { ones, Rng, scope, type Tensor } from '../torch/index.ts';
import { decayGroups, isDecayed, type ParameterGroup } from './groups.ts';

const rng = new Rng(0);
const paths = (group: ParameterGroup) => group.parameters.map(([path]) => path);

/** The names and ranks of a PLaMo 2 model: one Mamba mixer, one attention mixer. */
class Model extends Module {
  embed_tokens = new Embedding(6, 4, { rng });
  A_log: Tensor = parameter(ones([2]));
  D: Tensor = parameter(ones([2]));
  dt_bias: Tensor = parameter(ones([2]));
  q_weight: Tensor = parameter(ones([2, 3]));
  k_weight: Tensor = parameter(ones([1, 3]));
  B_norm_weight: Tensor = parameter(ones([3]));
  dt_norm_weight: Tensor = parameter(ones([1, 3]));
  in_proj = new Linear(4, 2, { rng });
  pre_mixer_norm = new RMSNorm(4, { rng });
  image_norm = new LayerNorm([2, 3], { rng });
  outer = new LayerNorm([2, 3], { rng });
  batch = new BatchNorm(3, { rng });
  conv = new Conv2d(1, 2, 3, { rng });
  gru = new GRU(2, 2, { rng });
}

describe('decayGroups', () => {
  it('decays matrices, and neither norms, biases, A_log, D, dt_bias nor the heads’ norm gains', () => {
    using model = new Model();
    const [decayed, rest] = decayGroups(model, { weightDecay: 0.1 });
    expect(paths(decayed)).toEqual([
      'embed_tokens.weight',
      'in_proj.weight',
      'conv.weight',
      'gru.weight_ih_l0',
      'gru.weight_hh_l0',
    ]);
    expect([decayed.weightDecay, rest.weightDecay]).toEqual([0.1, 0]);
    expect(paths(rest)).toHaveLength(7 + 1 + 1 + 2 + 2 + 2 + 1 + 2);
  });

  it('knows gains and biases by name where their shape says nothing', () => {
    scope(() => {
      const matrix = ones([2, 3]);
      const names = [
        'dense.weight',
        'norm.weight',
        'image_norm.weight',
        'norm.inner.weight',
        'gru.bias_ih',
        'B_norm_weight',
      ];
      expect(names.map((name) => isDecayed(name, matrix))).toEqual([true, false, false, true, false, false]);
      expect(isDecayed('dense.weight', ones([3]))).toBe(false);
    });
  });

  it('takes another rule', () => {
    using model = new Model();
    const [decayed, rest] = decayGroups(model, { isDecayed: (path) => path === 'D' });
    expect(paths(decayed)).toEqual(['D']);
    expect(decayed.weightDecay).toBeUndefined();
    expect(rest.parameters).toHaveLength(22);
  });
});
