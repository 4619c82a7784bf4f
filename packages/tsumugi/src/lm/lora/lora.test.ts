// Adapters in whole models: which layers are meant, that each of them is computed with on every path, and what merging gives.
import { describe, expect, it } from 'vitest';
import { requires } from '../../../../../tests/requires.testing.ts';
import {
  convert,
  Linear,
  moduleAt,
  namedParameters,
  namedTrainable,
  numParameters,
  numTrainable,
  tensorAt,
} from '../../nn/index.ts';
import { backward, type DType, noGrad, Rng, scope, type Tensor, tensor } from '../../torch/index.ts';
import { multipliesBfloat16, NO_BFLOAT16 } from '../../torch/torch.testing.ts';
import {
  addLora,
  Cache,
  CachePool,
  decodeRows,
  formatCoverage,
  initialWeights,
  loraCoverage,
  loraLayers,
  mergeLora,
  Plamo2,
  readPiece,
  resolveTargets,
  seedDropout,
} from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import type { LoraLinear } from './layer.ts';

const config = smallConfig({ num_hidden_layers: 4 });
const untied = smallConfig({ num_hidden_layers: 2, tie_word_embeddings: false });
const model = (of = config) => new Plamo2(of, initialWeights(7));
const paths = (targets: string[], layers?: [number, number]) =>
  resolveTargets(config, { targets, layers }).map(({ path }) => path.replace('model.layers.layers.', ''));

describe('targets', () => {
  it('are names, groups, ends of paths, and a range of layers', () => {
    expect(paths(['attention'])).toEqual([1, 3].flatMap((i) => [`${i}.mixer.qkv_proj`, `${i}.mixer.o_proj`]));
    expect(paths(['mamba'], [2, 3])).toEqual(
      ['in_proj', 'bcdt_proj', 'dt_proj', 'out_proj'].map((name) => `2.mixer.${name}`),
    );
    expect(paths(['mlp', 'down_proj'], [0, 0])).toEqual(['0.mlp.gate_up_proj', '0.mlp.down_proj']);
    expect(paths(['layers.3.*'])).toHaveLength(4);
    expect(paths(['layers.*.mlp.down_proj'])).toHaveLength(4);
    expect(paths(['mixer.o_proj'])).toEqual(['1.mixer.o_proj', '3.mixer.o_proj']);
    expect(paths(['all'])).toHaveLength(2 * 4 + 2 * 2 + 4 * 2);
    expect(resolveTargets(untied, { targets: ['lm_head'] })).toMatchObject([{ path: 'lm_head', inputs: 64 }]);
    expect(resolveTargets(untied, { targets: ['all'] }).map(({ kind }) => kind)).not.toContain('lm_head');
  });

  it.each([
    [['q_proj'], undefined, /no linear map "q_proj".*Did you mean "o_proj"|no linear map "q_proj"/s],
    [['attention', 'up_proj'], undefined, /no linear map "up_proj".*gate_up_proj/s],
    [['roj'], undefined, /no linear map "roj"/],
    [['qkv_proj'], [0, 0], /no layer from 0 to 0 has a linear map "qkv_proj"/],
    [['all'], [2, 4], /layers 2 to 4 are not those of a model of 4/],
    [['all'], [3, 2], /layers 3 to 2/],
    [['embed_tokens'], undefined, /the embedding is a table of rows/],
    [['lm_head'], undefined, /no head of its own/],
    [[], undefined, /no layer is named/],
  ] as const)('that nothing answers to are refused: %s %s', (targets, layers, message) => {
    expect(() => resolveTargets(config, { targets, layers })).toThrow(message);
  });

  it('are told in a table: of each kind how many, and what share is trained', () => {
    const coverage = loraCoverage(config, { targets: ['mamba', 'lm_head'].slice(0, 1), rank: 2, dora: true });
    // in_proj is [128, 64], so an adapter has 2·(128 + 64) numbers, and DoRA's 128 more.
    expect(coverage.rows[0]).toEqual({
      kind: 'in_proj',
      matched: 2,
      all: 2,
      trained: 2 * (384 + 128),
      parameters: 2 * 8192,
    });
    expect(coverage.rows.find(({ kind }) => kind === 'o_proj')).toMatchObject({ matched: 0, all: 2, trained: 0 });
    using adapted = model();
    addLora(adapted, { rank: 2, kind: 'dora', targets: ['mamba'] });
    expect(numTrainable(adapted)).toBe(coverage.trained);
    expect(formatCoverage(coverage, 'dora')).toMatch(
      /dora: [\d,]+ numbers are trained\n {2}in_proj +2 of 2 +1,024 +6\.25 % of 16,384\n/,
    );
  });
});

it('freezes all but the adapters', () => {
  using adapted = model();
  const before = numParameters(adapted);
  const layers = addLora(adapted, { rank: 3, targets: ['mlp'] });
  expect(layers.size).toBe(8);
  expect(namedTrainable(adapted).every(([path]) => /\.lora_[AB]\.weight$/.test(path))).toBe(true);
  expect(numParameters(adapted) - before).toBe(numTrainable(adapted));
});

/** Fills what starts at 0 with noise. */
function disturb(layer: LoraLinear, seed = 1): void {
  noGrad(() => scope(() => void layer.lora_B.weight.normal_(0, 0.3, { rng: new Rng(seed) })));
}
const T = 24;
const ids = (rows = 1) =>
  tensor(
    Array.from({ length: rows * T }, (_, i) => (i * 37 + 11) % 290),
    { dtype: 'int64' },
  ).view([rows, T]);

/** Logits [rows·T, V] by every way in which a model computes them. */
const ways: Record<string, (of: Plamo2, dtype: DType) => Tensor> = {
  'a whole text': (of, dtype) => of.logits(of.forward(ids(), { dtype })),
  'packed documents': (of, dtype) => {
    const documents = tensor(
      Int32Array.from({ length: T }, (_, i) => Math.floor(i / 9)),
      { shape: [1, T] },
    );
    return of.logits(of.forward(ids(), { dtype, documents }));
  },
  'token by token': (of, dtype) => {
    using cache = new Cache(of);
    let last: Tensor | undefined;
    for (let t = 0; t < T; t++) last = of.logits(of.forward(ids().narrow(1, t, 1), { dtype, cache }));
    return last!;
  },
  'in a pool': (of) => {
    using pool = new CachePool(of, { bytes: 1 << 24 });
    const all = ids().flatten().tolist() as number[];
    const rows = [3, 50, 201].map((next, row) => {
      const sequence = pool.begin();
      readPiece(of, all.slice(row, 2 * row + 5), sequence);
      return { sequence, ids: [next] };
    });
    return tensor(decodeRows(of, rows).flatMap(([logits]) => [...logits!]));
  },
};
const computed = (of: Plamo2, way: keyof typeof ways, dtype: DType): Float32Array =>
  scope(() => noGrad(() => ways[way]!(of, dtype).float().contiguous().data() as Float32Array).slice());
const furthest = (a: Float32Array, b: Float32Array) => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
const size = (a: Float32Array) => a.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

describe.each(Object.keys(ways))('each adapter by itself counts: %s', (way) => {
  const counts = (dtype: 'float32' | 'bfloat16') => {
    for (const of of way === 'a whole text' ? [config, untied] : [config]) {
      using plain = convert(model(of), dtype);
      using adapted = convert(model(of), dtype);
      const targets = of === untied ? ['all', 'lm_head'] : ['all'];
      const layers = addLora(adapted, { rank: 2, targets, alpha: 4 });
      adapted.eval();
      const before = computed(adapted, way, dtype);
      expect(furthest(before, computed(plain, way, dtype))).toBe(0); // B = 0 changes nothing, on any path
      for (const [path, layer] of layers) {
        disturb(layer);
        const moved = computed(adapted, way, dtype);
        expect(furthest(moved, before) / size(before), path).toBeGreaterThan(1e-4);
        if (dtype === 'float32') {
          const old = tensorAt(plain, `${path}.weight`);
          const kept = scope(() => old.detach().clone());
          noGrad(() => scope(() => void old.copy_(layer.mergedWeight())));
          expect(furthest(moved, computed(plain, way, dtype)) / size(before), path).toBeLessThan(2e-5);
          noGrad(() => scope(() => void old.copy_(kept)));
          kept.dispose();
        }
        noGrad(() => scope(() => void layer.lora_B.weight.zero_()));
      }
      expect(furthest(computed(adapted, way, dtype), before)).toBe(0);
    }
  };
  it('float32', () => counts('float32'));
  it('bfloat16', requires(multipliesBfloat16(), NO_BFLOAT16), () => counts('bfloat16'));
});

describe('in the loss', () => {
  const batch = () => ({ ids: ids(2), targets: ids(2).add(1) });
  const gradients = (of: Plamo2, activationCheckpointing: boolean) => {
    scope(() => backward(of.loss(batch(), { activationCheckpointing }).loss));
    return scope(() =>
      namedTrainable(of).map(([path, each]) => {
        const found = each.grad!.flatten().tolist() as number[];
        each.grad = undefined;
        return [path, found] as const;
      }),
    );
  };

  it.each([config, untied])('every adapter gets its gradient, the same when layers are run again', (of) => {
    using adapted = model(of);
    const targets = of === untied ? ['all', 'lm_head'] : ['all'];
    for (const layer of addLora(adapted, { rank: 2, targets, kind: 'dora', dropout: 0.2 }).values()) disturb(layer);
    seedDropout(adapted, 3, 0);
    const kept = gradients(adapted, false);
    for (const [path, values] of kept) expect(Math.max(...values.map(Math.abs)), path).toBeGreaterThan(0);
    seedDropout(adapted, 3, 0);
    const again = gradients(adapted, true);
    for (const [i, [path, values]] of kept.entries())
      for (const [j, value] of values.entries()) expect(again[i]![1][j], path).toBeCloseTo(value, 5);
    seedDropout(adapted, 3, 1);
    expect(gradients(adapted, false)).not.toEqual(kept);
    for (const [path, each] of namedParameters(adapted))
      if (!/lora_/.test(path))
        expect(
          scope(() => each.grad),
          path,
        ).toBeUndefined();
  });
});

describe('merging', () => {
  it.each(['lora', 'rslora', 'dora'] as const)('gives the logits of the adapted model: %s', (kind) => {
    using merged = model();
    for (const [i, layer] of [...addLora(merged, { rank: 4, kind }).values()].entries()) disturb(layer, i);
    const adapted = computed(merged.eval(), 'a whole text', 'float32');
    mergeLora(merged);
    expect(loraLayers(merged).size).toBe(0);
    expect(moduleAt(merged, 'model.layers.layers.0.mlp.down_proj')).toBeInstanceOf(Linear);
    const after = computed(merged, 'a whole text', 'float32');
    expect(furthest(adapted, after) / size(after)).toBeLessThan(5e-5);
    using plain = model();
    expect(furthest(computed(plain, 'a whole text', 'float32'), after) / size(after)).toBeGreaterThan(1e-2);
  });

  it('keeps the type of the weights', () => {
    using merged = convert(model(), 'bfloat16');
    addLora(merged, { rank: 2, targets: ['mlp'] });
    mergeLora(merged);
    expect(new Set(namedParameters(merged).map(([, each]) => each.dtype))).toEqual(new Set(['bfloat16']));
  });
});
