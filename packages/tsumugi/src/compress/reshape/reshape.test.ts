// Other shapes, the same function: on every axis, channels that are zero are taken away, and channels are copied.
import { expect, it } from 'vitest';
import { layerPath as layer, Plamo2, type Plamo2Config, preset, presetNames, tensorShapes } from '../../lm/index.ts';
import { type Axis, channelsOf, layoutOf } from './axes.ts';
import type { ChannelMap } from './channel-map.ts';
import { answers, clear, largestDifference, livelyModel, reshapeConfig, weightsOf } from './reshape.testing.ts';
import { type Reshape, reshapedSource } from './reshape.ts';

const preciseModel = (config: Plamo2Config) => livelyModel(config, { dtype: 'float64' });
/**
 * How far two models of one function may be apart in float64. BLAS adds up a sum of n terms in an order of its own for each shape
 * and CPU, which errs by n·2⁻⁵³ of the terms' sizes at most: 2.3e-13 for the widest, 2,048. A chain of the dozen linear maps on the
 * way to a logit, each at its worst, and gains of a few: 1e-11. A channel that is taken wrongly is seen at 1e-3.
 */
const rounding = 1e-11;
const range = (first: number, count: number, step = 1) => Array.from({ length: count }, (_, i) => first + i * step);
const without = (before: number, left: readonly number[]): ChannelMap => ({
  before,
  from: range(0, before).filter((channel) => !left.includes(channel)),
});
const allLayers = (config: Plamo2Config) => range(0, config.num_hidden_layers);

function reshaped(model: Plamo2, maps: Partial<Record<Axis, ChannelMap>>, changes: Partial<Plamo2Config>): Plamo2 {
  const reshape: Reshape = {
    before: model.config,
    after: { ...model.config, ...changes },
    layers: allLayers(model.config),
    mapAt: (axis) => maps[axis],
  };
  return new Plamo2(reshape.after, reshapedSource(weightsOf(model), reshape));
}

function difference(model: Plamo2, other: Plamo2): number {
  using both = other;
  const [a, b] = [answers(model), answers(both)];
  expect(Math.max(...a)).toBeGreaterThan(1);
  return largestDifference(a, b);
}

it.each([...presetNames])('the layout has the rows and columns of every tensor: %s', (name) => {
  for (const tied of [true, false]) {
    const config = preset(name, { tie_word_embeddings: tied, vocab_size: 101 });
    for (const [tensor, shape] of tensorShapes(config)) {
      const sizes = layoutOf(tensor, config).map((runs) =>
        runs.reduce<number>(
          (sum, run) => sum + (typeof run === 'number' ? run : run.each * channelsOf(run.axis, config)),
          0,
        ),
      );
      expect([tensor, sizes]).toEqual([tensor, shape]);
    }
  }
});

/** Channels of every axis that are zero, by hand. */
const zero: Record<Exclude<Axis, 'vocabulary' | 'dt'>, (model: Plamo2, channels: readonly number[]) => void> = {
  hidden(model, channels) {
    clear(model, 'model.embed_tokens.weight', 1, channels);
    for (const i of allLayers(model.config)) {
      clear(model, layer(i, i % 2 === 0 ? 'mixer.out_proj.weight' : 'mixer.o_proj.weight'), 0, channels);
      clear(model, layer(i, 'mlp.down_proj.weight'), 0, channels);
    }
  },
  ffn(model, channels) {
    const { intermediate_size: I } = model.config;
    for (const i of allLayers(model.config))
      clear(
        model,
        layer(i, 'mlp.gate_up_proj.weight'),
        0,
        channels.map((c) => I + c),
      );
  },
  query(model, heads) {
    for (const i of [1, 3, 5])
      clear(
        model,
        layer(i, 'mixer.o_proj.weight'),
        1,
        heads.flatMap((head) => range(8 * head, 8)),
      );
  },
  kv(model, heads) {
    const { num_attention_heads: H, num_key_value_heads: K } = model.config;
    for (const i of [1, 3, 5])
      clear(
        model,
        layer(i, 'mixer.qkv_proj.weight'),
        0,
        heads.flatMap((head) => range(8 * (H + K + head), 8)),
      );
  },
  mamba(model, heads) {
    for (const i of [0, 2, 4])
      clear(
        model,
        layer(i, 'mixer.in_proj.weight'),
        0,
        heads.flatMap((head) => range(16 * head + 8, 8)),
      );
  },
};

// Logits reach beyond 1.
it.each([true, false])('takes zero channels away without a change of a logit, head tied: %s', (tie_word_embeddings) => {
  const config = reshapeConfig({ tie_word_embeddings });
  const cases: [string, (model: Plamo2) => void, Partial<Record<Axis, ChannelMap>>, Partial<Plamo2Config>][] = [
    ['hidden', (m) => zero.hidden(m, [0, 5, 17, 95]), { hidden: without(96, [0, 5, 17, 95]) }, { hidden_size: 92 }],
    ['ffn', (m) => zero.ffn(m, [3, 4, 20]), { ffn: without(24, [3, 4, 20]) }, { intermediate_size: 21 }],
    [
      'groups',
      (m) => zero.kv(m, [1, 3]),
      { kv: without(4, [1, 3]), query: without(8, [2, 3, 6, 7]) },
      { num_attention_heads: 4, num_key_value_heads: 2 },
    ],
    ['query', (m) => zero.query(m, [0, 3, 5, 6]), { query: without(8, [0, 3, 5, 6]) }, { num_attention_heads: 4 }],
    ['mamba', (m) => zero.mamba(m, [0, 4]), { mamba: without(6, [0, 4]) }, { mamba_num_heads: 4 }],
  ];
  for (const [axis, clearAll, maps, changes] of cases) {
    using model = preciseModel(config);
    const full = answers(model);
    clearAll(model);
    expect(largestDifference(full, answers(model)), axis).toBeGreaterThan(0.01); // they took part
    expect(difference(model, reshaped(model, maps, changes)), axis).toBeLessThan(rounding);
    const [name, map] = Object.entries(maps)[0] as [Axis, ChannelMap];
    const { from, before } = map;
    const [first] = range(0, before).filter((channel) => !from.includes(channel));
    const other = { ...maps, [name]: { before, from: [first!, ...from.slice(1)] } };
    expect(difference(model, reshaped(model, other, changes)), `${axis}, another channel`).toBeGreaterThan(1e-3);
  }
});

it('takes zero channels of the hidden width and of the rank of Δ away together', () => {
  using model = preciseModel(reshapeConfig({ hidden_size: 2048, num_hidden_layers: 2 }));
  const [odd, even] = [range(1, 1024, 2), range(0, 64, 2)];
  zero.hidden(model, odd);
  clear(
    model,
    layer(0, 'mixer.bcdt_proj.weight'),
    0,
    even.map((i) => 16 + i), // after B and C
  );
  const dt = without(128, even);
  const maps = { hidden: without(2048, odd), dt };
  expect(difference(model, reshaped(model, maps, { hidden_size: 1024 }))).toBeLessThan(rounding);
});

it('leaves out layers that add nothing, and puts them in', () => {
  using model = preciseModel(reshapeConfig());
  const source = weightsOf(model);
  const grown: Reshape = {
    before: model.config,
    after: { ...model.config, num_hidden_layers: 8 },
    layers: [0, 1, 2, 3, 2, 3, 4, 5],
    mapAt: () => undefined,
    silent: new Set([4, 5]),
  };
  using larger = new Plamo2(grown.after, reshapedSource(source, grown));
  expect(largestDifference(answers(model), answers(larger))).toBe(0);
  const back: Reshape = { ...grown, before: grown.after, after: model.config, layers: [0, 1, 2, 3, 6, 7] };
  using again = new Plamo2(back.after, reshapedSource(weightsOf(larger), { ...back, silent: undefined }));
  expect(largestDifference(answers(model), answers(again))).toBe(0);
  using repeated = new Plamo2(grown.after, reshapedSource(source, { ...grown, silent: undefined }));
  expect(largestDifference(answers(model), answers(repeated))).toBeGreaterThan(0.01);
});

const cycled = (before: number, after: number): ChannelMap => ({
  before,
  from: range(0, after).map((i) => i % before),
});

it.each([true, false])('copies channels, evenly or not, without a change of a logit, head tied: %s', (tied) => {
  using model = preciseModel(reshapeConfig({ tie_word_embeddings: tied }));
  const cases: [string, Partial<Record<Axis, ChannelMap>>, Partial<Plamo2Config>][] = [
    ['hidden twice', { hidden: cycled(96, 192) }, { hidden_size: 192 }],
    ['hidden, some', { hidden: cycled(96, 131) }, { hidden_size: 131 }],
    ['ffn', { ffn: cycled(24, 61) }, { intermediate_size: 61 }],
    ['mamba', { mamba: cycled(6, 9) }, { mamba_num_heads: 9 }],
    ['groups', { kv: cycled(4, 6), query: cycled(8, 12) }, { num_attention_heads: 12, num_key_value_heads: 6 }],
    ['query', { query: { before: 8, from: [0, 1, 0, 2, 3, 3, 4, 5, 5, 6, 7, 6] } }, { num_attention_heads: 12 }],
  ];
  for (const [axis, maps, changes] of cases)
    expect(difference(model, reshaped(model, maps, changes)), axis).toBeLessThan(rounding);
});

it('copies channels of the hidden width and of the rank of Δ', () => {
  using model = preciseModel(reshapeConfig({ hidden_size: 1024, num_hidden_layers: 2 }));
  const maps = { hidden: cycled(1024, 1600), dt: cycled(64, 100) };
  expect(difference(model, reshaped(model, maps, { hidden_size: 1600 }))).toBeLessThan(rounding);
});
