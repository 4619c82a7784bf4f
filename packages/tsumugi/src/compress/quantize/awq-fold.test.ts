// AWQ in one layer, against the same steps by hand: which matrix's scale goes where, in which order, and what is cut.
import { expect, it } from 'vitest';
import { buildBlock, initialWeights, normOffset, type Plamo2Config, preset, tensorShapes } from '../../lm/index.ts';
import { type Linear, moduleAt, tensorAt } from '../../nn/index.ts';
import { noGrad, Rng, randn, scope, type Tensor } from '../../torch/index.ts';
import { clipped, searchScale } from './awq.ts';
import { awqFolded } from './awq-fold.ts';
import { InputSample } from './input-sample.ts';
import { type PlannedMatrix, plannedMatrices } from './matrices.ts';
import { checkQuantizeConfig } from './quantize-config.ts';

const config: Plamo2Config = preset('mini', {
  ...{ hidden_size: 32, intermediate_size: 48, num_hidden_layers: 2, num_attention_heads: 2, num_key_value_heads: 1 },
  ...{ hidden_size_per_head: 16, mamba_num_heads: 2, mamba_d_state: 8, vocab_size: 50 },
});
const round = { bits: 4, symmetric: false, groupSize: 16, leastZero: 0 } as const;
const prefix = 'model.layers.layers.1.';

/** The attention layer, and inputs of its matrices in which some channels are large. */
function opened(kinds: readonly string[]) {
  const shapes = tensorShapes(config);
  const initial = initialWeights(3);
  const block = buildBlock(config, 1, (name) =>
    scope(() => initial(name, shapes.get(name)!).mul(name.endsWith('_proj.weight') ? 3 : 1)),
  );
  const settings = { ...checkQuantizeConfig({ method: 'awq' }), groupSize: 16 };
  const all: Record<string, 4 | 16> = Object.fromEntries(kinds.map((kind) => [kind, 4]));
  const bits = new Proxy({} as Record<PlannedMatrix['kind'], 4 | 16>, { get: (_, kind: string) => all[kind] ?? 16 });
  const matrices = plannedMatrices(config, settings, bits).filter(
    (each) => each.path.startsWith(prefix) && each.bits !== 16,
  );
  const samples = new Map(
    matrices.map(({ path, shape: [, inputs] }, i): [string, InputSample] => {
      const sample = new InputSample(64);
      sample.add(
        scope(() =>
          randn([1, 64, inputs], new Rng(i)).mul(
            randn([inputs], new Rng(10 + i))
              .mul(1.5)
              .exp(),
          ),
        ),
      );
      return [path.slice(prefix.length), sample];
    }),
  );
  return { block, matrices, samples };
}

const weightOf = (block: ReturnType<typeof buildBlock>, path: string): Tensor =>
  (moduleAt(block, path) as Linear).weight.detach();
const same = (found: Tensor, expected: Tensor, what: string) =>
  expect(found.sub(expected).abs().max().item(), what).toBeLessThan(1e-6 * expected.abs().max().item());

it('scales down_proj first, so that the scale of gate_up_proj is found for the rows as they will be', () => {
  scope(() =>
    noGrad(() => {
      const { block, matrices, samples } = opened(['gate_up_proj', 'down_proj']);
      using _block = block;
      const [up, down] = ['mlp.gate_up_proj', 'mlp.down_proj'].map((path) => weightOf(block, path).clone()) as [
        Tensor,
        Tensor,
      ];
      const norm = tensorAt(block, 'pre_mlp_norm.weight').detach().clone();
      const changed = awqFolded(block, matrices, samples, () => round, config);
      expect(changed).toEqual(['pre_mlp_norm.weight']);
      const [x, y] = ['mlp.gate_up_proj', 'mlp.down_proj'].map((path) => samples.get(path)!) as [
        InputSample,
        InputSample,
      ];
      const { scale: ofDown } = searchScale(down, y.sample(), y.means(), round);
      up.narrow(0, 48, 48).div_(ofDown.unsqueeze(1));
      const { scale: ofUp } = searchScale(up, x.sample(), x.means(), round);
      same(
        tensorAt(block, 'pre_mlp_norm.weight').detach(),
        norm.add(normOffset.pre).div(ofUp).sub(normOffset.pre),
        'norm',
      );
      // Cut as the inputs come then: divided by the scale.
      same(weightOf(block, 'mlp.gate_up_proj'), clipped(up.mul(ofUp), x.sample().div(ofUp), round), 'gate_up_proj');
      same(weightOf(block, 'mlp.down_proj'), clipped(down.mul(ofDown), y.sample().div(ofDown), round), 'down_proj');
      for (const each of samples.values()) each[Symbol.dispose]();
    }),
  );
});

it('cuts values, and neither queries nor keys', () => {
  scope(() =>
    noGrad(() => {
      const { block, matrices, samples } = opened(['qkv_proj']);
      using _block = block;
      const before = weightOf(block, 'mixer.qkv_proj').clone(); // 32 queries, 16 keys, 16 values
      const sample = samples.get('mixer.qkv_proj')!;
      const { scale } = searchScale(before, sample.sample(), sample.means(), round);
      expect(awqFolded(block, matrices, samples, () => round, config)).toEqual(['pre_mixer_norm.weight']);
      const [after, scaled] = [weightOf(block, 'mixer.qkv_proj'), before.mul(scale)];
      same(after.narrow(0, 0, 48), scaled.narrow(0, 0, 48), 'queries and keys');
      const cut = clipped(scaled.narrow(0, 48, 16), sample.sample().div(scale), round);
      same(after.narrow(0, 48, 16), cut, 'values');
      expect(
        cut
          .sub(scaled.narrow(0, 48, 16))
          .abs()
          .max()
          .item(),
      ).toBeGreaterThan(0.01);
      // Queries and keys would have been cut as well.
      expect(
        clipped(scaled, sample.sample().div(scale), round)
          .narrow(0, 0, 48)
          .sub(scaled.narrow(0, 0, 48))
          .abs()
          .max()
          .item(),
      ).toBeGreaterThan(0.01);
      for (const each of samples.values()) each[Symbol.dispose]();
    }),
  );
});

it('says that gate_up_proj has changed where it is kept', () => {
  scope(() =>
    noGrad(() => {
      const { block, matrices, samples } = opened(['down_proj']);
      using _block = block;
      const before = weightOf(block, 'mlp.gate_up_proj').clone();
      expect(awqFolded(block, matrices, samples, () => round, config)).toEqual(['mlp.gate_up_proj.weight']);
      const after = weightOf(block, 'mlp.gate_up_proj');
      same(after.narrow(0, 0, 48), before.narrow(0, 0, 48), 'the gate');
      expect(after.sub(before).narrow(0, 48, 48).abs().max().item()).toBeGreaterThan(0.01);
      for (const each of samples.values()) each[Symbol.dispose]();
    }),
  );
});
