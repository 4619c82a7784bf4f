// Resizing for feature networks. Libraries differ in it, and scores with them (Parmar et al. 2022, arXiv 2104.11222), so the
// resizer is named with every score. All of these are linear and separable: y = R_h · x · R_wᵀ with one matrix per direction.
//
//   scale = in/out; a destination place i lies at the source place s:
//     bilinear                 s = (i + ½)·scale − ½        PyTorch's interpolate, align_corners false, antialias false
//     bilinear-tf1             s = i·scale                  TensorFlow 1: inside the Inception graph of 2015-12-05
//     bilinear-align-corners   s = i·(in − 1)/(out − 1)     Chainer's resize_images
//     area                     the mean over [i, i + 1]·scale
//     bicubic-antialias        as bilinear, Keys's kernel (a = −½) stretched by max(1, scale): Pillow's, in floats
//     none                     the image has the size already
import { ConfigError, ShapeError } from '../../base/index.ts';
import { scope, type Tensor, tensor } from '../../torch/index.ts';

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** Weights of a row of the matrix: source place → weight. */
type Row = Map<number, number>;

function between(source: number, size: number): Row {
  const at = clamp(source, 0, size - 1);
  const low = Math.floor(at);
  return low === at ? new Map([[low, 1]]) : new Map([[low, low + 1 - at], [low + 1, at - low]]); // biome-ignore format: pairs
}

/** Keys 1981, with a = −½. */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

function normalized(row: Row): Row {
  const sum = row.values().reduce((a, b) => a + b, 0);
  return new Map(row.entries().map(([place, weight]) => [place, weight / sum]));
}

/** Weights over the source places in [from, to). */
function window(from: number, to: number, size: number, weight: (place: number) => number): Row {
  const [first, last] = [Math.max(0, from), Math.min(size, to)];
  return normalized(new Map(Array.from({ length: last - first }, (_, j) => [first + j, weight(first + j)])));
}

const rules = {
  bilinear: (i: number, size: number, scale: number) => between((i + 0.5) * scale - 0.5, size),
  'bilinear-tf1': (i: number, size: number, scale: number) => between(i * scale, size),
  'bilinear-align-corners': (i: number, size: number, _scale: number, out: number) =>
    between(out === 1 ? 0 : (i * (size - 1)) / (out - 1), size),
  area: (i: number, size: number, scale: number) => {
    const [from, to] = [i * scale, (i + 1) * scale];
    return window(Math.floor(from), Math.ceil(to), size, (j) => Math.max(0, Math.min(to, j + 1) - Math.max(from, j)));
  },
  'bicubic-antialias': (i: number, size: number, scale: number) => {
    const [centre, stretch] = [(i + 0.5) * scale, Math.max(1, scale)];
    const reach = 2 * stretch;
    const [from, to] = [Math.floor(centre - reach + 0.5), Math.floor(centre + reach + 0.5)];
    return window(from, to, size, (j) => cubic((j + 0.5 - centre) / stretch));
  },
} as const;

export type Resizer = keyof typeof rules | 'none';

export const resizers: readonly Resizer[] = [...(Object.keys(rules) as (keyof typeof rules)[]), 'none'];

/** The matrix [out, size] of a direction. */
function matrix(rule: keyof typeof rules, size: number, out: number): Tensor {
  const values = new Float32Array(out * size);
  for (let i = 0; i < out; i++)
    for (const [j, weight] of rules[rule](i, size, size / out, out)) values[i * size + j] = weight;
  return tensor(values, { shape: [out, size] });
}

/**
 * [B, C, H, W] of any dtype → float32 [B, C, height, width], the values' scale unchanged.
 *
 * @throws ShapeError when the resizer is `none` and the size is another; ConfigError for an unknown resizer
 */
export function resize(images: Tensor, [height, width]: readonly [number, number], resizer: Resizer): Tensor {
  const [H, W] = [images.size(-2), images.size(-1)];
  if (resizer === 'none') {
    if (H === height && W === width) return images.to('float32');
    throw new ShapeError('wrong-size', `the images are ${H}×${W}, the feature network takes ${height}×${width}`, {
      remedy: `Take a feature network for ${H}×${W} ("tsumugi gan classifier --size ${H}" trains one), or name a resizer in code.`,
      fields: { size: [H, W], expected: [height, width] },
    });
  }
  if (!Object.hasOwn(rules, resizer))
    throw new ConfigError('unknown-resizer', `there is no resizer "${resizer}"`, {
      remedy: `Choose one of ${resizers.join(', ')}.`,
      fields: { resizer },
    });
  return scope(() => {
    const [down, across] = [matrix(resizer, H, height), matrix(resizer, W, width)].map((each) =>
      each.to(images.device),
    ) as [Tensor, Tensor];
    return down.matmul(images.to('float32')).matmul(across.t());
  });
}
