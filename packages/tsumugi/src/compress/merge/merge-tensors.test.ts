// Every merge method against its formula, written out over plain numbers. Values by hand stand in methods.test.ts.
import { describe, expect, it } from 'vitest';
import { Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import {
  type MergeMethodName,
  type MergeTensorsOptions,
  mergeMethodNames,
  mergeTensors,
  type ParameterValues,
} from './index.ts';

type Vector = readonly number[];
const [rows, columns] = [5, 7];
const dot = (x: Vector, y: Vector) => x.reduce((sum, each, i) => sum + each * y[i]!, 0);
const norm = (x: Vector) => Math.sqrt(dot(x, x));
const scale = (x: Vector, c: number) => x.map((each) => each * c);
const add = (x: Vector, y: Vector) => x.map((each, i) => each + y[i]!);
const minus = (x: Vector, y: Vector) => add(x, scale(y, -1));
const sum = (vectors: readonly Vector[]) => vectors.reduce(add);
const weighted = (vectors: readonly Vector[], weights: Vector) => sum(vectors.map((x, i) => scale(x, weights[i]!)));
const total = (x: Vector) => x.reduce((a, b) => a + b, 0);
const unit = (x: Vector) => scale(x, 1 / norm(x));

/** A base and models near it, some entries of which are the base's own. */
function drawn(seed: number, count: number): { base: Vector; models: Vector[] } {
  const rng = new Rng(seed);
  const draw = () => scope(() => [...(randn([rows * columns], { rng, dtype: 'float64' }).data() as Float64Array)]);
  const base = draw();
  const models = Array.from({ length: count }, (_, m) =>
    add(
      base,
      draw().map((each, i) => ((i + m) % 4 === 0 ? 0 : each * 0.5)),
    ),
  );
  return { base, models };
}

const matrix = (x: Vector) => tensor(x as number[], { dtype: 'float64' }).view(rows, columns);
function merged(
  method: MergeMethodName,
  models: readonly Vector[],
  parameters: ParameterValues = {},
  { base, ...options }: Omit<MergeTensorsOptions, 'base'> & { base?: Vector } = {},
): Vector {
  return scope(() => {
    const result = mergeTensors(method, models.map(matrix), parameters, {
      ...options,
      ...(base && { base: matrix(base) }),
    });
    expect(result.shape).toEqual([rows, columns]);
    return [...(result.view(-1).data() as Float64Array)];
  });
}

function expectClose(found: Vector, expected: Vector, tolerance = 1e-12): void {
  const worst = Math.max(...found.map((each, i) => Math.abs(each - expected[i]!)));
  expect(found).toHaveLength(expected.length);
  expect(worst).toBeLessThanOrEqual(tolerance);
}

const { base, models } = drawn(1, 3);
const deltas = models.map((model) => minus(model, base));
const weights = [0.7, 0.2, -0.4];
const own = weights.map((weight) => ({ weight }));

describe('means', () => {
  it('linear: Σ wᵢθᵢ, by Σ wᵢ when normalized', () => {
    expectClose(merged('linear', models, { normalize: false }, { own }), weighted(models, weights));
    expectClose(merged('linear', models, {}, { own }), scale(weighted(models, weights), 1 / total(weights)));
  });

  it('passthrough copies, or scales', () => {
    expect(merged('passthrough', [models[0]!])).toEqual(models[0]);
    expectClose(merged('passthrough', [models[0]!], { scale: -0.5 }), scale(models[0]!, -0.5));
  });

  function slerped(x: Vector, y: Vector, t: number): Vector {
    const omega = Math.acos(dot(unit(x), unit(y)));
    return weighted(
      [x, y],
      [Math.sin((1 - t) * omega), Math.sin(t * omega)].map((each) => each / Math.sin(omega)),
    );
  }

  it('slerp: along the great circle from the base', () => {
    for (const t of [0, 0.3, 1])
      expectClose(merged('slerp', [models[0]!], { t }, { base }), slerped(base, models[0]!, t));
    const near = add(base, scale(models[0]!, 1e-4));
    expectClose(merged('slerp', [near], { t: 0.3 }, { base }), weighted([base, near], [0.7, 0.3]), 1e-15);
  });

  const pair = models.slice(0, 2);
  const pairOwn = [{ weight: 0.9 }, { weight: 0.3 }];
  it('nuslerp: of tensors or δ’s; of the whole, of rows, of columns', () => {
    const [x, y] = pair as [Vector, Vector];
    expectClose(merged('nuslerp', pair, {}, { own: pairOwn }), slerped(x, y, 0.25));
    const [dx, dy] = [deltas[0]!, deltas[1]!];
    expectClose(merged('nuslerp', pair, {}, { own: pairOwn, base }), add(base, slerped(dx, dy, 0.25)));
    expectClose(merged('nuslerp', pair, { weight: 0 }), slerped(x, y, 0.5));
    const part = (v: Vector, keep: (i: number) => boolean) => v.filter((_, i) => keep(i));
    const byRow = Array.from({ length: rows }, (_, r) => {
      const keep = (i: number) => Math.floor(i / columns) === r;
      return slerped(part(dx, keep), part(dy, keep), 0.25);
    }).flat();
    expectClose(merged('nuslerp', pair, { nuslerp_flatten: false }, { own: pairOwn, base }), add(base, byRow));
    const byColumn = Array.from({ length: columns }, (_, c) => {
      const keep = (i: number) => i % columns === c;
      return slerped(part(x, keep), part(y, keep), 0.25);
    });
    const transposed = x.map((_, i) => byColumn[i % columns]![Math.floor(i / columns)]!);
    const columnWise = { nuslerp_flatten: false, nuslerp_row_wise: true };
    expectClose(merged('nuslerp', pair, columnWise, { own: pairOwn }), transposed);
  });

  it('multislerp: exponential map of the summed tangent vectors at the mean direction', () => {
    for (const from of [undefined, base])
      for (const normalize_weights of [true, false]) {
        const x = from ? deltas : models;
        const w = normalize_weights ? scale(weights, 1 / total(weights)) : weights;
        const units = x.map(unit);
        const mean = unit(weighted(units, w));
        const tangent = weighted(
          units.map((u) => minus(u, scale(mean, dot(u, mean)))),
          w,
        );
        const length = norm(tangent);
        const point = add(scale(mean, Math.cos(length)), scale(tangent, length === 0 ? 1 : Math.sin(length) / length));
        const result = scale(point, dot(w, x.map(norm)));
        expectClose(
          merged('multislerp', models, { normalize_weights }, { own, ...(from && { base: from }) }),
          from ? add(from, result) : result,
          1e-7, // eps
        );
      }
    const opposite = [models[0]!, scale(models[0]!, -1)];
    expectClose(
      merged('multislerp', opposite, { weight: 1 }),
      base.map(() => 0),
    );
  });

  it('karcher: where the log maps of the units add up to nothing', () => {
    const found = merged('karcher', models, { max_iter: 100, tol: 1e-12 });
    expect(norm(found)).toBeCloseTo(total(models.map(norm)) / 3, 10);
    const mean = unit(found);
    const logs = models.map(unit).map((u) => {
      const theta = Math.acos(dot(u, mean));
      return scale(minus(u, scale(mean, Math.cos(theta))), theta / Math.sin(theta));
    });
    expect(norm(sum(logs))).toBeLessThan(1e-10);
    // One iteration is one exponential map from the normalised mean.
    const start = unit(sum(models.map(unit)));
    const step = scale(
      sum(
        models.map(unit).map((u) => {
          const theta = Math.acos(dot(u, start));
          return scale(minus(u, scale(start, Math.cos(theta))), theta / Math.sin(theta));
        }),
      ),
      1 / 3,
    );
    const once = add(scale(start, Math.cos(norm(step))), scale(step, Math.sin(norm(step)) / norm(step)));
    expectClose(merged('karcher', models, { max_iter: 1 }), scale(once, total(models.map(norm)) / 3));
  });
});

/** Σ wᵢδᵢ over entries with the sign of the sum (0 counts as +), divided by their weights when normalized. */
function consensus(parts: readonly Vector[], w: Vector, normalize: boolean): Vector {
  return parts[0]!.map((_, i) => {
    const each = parts.map((part, m) => part[i]! * w[m]!);
    const sign = total(each) >= 0 ? 1 : -1;
    const agree = each.map((value) => Math.sign(value) === sign);
    const mixed = total(each.filter((_, m) => agree[m]));
    const divisor = total(w.filter((_, m) => agree[m]));
    return normalize && divisor !== 0 ? mixed / divisor : mixed;
  });
}

/** The entries of these places in falling order of magnitude; of equals, the first comes first. */
function ranked(delta: Vector, from: number, to: number): Vector {
  const order = delta.map((_, i) => i).sort((a, b) => Math.abs(delta[b]!) - Math.abs(delta[a]!) || a - b);
  const kept = new Set(order.slice(from, to));
  return delta.map((each, i) => (kept.has(i) ? each : 0));
}

const withDensity = (...densities: number[]) => densities.map((density, i) => ({ weight: weights[i]!, density }));
const n = rows * columns;

describe('task vectors', () => {
  it('task_arithmetic: θ_b + λ Σ wᵢδᵢ', () => {
    expectClose(
      merged('task_arithmetic', models, { lambda: 0.5 }, { own, base }),
      add(base, scale(weighted(deltas, weights), 0.5)),
    );
    expectClose(
      merged('task_arithmetic', models, { normalize: true }, { own, base }),
      add(base, scale(weighted(deltas, weights), 1 / total(weights))),
    );
  });

  it('ties: the largest of each δ, sign consensus, divided by the weights that agree', () => {
    const densities = [0.4, 0.25, 0.8];
    const kept = deltas.map((delta, i) => ranked(delta, 0, Math.floor(densities[i]! * n)));
    const options = { own: withDensity(...densities), base };
    expectClose(merged('ties', models, { lambda: 2 }, options), add(base, scale(consensus(kept, weights, true), 2)));
    expectClose(merged('ties', models, { normalize: false }, options), add(base, consensus(kept, weights, false)));
    // Rescaled, each δ has the L1 norm it had.
    const l1 = (x: Vector) => total(x.map(Math.abs));
    const full = kept.map((each, i) => scale(each, l1(deltas[i]!) / l1(each)));
    expectClose(merged('ties', models, { rescale: true }, options), add(base, consensus(full, weights, true)));
  });

  it('ties keeps exactly as many as it should where magnitudes are equal, the first ones', () => {
    const zero = base.map(() => 0);
    const equal = zero.map((_, i) => (i % 2 ? 1 : -1));
    const found = merged('ties', [equal], { weight: 1, density: 0.5 }, { base: zero });
    expect(found).toEqual(ranked(equal, 0, Math.floor(n / 2)));
  });

  it('breadcrumbs: without the largest and the smallest', () => {
    for (const [gamma, density, top] of [
      [0.1, 0.5, 3],
      [0.4, 0.8, 7],
      [0, 0.3, 0],
    ] as const) {
      const kept = deltas.map((delta) => ranked(delta, top, top + Math.floor(density * n)));
      const parameters = { gamma, density, lambda: 0.7 };
      expectClose(
        merged('breadcrumbs', models, parameters, { own, base }),
        add(base, scale(weighted(kept, weights), 0.7)),
      );
      expectClose(
        merged('breadcrumbs_ties', models, parameters, { own, base }),
        add(base, scale(consensus(kept, weights, false), 0.7)),
      );
    }
  });

  /** The δ that a random method keeps of each model: the others have the weight 0. */
  const keptBy = (method: 'dare_linear' | 'della_linear', parameters: ParameterValues, seed: number) =>
    models.map((_, i) =>
      minus(
        merged(method, models, parameters, { own: models.map((_, m) => ({ weight: Number(m === i) })), base, seed }),
        base,
      ),
    );

  it.each([
    ['dare', { density: 0.6 }, false],
    ['della', { density: 0.6, epsilon: 0.3 }, true],
  ] as const)(
    '%s: keeps entries at random, with the L1 norm of before; with and without consensus',
    (name, parameters, normalize) => {
      const kept = keptBy(`${name}_linear`, parameters, 5);
      for (const [i, part] of kept.entries()) {
        const delta = deltas[i]!;
        const share =
          total(delta.map(Math.abs)) / total(delta.map((each, k) => (Math.abs(part[k]!) > 1e-12 ? Math.abs(each) : 0)));
        expect(share).toBeGreaterThan(1);
        expectClose(
          part,
          delta.map((each, k) => (Math.abs(part[k]!) > 1e-12 ? each * share : 0)),
          1e-10,
        );
      }
      const seeded = { own, base, seed: 5 };
      expectClose(merged(`${name}_linear`, models, parameters, seeded), add(base, weighted(kept, weights)), 1e-12);
      const withTies = name === 'dare' ? 'dare_ties' : 'della';
      expectClose(merged(withTies, models, parameters, seeded), add(base, consensus(kept, weights, normalize)), 1e-9);
      const plain = merged(`${name}_linear`, models, { ...parameters, rescale: false }, seeded);
      const masked = deltas.map((delta, i) => delta.map((each, k) => (Math.abs(kept[i]![k]!) > 1e-12 ? each : 0)));
      expectClose(plain, add(base, weighted(masked, weights)));
      expect(keptBy(`${name}_linear`, parameters, 6)).not.toEqual(kept);
    },
  );

  it('drops at random as often as it should: DARE everywhere alike, DELLA the smallest of a row most', () => {
    scope(() => {
      const size = [400, 101];
      // Each row holds 1 … 101 in an order of its own.
      const values = Float64Array.from(
        { length: size[0]! * size[1]! },
        (_, i) => 1 + (((i % 101) * 37 + Math.floor(i / 101)) % 101),
      );
      const model = tensor(values, { shape: size });
      const zero = model.mul(0);
      const share = (method: MergeMethodName, parameters: ParameterValues, isCounted: Tensor) => {
        const kept = mergeTensors(method, [model], { weight: 1, rescale: false, ...parameters }, { base: zero }).ne(0);
        return kept.logicalAnd(isCounted).sum().item() / isCounted.sum().item();
      };
      const all = model.gt(0);
      expect(share('dare_linear', { density: 0.3 }, all)).toBeCloseTo(0.3, 1.9);
      for (const [rank, expected] of [
        [1, 0.1],
        [51, 0.4],
        [101, 0.7],
      ] as const)
        expect(Math.abs(share('della_linear', { density: 0.4, epsilon: 0.3 }, model.eq(rank)) - expected)).toBeLessThan(
          0.08,
        );
    });
  });
});

describe('others', () => {
  it('sce: the entries that vary most, weights by mean squares, minorities erased', () => {
    for (const select_topk of [1, 0.5]) {
      const spread = deltas[0]!.map((_, i) => {
        const at = deltas.map((delta) => delta[i]!);
        const mean = total(at) / 3;
        return total(at.map((each) => (each - mean) ** 2)) / 3;
      });
      const kept =
        select_topk === 1 ? spread : ranked(spread, 0, Math.floor(0.5 * spread.filter((each) => each > 0).length));
      const parts = deltas.map((delta) => delta.map((each, i) => (select_topk === 1 || kept[i] !== 0 ? each : 0)));
      const squares = parts.map((part) => dot(part, part));
      const w = squares.map((each) => each / total(squares));
      const mixed = parts[0]!.map((_, i) => {
        const sign = total(parts.map((part) => part[i]!)) >= 0 ? 1 : -1;
        const agree = parts.map((part) => Math.sign(part[i]!) === sign);
        const divisor = total(w.filter((_, m) => agree[m]));
        return divisor === 0 ? 0 : total(parts.map((part, m) => (agree[m] ? part[i]! * w[m]! : 0))) / divisor;
      });
      expectClose(merged('sce', models, { select_topk }, { base }), add(base, mixed));
    }
  });

  it('ram and ramplus_tl: the δ of the only model that changed an entry, the mean of several', () => {
    const epsilon = 0.3;
    const changed = deltas.map((delta) => delta.map((each) => Math.abs(each) > epsilon));
    const count = base.map((_, i) => total(changed.map((each) => Number(each[i]))));
    const mixed = (gain: Vector) =>
      base.map((each, i) => {
        const sum = total(deltas.map((delta, m) => (changed[m]![i] ? delta[i]! * (count[i] === 1 ? gain[m]! : 1) : 0)));
        return each + sum / Math.max(1, count[i]!);
      });
    expectClose(merged('ram', models, { epsilon }, { base }), mixed([1, 1, 1]));
    const [r, alpha] = [0.5, 20];
    const gain = changed.map((mask) => {
      const shared = mask.filter((each, i) => each && count[i]! > 1).length;
      const alone = mask.filter((each, i) => each && count[i] === 1).length;
      return 1 + r * Math.min(alpha, shared / Math.max(alone, epsilon));
    });
    expect(new Set(gain).size).toBeGreaterThan(1);
    expectClose(merged('ramplus_tl', models, { epsilon, r, alpha }, { base }), mixed(gain));
  });

  it('model_stock: between base and mean by the mean cosine, of the whole or of each row', () => {
    const ratio = (parts: readonly Vector[]) => {
      const cosines = [
        [0, 1],
        [0, 2],
        [1, 2],
      ].map(([i, j]) => dot(unit(parts[i!]!), unit(parts[j!]!)));
      const cos = total(cosines) / 3;
      return (3 * cos) / (1 + 2 * cos);
    };
    const mean = scale(sum(models), 1 / 3);
    const t = ratio(deltas);
    expectClose(merged('model_stock', models, {}, { base }), weighted([mean, base], [t, 1 - t]));
    const row = (x: Vector, r: number) => x.slice(r * columns, (r + 1) * columns);
    const byRow = Array.from({ length: rows }, (_, r) => {
      const each = ratio(deltas.map((delta) => row(delta, r)));
      return weighted([row(mean, r), row(base, r)], [each, 1 - each]);
    }).flat();
    expectClose(merged('model_stock', models, { filter_wise: true }, { base }), byRow);
  });

  it('nearswap: towards the other model by t / |difference|, at most all the way', () => {
    const other = models[0]!;
    const expected = base.map((each, i) => {
      const gap = Math.abs(each - other[i]!);
      const w = gap === 0 ? 1 : Math.min(1, 0.2 / gap);
      return each * (1 - w) + other[i]! * w;
    });
    expectClose(merged('nearswap', [other], { t: 0.2 }, { base }), expected);
  });

  it('arcee_fusion: δ where |δ| · KL of the rows is far above the median', () => {
    const softmax = (x: Vector) => {
      const e = x.map(Math.exp);
      return e.map((each) => each / total(e) + 1e-8);
    };
    const importance = Array.from({ length: rows }, (_, r) => {
      const row = (x: Vector) => x.slice(r * columns, (r + 1) * columns);
      const [p, q] = [softmax(row(models[0]!)), softmax(row(base))];
      const divergence = total(p.map((each, i) => each * Math.log(each / q[i]!)));
      return row(deltas[0]!).map((each) => Math.abs(each) * divergence);
    }).flat();
    const sorted = importance.toSorted((a, b) => a - b);
    const [q1, median, q3] = [0.25, 0.5, 0.75].map((q) => sorted[Math.floor(q * (n - 1))]!) as [number, number, number];
    const kept = importance.map((each) => each >= median + 1.5 * (q3 - q1));
    expect(kept).toContain(true);
    expectClose(
      merged('arcee_fusion', [models[0]!], {}, { base }),
      base.map((each, i) => each + (kept[i] ? deltas[0]![i]! : 0)),
    );
  });
});

it('has a test for every method', () => {
  expect(mergeMethodNames).toHaveLength(20);
});
