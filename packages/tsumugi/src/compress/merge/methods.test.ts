// Merge methods: values by hand, what is refused, vectors, and results that do not depend on how a tensor is cut into pieces.
import { expect, it } from 'vitest';
import { ConfigError, ShapeError, UserError } from '../../base/index.ts';
import { Rng, randn, scope, type Tensor, tensor, zeros } from '../../torch/index.ts';
import { type MergeMethodName, mergeMethodNames, mergeTensors } from './index.ts';
import { mergeGroup } from './merge-tensors.ts';
import type { ParameterValues } from './methods/method.ts';
import { cutsAt, largest } from './order-statistics.ts';
import { completed, methodNamed } from './parameters.ts';

const at = (values: number[][]) => tensor(values, { dtype: 'float64' });
const b = [[0, 0, 0, 0]];

/** Base, models, parameters, the weights of the models, and what comes of it: small enough to check in one's head. */
const byHand: [
  MergeMethodName,
  number[][] | undefined,
  number[][][],
  ParameterValues,
  number[] | undefined,
  number[],
][] = [
  ['linear', undefined, [[[2, 4, 0, -2]], [[4, 0, 2, 2]]], {}, [3, 1], [2.5, 3, 0.5, -1]],
  ['linear', undefined, [[[2, 4, 0, -2]], [[4, 0, 2, 2]]], { normalize: false }, [3, 1], [10, 12, 2, -4]],
  // A quarter circle, half-way: both by sin 45° / sin 90°.
  ['slerp', [[1, 0, 0, 0]], [[[0, 2, 0, 0]]], { t: 0.5 }, undefined, [Math.SQRT1_2, Math.SQRT2, 0, 0]],
  ['nuslerp', undefined, [[[1, 0, 0, 0]], [[0, 2, 0, 0]]], {}, [1, 1], [Math.SQRT1_2, Math.SQRT2, 0, 0]],
  // Mean direction of the axes, mean length 2.
  ['multislerp', undefined, [[[1, 0, 0, 0]], [[0, 3, 0, 0]]], {}, [1, 1], [Math.SQRT2, Math.SQRT2, 0, 0]],
  ['karcher', undefined, [[[1, 0, 0, 0]], [[0, 3, 0, 0]]], {}, undefined, [Math.SQRT2, Math.SQRT2, 0, 0]],
  ['task_arithmetic', [[1, 1, 1, 1]], [[[2, 1, 1, 0]], [[1, 5, 1, 1]]], { lambda: 0.5 }, [2, 1], [2, 3, 1, 0]],
  // Kept: 4 and −3 of the first, 2 and 1 of the second. Entry 0: 4 and 2 agree. Entry 1: −3 against 1, the sum is negative.
  ['ties', b, [[[4, -3, 1, 0]], [[2, 1, 0.5, 0]]], { density: 0.5 }, [1, 1], [3, -3, 0, 0]],
  // The largest (8) and the smallest (1) of four are dropped.
  ['breadcrumbs', b, [[[8, -4, 2, 1]]], { density: 0.5, gamma: 0.25 }, [1], [0, -4, 2, 0]],
  // Mean squares 4 and 1, so weights 0.8 and 0.2. Entry 0 agrees, entry 1 does not, and only one model has entry 2.
  ['sce', b, [[[2, 2, 2, 2]], [[1, -1, 0, Math.SQRT2]]], {}, undefined, [1.8, 2, 2, 1.6 + 0.2 * Math.SQRT2]],
  ['ram', b, [[[2, 0, 4, 0]], [[4, 6, 0, 0]]], {}, undefined, [3, 6, 4, 0]],
  // Of each model one entry is its own and one shared: ρ = 1, λ = 1 + 0.5 · 0.4.
  ['ramplus_tl', b, [[[2, 0, 4, 0]], [[4, 6, 0, 0]]], { r: 0.5, alpha: 0.4 }, undefined, [3, 7.2, 4.8, 0]],
  // cos = 0.5: t = 2 · 0.5 / 1.5.
  ['model_stock', b, [[[1, 1, 0, 0]], [[1, 0, 1, 0]]], {}, undefined, [2 / 3, 1 / 3, 1 / 3, 0]],
  ['nearswap', b, [[[0.1, -0.2, 4, -5]]], { t: 0.5 }, undefined, [0.1, -0.2, 0.5, -0.5]],
  ['passthrough', undefined, [[[1, 2, 3, 4]]], {}, undefined, [1, 2, 3, 4]],
];

it.each(byHand)('%s by hand', (method, base, models, parameters, weights, expected) => {
  scope(() => {
    const own = weights?.map((weight) => ({ weight }));
    const result = mergeTensors(method, models.map(at), parameters, {
      ...(base && { base: at(base) }),
      ...(own && { own }),
    });
    for (const [i, value] of (result.tolist() as number[][])[0]!.entries()) expect(value).toBeCloseTo(expected[i]!, 7);
  });
});

const parametersOf: Partial<Record<MergeMethodName, ParameterValues>> = {
  slerp: { t: 0.3 },
  nearswap: { t: 0.2 },
  ties: { density: 0.5 },
  della: { density: 0.5 },
  della_linear: { density: 0.5 },
  breadcrumbs: { density: 0.5, gamma: 0.1 },
  breadcrumbs_ties: { density: 0.5, gamma: 0.1 },
  sce: { select_topk: 0.5 },
};
const countOf = (name: MergeMethodName) => Math.min(methodNamed(name).models.max ?? 3, 3);
const hasWeights = (name: MergeMethodName) => 'weight' in methodNamed(name).own;

/** Merges through pieces of some rows. */
function inPieces(
  name: MergeMethodName,
  all: readonly Tensor[],
  pieceRows: number,
  more: ParameterValues = {},
): number[] {
  const [base, ...models] = all;
  const method = methodNamed(name);
  const [rows, columns] = base!.shape as [number, number];
  const reader = (each: Tensor) => (row: number, count: number) => each.narrow(0, row, count);
  const own = models.slice(0, countOf(name)).map((_, i) => (hasWeights(name) ? { weight: [0.7, 0.2, 0.4][i]! } : {}));
  const values = completed(name, { ...parametersOf[name], ...more }, own);
  const group = {
    name: 'w',
    rows,
    columns,
    pieceRows,
    base: method.base === 'none' ? undefined : reader(base!),
    models: models.slice(0, countOf(name)).map(reader),
  };
  const made = [...mergeGroup(method, group, { ...values, seed: 1, asVector: false })];
  expect(made.map(({ shape }) => shape[0])).toEqual(
    Array.from({ length: Math.ceil(rows / pieceRows) }, (_, i) => Math.min(pieceRows, rows - i * pieceRows)),
  );
  return made.flatMap((piece) => (piece.tolist() as number[][]).flat());
}

const random = ['dare_linear', 'dare_ties', 'della', 'della_linear'];
it.each(mergeMethodNames.filter((name) => !random.includes(name)))('%s is the same in pieces', (name) => {
  scope(() => {
    const rng = new Rng(3);
    const all = Array.from({ length: 4 }, () => randn([7, 6], { rng, dtype: 'float64' }));
    for (const more of [
      {},
      ...((
        {
          nuslerp: [{ nuslerp_flatten: false }, { nuslerp_flatten: false, nuslerp_row_wise: true }],
          model_stock: [{ filter_wise: true }],
          ties: [{ rescale: true }],
        } as Record<string, ParameterValues[]>
      )[name] ?? []),
    ]) {
      const whole = inPieces(name, all, 7, more);
      for (const rows of [1, 3])
        for (const [i, value] of inPieces(name, all, rows, more).entries()) expect(value).toBeCloseTo(whole[i]!, 12);
    }
  });
});

it('counts a sum of 0 as +', () => {
  scope(() => {
    const one = tensor([[1, -1]]);
    const both = [one, one.mul(-1)];
    expect(mergeTensors('ties', both, { weight: 1 }, { base: zeros([1, 2]) }).tolist()).toEqual([[1, 1]]);
    expect(mergeTensors('sce', both, {}, { base: zeros([1, 2]) }).tolist()).toEqual([[1, 1]]);
  });
});

it('gives ranks the whole range of probabilities, and each piece its own draw', () => {
  scope(() => {
    const pairs = tensor([[1, 2]])
      .expand([20_000, 2])
      .contiguous();
    const parameters = { weight: 1, density: 0.5, epsilon: 0.4, rescale: false };
    const kept = mergeTensors('della_linear', [pairs], parameters, { base: pairs.mul(0) }).ne(0);
    const [small, large] = kept.to('float32').mean([0]).tolist() as [number, number];
    expect(Math.abs(small - 0.1)).toBeLessThan(0.02);
    expect(Math.abs(large - 0.9)).toBeLessThan(0.02);
    const ones = tensor([[1]])
      .expand([2, 64])
      .contiguous();
    const rows = inPieces('dare_linear', [ones.mul(0), ones, ones, ones], 1, { density: 0.5 });
    expect(rows.slice(0, 64)).not.toEqual(rows.slice(64));
  });
});

it('sce counts the share over entries that vary, and arcee_fusion takes 1.5 interquartile ranges', () => {
  scope(() => {
    const zero = zeros([1, 4]);
    const nothing = zeros([1, 5], { dtype: 'float64' });
    const select = { select_topk: 0.5 };
    const selected = mergeTensors('sce', [tensor([[4, 1, 2, 2]]), tensor([[0, 0, 2, 2]])], select, { base: zero });
    expect(selected.tolist()).toEqual([[4, 0, 0, 0]]);
    // Quartiles 1, 2, 3 of |δ|, so kept is what is at least 5.
    for (const [last, kept] of [
      [4.9, 0],
      [5.1, 5.1],
    ] as const) {
      const model = tensor([[0, 1, -2, 3, last]], { dtype: 'float64' });
      expect(mergeTensors('arcee_fusion', [model], {}, { base: nothing }).tolist()).toEqual([[0, 0, 0, 0, kept]]);
    }
  });
});

it('arcee_fusion takes the entry below where a quartile falls between two', () => {
  scope(() => {
    // Of |δ| 0, 1, 2, x the quartiles are at 0.75, 1.5 and 2.25 of three: 0, 1 and 2. So kept is what is at least 1 + 1.5 · 2.
    for (const [last, kept] of [
      [3.9, 0],
      [4.1, 4.1],
    ] as const) {
      const model = tensor([[0, 1, -2, last]], { dtype: 'float64' });
      const base = zeros([1, 4], { dtype: 'float64' });
      expect(mergeTensors('arcee_fusion', [model], {}, { base }).tolist()).toEqual([[0, 0, 0, kept]]);
    }
  });
});

it('slerp turns up to a cosine of 0.9995 of either sign, and is linear beyond', () => {
  scope(() => {
    for (const [cos, isLinear] of [
      [0.95, false],
      [0.9994, false],
      [0.9996, true],
      [-0.9994, false],
      [-0.9996, true],
    ] as const) {
      const [x, y] = [[1, 0], [cos, Math.sqrt(1 - cos * cos)]] as const; // biome-ignore format: a pair
      const omega = Math.acos(cos);
      const [p, q] = isLinear ? [0.75, 0.25] : [0.75, 0.25].map((part) => Math.sin(part * omega) / Math.sin(omega));
      const found = mergeTensors('slerp', [at([[...y]])], { t: 0.25 }, { base: at([[...x]]) }).tolist() as number[][];
      for (const i of [0, 1]) expect(found[0]![i], `${cos}`).toBeCloseTo(p! * x[i]! + q! * y[i]!, 9);
    }
  });
});

it.each([{ nuslerp_row_wise: false }, { nuslerp_row_wise: true }])('nuslerp of equal vectors is linear: %o', (more) => {
  scope(() => {
    const [x, y] = [at([[3, 4], [-1, 2]]), at([[6, 8], [-2, 4]])]; // biome-ignore format: matrices
    const own = [{ weight: 3 }, { weight: 1 }];
    const found = mergeTensors('nuslerp', [x, y], { nuslerp_flatten: false, ...more }, { own }).tolist() as number[][];
    const expected = [[3.75, 5], [-1.25, 2.5]]; // biome-ignore format: a matrix
    for (const [i, row] of expected.entries())
      for (const [j, value] of row.entries()) expect(found[i]![j]).toBeCloseTo(value, 9);
  });
});

it('karcher leaves equal models, counts zeros in the length alone, and refuses a model opposite to the mean', () => {
  scope(() => {
    const same = at([[3, 4]]);
    for (const [i, value] of (mergeTensors('karcher', [same, same]).tolist() as number[][])[0]!.entries())
      expect(value).toBeCloseTo([3, 4][i]!, 9);
    expect(mergeTensors('karcher', [at([[2, 0]]), at([[0, 0]])]).tolist()).toEqual([[1, 0]]);
    expect(() => mergeTensors('karcher', [same, same, same.mul(-1)])).toThrow('cancel each other');
  });
});

it('multislerp adds eps to lengths before it divides by them', () => {
  scope(() => {
    // Parts 0.5 / 3.1 and 0.5 / 1.1 of vectors of lengths 3 and 1, whose mean length is 2.
    const parameters = { weight: 1, eps: 0.1 };
    const found = mergeTensors('multislerp', [at([[3, 0]]), at([[0, 1]])], parameters).tolist() as number[][];
    const sum = [(3 * 0.5) / 3.1, 0.5 / 1.1] as const;
    for (const [i, value] of sum.entries()) expect(found[0]![i]).toBeCloseTo((2 * value) / Math.hypot(...sum), 9);
  });
});

it('sce of models that are the base is the base; ram counts what is more than epsilon', () => {
  scope(() => {
    const [base, x] = [at([[1, 2, 3]]), at([[1, 2.5, 4]])];
    expect(mergeTensors('sce', [base, base], {}, { base }).tolist()).toEqual([[1, 2, 3]]);
    expect(mergeTensors('ram', [x], { epsilon: 0.5 }, { base }).tolist()).toEqual([[1, 2, 4]]);
  });
});

it("has mergekit's defaults", () => {
  const of = (name: MergeMethodName, own: ParameterValues = {}) => {
    const { shared, own: each } = completed(name, {}, [own]);
    return { ...shared, ...each[0] };
  };
  const weight = 1;
  expect(of('linear', { weight })).toEqual({ normalize: true, weight });
  expect(of('nuslerp', { weight })).toEqual({ nuslerp_flatten: true, nuslerp_row_wise: false, weight });
  expect(of('multislerp', { weight })).toEqual({ normalize_weights: true, eps: 1e-8, weight });
  expect(of('karcher')).toEqual({ max_iter: 10, tol: 1e-5 });
  const sparse = { weight, lambda: 1, density: 1 };
  expect(of('task_arithmetic', { weight })).toEqual({ weight, lambda: 1, normalize: false });
  expect(of('ties', { weight })).toEqual({ ...sparse, normalize: true, rescale: false });
  for (const name of ['dare_linear', 'dare_ties'] as const)
    expect(of(name, { weight })).toEqual({ ...sparse, normalize: false, rescale: true });
  expect(of('della', { weight })).toEqual({ ...sparse, normalize: true, rescale: true, epsilon: 0.15 });
  expect(of('della_linear', { weight })).toEqual({ ...sparse, normalize: false, rescale: true, epsilon: 0.15 });
  for (const name of ['breadcrumbs', 'breadcrumbs_ties'] as const)
    expect(of(name, { weight })).toEqual({ ...sparse, normalize: false, rescale: false, gamma: 0.01 });
  expect(of('sce')).toEqual({ select_topk: 1 });
  expect(of('ram')).toEqual({ epsilon: 1e-5 });
  expect(of('ramplus_tl')).toEqual({ epsilon: 1e-5, r: 0.1, alpha: 0.2 });
  expect(of('model_stock')).toEqual({ filter_wise: false });
  expect([of('arcee_fusion'), of('passthrough')]).toEqual([{}, { scale: 1 }]);
});

it('keeps the first of equal magnitudes across pieces', () => {
  scope(() => {
    const model = tensor(
      [
        [1, -1],
        [2, 1],
        [1, 1],
      ],
      { dtype: 'float64' },
    );
    expect(inPieces('ties', [model.mul(0), model], 1, { density: 0.5, lambda: 1 })).toEqual([1, -1, 2, 0, 0, 0]);
  });
});

it('finds the k largest of many numbers exactly', () => {
  scope(() => {
    const numbers = randn([1000], { rng: new Rng(7) }).abs();
    const pieces = [0, 1, 2, 3].map((i) => numbers.narrow(0, i * 250, 250));
    const ks = [1, 2, 250, 999, 1000];
    const sorted = (numbers.tolist() as number[]).toSorted((x, y) => y - x);
    const cuts = cutsAt(ks, (see) => pieces.forEach(see));
    for (const [i, k] of ks.entries()) {
      const cut = cuts[i]!;
      expect(cut).toEqual({ k, threshold: sorted[k - 1], above: k - 1, equal: 1 });
      const isLargest = largest(cut);
      expect(pieces.reduce((sum, piece) => sum + isLargest(piece).sum().item(), 0)).toBe(k);
    }
  });
});

it('draws by seed, name and model, whatever was merged before', () => {
  scope(() => {
    const model = randn([20, 10], { rng: new Rng(1) });
    const dare = (name: string, seed = 0) =>
      mergeTensors('dare_linear', [model], { weight: 1, density: 0.5 }, { base: zeros([20, 10]), name, seed }).tolist();
    const first = dare('a');
    expect(dare('b')).not.toEqual(first);
    expect(dare('a', 1)).not.toEqual(first);
    expect(dare('a')).toEqual(first);
    const both = mergeTensors(
      'dare_linear',
      [model, model],
      { weight: 1, density: 0.5 },
      { base: zeros([20, 10]), name: 'a' },
    );
    // Two draws of their own: some entries are kept by one of them alone.
    expect(both.ne(0).sum().item()).toBeGreaterThan(
      mergeTensors('dare_linear', [model], { weight: 1, density: 0.5 }, { base: zeros([20, 10]), name: 'a' })
        .ne(0)
        .sum()
        .item(),
    );
  });
});

it('merges vectors linearly: directions, shares and votes mean nothing there', () => {
  scope(() => {
    const [base, x, y] = [tensor([1, 1, 1]), tensor([2, 3, 0]), tensor([4, -1, 1])];
    const own = [{ weight: 3 }, { weight: 1 }];
    const mean = [2.5, 2, 0.25];
    for (const name of ['nuslerp', 'multislerp'] as const)
      expect(mergeTensors(name, [x, y], {}, { own }).tolist()).toEqual(mean);
    for (const name of ['nuslerp', 'multislerp'] as const)
      expect(mergeTensors(name, [x, y], {}, { own, base }).tolist()).toEqual(mean);
    expect(mergeTensors('karcher', [x, y]).tolist()).toEqual([3, 1, 0.5]);
    expect(mergeTensors('slerp', [x], { t: 0.25 }, { base }).tolist()).toEqual([1.25, 1.5, 0.75]);
    const density = { density: 0.4, lambda: 2 };
    for (const name of ['dare_linear', 'dare_ties', 'della_linear', 'breadcrumbs', 'breadcrumbs_ties'] as const)
      expect(mergeTensors(name, [x, y], density, { own, base }).tolist()).toEqual([13, 9, -5]);
    for (const name of ['ties', 'della'] as const)
      expect(mergeTensors(name, [x, y], density, { own, base }).tolist()).toEqual([4, 3, -0.5]);
    expect(mergeTensors('ties', [x, y], { density: 0.4 }, { own, base, asVector: false }).tolist()).toEqual([4, 3, 1]);
  });
});

const three = [
  [1, 2],
  [3, 4],
];
const refusals: [string, string, () => unknown][] = [
  ['an unknown method', 'Did you mean "ties"', () => mergeTensors('tis' as MergeMethodName, [at(three)])],
  [
    'an unknown parameter',
    'Did you mean "density"',
    () => mergeTensors('ties', [at(three)], { weight: 1, densiti: 1 }, { base: at(three) }),
  ],
  [
    'a missing parameter',
    'linear needs the parameter weight for model 2',
    () => mergeTensors('linear', [at(three), at(three)], {}, { own: [{ weight: 1 }, {}] }),
  ],
  [
    'a number out of range',
    'density must be',
    () => mergeTensors('ties', [at(three)], { weight: 1, density: 1.5 }, { base: at(three) }),
  ],
  [
    'a number for a switch',
    'normalize should be true or false, got 1',
    () => mergeTensors('linear', [at(three), at(three)], { weight: 1, normalize: 1 }),
  ],
  [
    'a lonely model',
    'linear merges at least 2 models, got 1',
    () => mergeTensors('linear', [at(three)], { weight: 1 }),
  ],
  [
    'too many models',
    'slerp merges 1 model beside the base, got 2',
    () => mergeTensors('slerp', [at(three), at(three)], { t: 0 }, { base: at(three) }),
  ],
  ['no base', 'ties needs a base model', () => mergeTensors('ties', [at(three)], { weight: 1 })],
  [
    'a base too many',
    'karcher takes no base model',
    () => mergeTensors('karcher', [at(three), at(three)], {}, { base: at(three) }),
  ],
  [
    'parameters for other models',
    'own has 1 entries for 2 models',
    () => mergeTensors('linear', [at(three), at(three)], {}, { own: [{ weight: 1 }] }),
  ],
  [
    'shapes that differ',
    'the shapes [2, 2] and [1, 4] differ',
    () => mergeTensors('linear', [at(three), at(b)], { weight: 1 }),
  ],
  [
    'weights that cancel',
    'the weights (1, -1) add up to 0',
    () => mergeTensors('linear', [at(three), at(three)], {}, { own: [{ weight: 1 }, { weight: -1 }] }),
  ],
  [
    'a density that keeps nothing',
    'density 0.2 keeps none of 4 entries',
    () => mergeTensors('ties', [at(three)], { weight: 1, density: 0.2 }, { base: at(b).view(2, 2) }),
  ],
  [
    'no density at random',
    'density 0 keeps none',
    () => mergeTensors('dare_ties', [at(three)], { weight: 1, density: 0 }, { base: at(b).view(2, 2) }),
  ],
  [
    'a gamma that drops nothing',
    'gamma 0.01 drops none of the largest of 4 entries',
    () => mergeTensors('breadcrumbs', [at(three)], { weight: 1, density: 0.5 }, { base: at(b).view(2, 2) }),
  ],
  [
    'an epsilon too large',
    'density 0.5 ± epsilon 0.5 must lie between 0 and 1',
    () => mergeTensors('della', [at(three)], { weight: 1, density: 0.5, epsilon: 0.5 }, { base: at(b).view(2, 2) }),
  ],
  [
    'a share that selects nothing',
    'select_topk 0.1 selects none of 4 entries',
    () =>
      mergeTensors(
        'sce',
        [
          at(three),
          at([
            [5, 5],
            [5, 5],
          ]),
        ],
        { select_topk: 0.1 },
        { base: at(b).view(2, 2) },
      ),
  ],
  ['directions that cancel', 'cancel each other', () => mergeTensors('karcher', [at(three), at(three).mul(-1)])],
  [
    'directions of three that cancel',
    'cancel each other',
    () =>
      mergeTensors(
        'multislerp',
        [at([[1, 0]]), at([[-1, 0]]), at([[1, 0]])],
        {},
        { own: [{ weight: 1 }, { weight: 2 }, { weight: 1 }] },
      ),
  ],
  [
    'models on opposite sides',
    'no ratio',
    () => mergeTensors('model_stock', [at(three), at(three).mul(-1)], {}, { base: at(b).view(2, 2) }),
  ],
  [
    'rows on opposite sides',
    'no ratio',
    () =>
      mergeTensors('model_stock', [at(three), at(three).mul(-1)], { filter_wise: true }, { base: at(b).view(2, 2) }),
  ],
  [
    'an unknown option',
    'there is no option "bse"',
    () => mergeTensors('ties', [at(three)], {}, { bse: at(b) } as object),
  ],
];

it.each(refusals)('refuses %s', (_, message, run) => {
  scope(() => {
    expect(run).toThrow(message);
    expect(run).toThrow(
      expect.toSatisfy((error) => [ConfigError, ShapeError, UserError].some((kind) => error instanceof kind)),
    );
  });
});

it('computes in float32, or in float64 where a tensor is', () => {
  scope(() => {
    const x = tensor([[1, 2]]);
    const half = (other: Tensor) => mergeTensors('linear', [x, other], { weight: 1 });
    expect(half(x.to('bfloat16')).dtype).toBe('float32');
    expect(half(x.double()).dtype).toBe('float64');
    expect(mergeTensors('linear', [tensor(1), tensor(3)], { weight: 1 }).shape).toEqual([]);
    expect(mergeTensors('ties', [zeros([0, 3])], { weight: 1 }, { base: zeros([0, 3]) }).shape).toEqual([0, 3]);
  });
});
