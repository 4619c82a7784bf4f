// One adapter by hand: its two products, its scale, DoRA's magnitudes, dropout, gradients, and what it merges to.
import { describe, expect, it } from 'vitest';
import { gradcheck, Linear, namedParameters, numTrainable } from '../../nn/index.ts';
import { backward, noGrad, ones, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { LoraLinear, type LoraShape } from './layer.ts';

const shape = (changes: Partial<LoraShape> = {}): LoraShape => ({
  ...{ rank: 1, alpha: 3, dropout: 0, rsLora: false, dora: false },
  ...changes,
});
/** W = [[3, 4], [0, 2]], A = [[1, 2]], B = [[1], [-1]]. */
function byHand(changes: Partial<LoraShape> = {}): LoraLinear {
  const base = new Linear(2, 2, { weight: tensor([[3, 4], [0, 2]]), bias: false }); // biome-ignore format: a matrix
  base.weight.requiresGrad_(false);
  const layer = new LoraLinear(base, shape(changes), new Rng(0));
  noGrad(() =>
    scope(() => {
      layer.lora_A.weight.copy_(tensor([[1, 2]]));
      layer.lora_B.weight.copy_(tensor([[1], [-1]]));
    }),
  );
  return layer;
}
const numbers = (body: () => Tensor) => scope(() => body().flatten().tolist() as number[]);
const close = (got: readonly number[], wanted: readonly number[]) => {
  expect(got).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(got[i]).toBeCloseTo(value, 5);
};

describe('an adapter', () => {
  it('adds s·B A x', () => {
    using layer = byHand();
    // x = (1, 1): W x = (7, 2), A x = 3, s = 3.
    close(
      numbers(() => layer.forward(tensor([[1, 1]]))),
      [7 + 9, 2 - 9],
    );
    close(
      numbers(() => layer.mergedWeight()),
      [3 + 3, 4 + 6, -3, 2 - 6],
    );
  });

  it('is scaled by α over the rank, or its root', () => {
    const scale = (changes: Partial<LoraShape>) => {
      using layer = new LoraLinear(new Linear(4, 4, { bias: false, rng: new Rng(0) }), shape(changes), new Rng(1));
      return layer.scale;
    };
    expect([scale({ rank: 4, alpha: 8 }), scale({ rank: 4, alpha: 8, rsLora: true })]).toEqual([2, 4]);
  });

  it('has DoRA’s magnitude for each output: m ⊙ (W + s B A) x / ‖W + s B A‖', () => {
    using layer = byHand({ dora: true });
    // At the beginning the rows' own lengths.
    close(
      numbers(() => layer.lora_magnitude_vector!),
      [5, 2],
    );
    noGrad(() => scope(() => void layer.lora_magnitude_vector!.copy_(tensor([2, 10]))));
    const rows = [[6, 10], [-3, -4]] as const; // biome-ignore format: a matrix
    const lengths = [Math.hypot(6, 10), 5];
    close(
      numbers(() => layer.mergedWeight()),
      [12 / lengths[0]!, 20 / lengths[0]!, -6, -8],
    );
    const x = [1, 2] as const;
    const wanted = rows.map((row, i) => ([2, 10][i]! * (row[0] * x[0] + row[1] * x[1])) / lengths[i]!);
    close(
      numbers(() => layer.forward(tensor([[...x]]))),
      wanted,
    );
  });

  it.each([false, true])('changes nothing at first, by a bit: dora %s', (dora) => {
    using layer = new LoraLinear(
      new Linear(5, 3, { bias: false, rng: new Rng(3) }),
      shape({ rank: 2, dora }),
      new Rng(4),
    );
    scope(() => {
      const x = randn([7, 5], new Rng(5));
      expect(layer.forward(x).eq(layer.base_layer.forward(x)).all().item()).toBe(1);
    });
    // Uniform in ±1/√5, and not all of one half of it.
    const a = numbers(() => layer.lora_A.weight);
    expect(Math.max(...a.map(Math.abs))).toBeLessThan(1 / Math.sqrt(5));
    expect(Math.max(...a.map(Math.abs))).toBeGreaterThan(0.5 / Math.sqrt(5));
  });

  it('has the gradients of what it computes', () => {
    using layer = new LoraLinear(
      new Linear(4, 3, { bias: false, rng: new Rng(0) }).to('float64'),
      shape({ rank: 2 }),
      new Rng(1),
    );
    scope(() => {
      noGrad(() => void layer.lora_B.weight.normal_(0, 1, { rng: new Rng(2) }));
      const x = randn([2, 4], new Rng(3), { dtype: 'float64' }).requiresGrad_();
      gradcheck((input) => layer.forward(input), [x, layer.lora_A.weight, layer.lora_B.weight]);
    });
  });

  it('has DoRA’s gradients with the lengths as constants', () => {
    using layer = new LoraLinear(
      new Linear(4, 3, { bias: false, rng: new Rng(0) }).to('float64'),
      shape({ rank: 2, dora: true }),
      new Rng(1),
    );
    scope(() => {
      noGrad(() => void layer.lora_B.weight.normal_(0, 1, { rng: new Rng(2) }));
      const x = randn([2, 4], new Rng(3), { dtype: 'float64' }).requiresGrad_();
      gradcheck((input) => layer.forward(input), [x, layer.lora_magnitude_vector!]);
      layer.zeroGrad();
      backward(layer.forward(x).square().sum());
      const { lora_A: A, lora_B: B, lora_magnitude_vector: m, base_layer } = layer;
      const given = [A, B].map(({ weight }) => weight.grad!);
      const W = (base_layer as Linear).weight.detach();
      const twin = [A, B].map(({ weight }) => weight.detach().clone().requiresGrad_()) as [Tensor, Tensor];
      const length = noGrad(() => W.add(twin[1].mm(twin[0]).mul(1.5)).square().sum([1]).sqrt());
      const weight = W.add(twin[1].mm(twin[0]).mul(1.5)).mul(m!.detach().div(length).unsqueeze(1));
      backward(x.detach().mm(weight.t()).square().sum());
      for (const [i, each] of twin.entries()) expect(each.grad!.sub(given[i]!).abs().max().item()).toBeLessThan(1e-10);
      layer.zeroGrad();
    });
  });

  it('drops inputs in training only, and draws the same from the same stream', () => {
    using layer = byHand({ dropout: 0.5 });
    const x = () => tensor(Array.from({ length: 64 }, () => [1, 1]));
    const drawn = (seed: number) => {
      layer.dropFrom(new Rng(seed));
      return numbers(() => layer.forward(x()));
    };
    const once = drawn(1);
    expect(drawn(1)).toEqual(once);
    expect(drawn(2)).not.toEqual(once);
    // Each of the two inputs is 0 or doubled on its way to A, and as it is on its way to W.
    expect([...new Set(once.filter((_, i) => i % 2 === 0).map(Math.round))].sort((a, b) => a - b)).toEqual([
      7, 13, 19, 25,
    ]);
    layer.eval();
    const still = numbers(() => layer.forward(x()));
    expect(still).toEqual(numbers(() => layer.forward(x())));
    expect(still.slice(0, 2)).toEqual([16, -7]);
    layer.train();
    expect(drawn(1)).toEqual(once);
  });

  it('drops of a text by its key, wherever it lies in rows', () => {
    using layer = byHand({ dropout: 0.5 });
    const outputs = (
      rows: number,
      columns: number,
      places: [row: number, column: number, length: number, key: number][],
    ) =>
      scope(() => {
        layer.dropByText(7, {
          rows,
          columns,
          places: places.map(([row, column, length, key]) => ({ row, column, length, key })),
        });
        const y = layer.forward(ones(rows, columns, 2)).tolist() as number[][][];
        return places.map(([row, column, length]) => y[row]!.slice(column, column + length));
      });
    const [long, short] = outputs(2, 40, [
      [0, 0, 40, 1],
      [1, 0, 20, 2],
    ]);
    expect(
      outputs(1, 61, [
        [0, 0, 20, 2],
        [0, 20, 40, 1],
      ]),
    ).toEqual([short, long]);
    expect(outputs(1, 40, [[0, 0, 40, 3]])).not.toEqual([long]);
    layer.dropByText(8, { rows: 1, columns: 40, places: [{ row: 0, column: 0, length: 40, key: 1 }] });
    expect(scope(() => layer.forward(ones(1, 40, 2)).tolist())).not.toEqual([long]);
    expect(new Set(long!.map(String)).size).toBe(4); // of two inputs none, one, the other, or both
  });

  it('drops for DoRA, too: W sees the input whole, what m adds does not', () => {
    using layer = byHand({ dropout: 0.5, dora: true });
    noGrad(() => scope(() => void layer.lora_magnitude_vector!.copy_(tensor([2, 10]))));
    layer.dropFrom(new Rng(0));
    const outputs = numbers(() => layer.forward(tensor(Array.from({ length: 64 }, () => [1, 0]))));
    const ratio = 2 / Math.hypot(6, 10);
    const first = [...new Set(outputs.filter((_, i) => i % 2 === 0).map((y) => Number(y.toFixed(3))))];
    const wanted = [0, 2].map((x) => 3 + (ratio - 1) * 3 * x + ratio * 3 * x);
    expect(first.sort((a, b) => a - b)).toEqual(wanted.map((y) => Number(y.toFixed(3))).sort((a, b) => a - b));
  });

  it('is all that is trained', () => {
    using layer = byHand({ dora: true });
    expect(namedParameters(layer).map(([name]) => name)).toEqual([
      'lora_magnitude_vector',
      'base_layer.weight',
      'lora_A.weight',
      'lora_B.weight',
    ]);
    expect(numTrainable(layer)).toBe(2 + 2 + 2);
  });
});
