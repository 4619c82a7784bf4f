// Low-rank adapters of one linear map.
//
//   LoRA    y = W x + s·B(A(dropout(x)))         Hu et al. 2021, arXiv 2106.09685
//   rsLoRA  the same with s = α/√r for α/r        Kalajdzievski 2023, arXiv 2312.03732
//   DoRA    y = m ⊙ (W + s·B A) x / ‖W + s·B A‖   Liu et al. 2024, arXiv 2402.09353: ‖·‖ of each row of W [out, in], which
//           counts as a constant in backward (section 4.3); m starts as ‖W‖
//
// W is frozen, and stays as it is stored: numbers of any type, or codes of few bits (QLoRA, Dettmers et al. 2023, arXiv 2305.14314).
import { deriveSeed } from '../../base/index.ts';
import { dropout, type Linear, Linear as LinearMap, Module, parameter, zerosInit } from '../../nn/index.ts';
import { noGrad, onesLike, Rng, scope, type Tensor } from '../../torch/index.ts';
import { QuantizedLinear } from '../quantized-linear.ts';

/** What an adapter may stand on: a map without bias. */
export type AdaptedLinear = Linear | QuantizedLinear;

export interface LoraShape {
  rank: number;
  alpha: number;
  /** Probability that an input is dropped on its way to A, in training. */
  dropout: number;
  /** Scaled by α/√r instead of α/r. */
  rsLora: boolean;
  /** With a magnitude of its own for each output. */
  dora: boolean;
}

/** Where a text lies in rows that go through a model. */
export interface TextPlace {
  row: number;
  column: number;
  length: number;
  /** Seeds what dropout drops of it. */
  key: number;
}

/** Rows of texts. */
export interface TextRows {
  rows: number;
  columns: number;
  places: readonly TextPlace[];
}

/** s of an adapter. */
export const scaleOf = ({ rank, alpha, rsLora }: Pick<LoraShape, 'rank' | 'alpha' | 'rsLora'>): number =>
  alpha / (rsLora ? Math.sqrt(rank) : rank);

/** Field names are PEFT's, so that paths are the names in its files. */
export class LoraLinear extends Module {
  base_layer: AdaptedLinear;
  /** [r, in] */
  lora_A: Linear;
  /** [out, r] */
  lora_B: Linear;
  /** [out]; DoRA's m. */
  lora_magnitude_vector?: Tensor;
  readonly shape: Readonly<LoraShape>;
  #rng: Rng | undefined;
  #texts: { seed: number; rows: TextRows } | undefined;

  /** Takes the layer over. A is uniform in ±1/√in (Kaiming-uniform with √5, as in PEFT), B is 0: at first nothing changes. */
  constructor(base: AdaptedLinear, shape: LoraShape, rng: Rng) {
    super();
    this.base_layer = base;
    this.shape = shape;
    const [outputs, inputs] = sizesOf(base);
    this.lora_A = new LinearMap(inputs, shape.rank, { bias: false, rng });
    this.lora_B = new LinearMap(shape.rank, outputs, { bias: false, rng, weightInit: zerosInit() });
    if (base instanceof LinearMap && base.weight.dtype === 'float64') this.to('float64');
    if (shape.dora) this.lora_magnitude_vector = parameter(scope(() => this.#rowNorms()));
  }

  get scale(): number {
    return scaleOf(this.shape);
  }

  /** From here on dropout draws from this stream. */
  dropFrom(rng: Rng): void {
    this.#rng = rng;
    this.#texts = undefined;
  }

  /** What is dropped of each text in inputs [rows, columns, in] follows from here on from `seed` and the text's key, wherever it lies. */
  dropByText(seed: number, rows: TextRows): void {
    this.#texts = { seed, rows };
  }

  #dropped(x: Tensor, p: number): Tensor {
    const texts = this.#texts;
    if (!texts || x.shape.length !== 3 || x.size(0) !== texts.rows.rows || x.size(1) !== texts.rows.columns)
      return dropout(x, p, this.#rng);
    const kept = noGrad(() => onesLike(x));
    for (const { row, column, length, key } of texts.rows.places)
      scope(() => {
        const rng = new Rng(deriveSeed(texts.seed, key), x.device);
        kept
          .select(0, row)
          .narrow(0, column, length)
          .bernoulli_(1 - p, { rng });
      });
    return x.mul(1 / (1 - p)).maskedFill(kept.eq(0), 0);
  }

  forward(x: Tensor): Tensor {
    return this.#adapt(x, (layer, input) => [layer.forward(input)])[0]!;
  }

  /** Whether `forwardParts` can be asked for: the base's weight is there as numbers. */
  get takesParts(): boolean {
    return this.base_layer instanceof LinearMap;
  }

  /** As `Linear.forwardParts`, which the base computes by: what an adapter adds does not change how the rest is rounded. */
  forwardParts(x: Tensor, heads: number, parts: number): Tensor[] {
    const apart = (m: Tensor) =>
      m
        .reshape([heads, parts, m.numel() / (heads * parts)])
        .unbind(1)
        .map((each) => each.flatten());
    return this.#adapt(x, (layer, input) => (layer as Linear).forwardParts(input, heads, parts), apart);
  }

  /** @param apart takes a vector over outputs apart as `maps` takes outputs */
  #adapt(
    x: Tensor,
    maps: (layer: AdaptedLinear, input: Tensor) => Tensor[],
    apart: (vector: Tensor) => Tensor[] = (vector) => [vector],
  ): Tensor[] {
    const base = maps(this.base_layer, x);
    const { dropout: p } = this.shape;
    const seen = this.training && p > 0 ? this.#dropped(x, p) : x;
    const added = maps(this.lora_B, this.lora_A.forward(seen).mul(this.scale));
    const m = this.lora_magnitude_vector;
    if (!m) return base.map((each, i) => each.add(added[i]!));
    const ratios = apart(m.div(scope(() => this.#rowNorms())).to(x.dtype));
    const again = seen === x ? base : maps(this.base_layer, seen);
    return base.map((each, i) => each.add(again[i]!.mul(ratios[i]!.sub(1))).add(added[i]!.mul(ratios[i]!)));
  }

  /** The weight [out, in] of a linear map that does the same, in float32 at least. */
  mergedWeight(): Tensor {
    return noGrad(() =>
      scope(() => {
        const adapted = this.#adapted();
        const m = this.lora_magnitude_vector;
        return (m ? adapted.mul(m.div(rowNorms(adapted)).unsqueeze(1)) : adapted).detach();
      }),
    );
  }

  /** W + s·B A: a new tensor. */
  #adapted(): Tensor {
    return noGrad(() => {
      const product = this.lora_B.weight.mm(this.lora_A.weight).mul_(this.scale);
      return product.add_(wideWeight(this.base_layer));
    });
  }

  #rowNorms(): Tensor {
    return noGrad(() => rowNorms(this.#adapted()));
  }
}

const rowNorms = (weight: Tensor): Tensor => weight.square().sum([1]).sqrt();

/** The weight that a layer multiplies by, in float32 at least; the layer's own where it is that. */
function wideWeight(layer: AdaptedLinear): Tensor {
  if (layer instanceof QuantizedLinear) return layer.dequantized();
  return /64/.test(layer.weight.dtype) ? layer.weight : layer.weight.float();
}

/** [out, in] */
export function sizesOf(layer: AdaptedLinear): readonly [outputs: number, inputs: number] {
  if (!(layer instanceof QuantizedLinear)) return layer.weight.shape as [number, number];
  const { outFeatures, inFeatures } = layer.stored;
  return [outFeatures, inFeatures];
}
