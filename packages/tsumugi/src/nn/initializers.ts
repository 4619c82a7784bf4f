// Initial values of parameters. An initializer fills a tensor in place from an explicit stream; layers take one as an
// option, and it can be applied to any parameter of a finished model.
import { ConfigError, checkChoice, checkNumber, checkNumbers, checkOptions, ShapeError } from '../base/index.ts';
import { callOperator, noGrad, type Rng, randn, scope, type Tensor, tensor } from '../torch/index.ts';

export type Initializer = (target: Tensor, rng: Rng) => void;

/** Fills a parameter (without recording for backward) and returns it. */
export function initialize(target: Tensor, initializer: Initializer, rng: Rng): Tensor {
  noGrad(() => scope(() => initializer(target, rng)));
  return target;
}

export const zerosInit = (): Initializer => (target) => void target.zero_();
export const constant =
  (value: number): Initializer =>
  (target) =>
    void target.fill_(value);
export function normal(options: { mean?: number; std?: number } = {}): Initializer {
  checkOptions('normal', options, { mean: true, std: true });
  const { mean = 0, std = 1 } = options;
  checkNumber('normal', 'mean', mean, {});
  checkNumber('normal', 'std', std, { min: 0 });
  return (target, rng) => void target.normal_(mean, std, { rng });
}
export function uniform(options: { low?: number; high?: number } = {}): Initializer {
  checkOptions('uniform', options, { low: true, high: true });
  const { low = 0, high = 1 } = options;
  checkNumbers('uniform', { low, high }, {});
  if (low > high) throw new ConfigError('out-of-range', `uniform: low ${low} is above high ${high}`);
  return (target, rng) => void target.uniform_(low, high, { rng });
}

/**
 * N(mean, std²) restricted to `mean ± cut·std`, drawn by inverting the cumulative distribution, so no value piles up
 * at the bounds. Source: Robert 1995, arXiv 0907.4010. (The bound is in standard deviations, not absolute.)
 */
export function truncatedNormal(options: { mean?: number; std?: number; cut?: number } = {}): Initializer {
  checkOptions('truncatedNormal', options, { mean: true, std: true, cut: true });
  const { mean = 0, std = 1, cut = 2 } = options;
  checkNumber('truncatedNormal', 'mean', mean, {});
  checkNumber('truncatedNormal', 'std', std, { min: 0 });
  checkNumber('truncatedNormal', 'cut', cut, { above: 0 });
  return (target, rng) => {
    const reach = (callOperator('aten::erf', tensor(cut / Math.SQRT2, { dtype: 'float64' })) as Tensor).item();
    target.uniform_(-reach, reach, { rng });
    callOperator('aten::erfinv_', target);
    target
      .mul_(std * Math.SQRT2)
      .add_(mean)
      .clamp_(mean - cut * std, mean + cut * std);
  };
}

/** Inputs and outputs of a weight `[out, in, …taps]`: each with the number of taps (PyTorch's convention). */
export function fans(shape: readonly number[]): { fanIn: number; fanOut: number } {
  const [out, inputs, ...taps] = shape;
  if (out === undefined || inputs === undefined)
    throw new ShapeError(
      'no-fans',
      `fan-in and fan-out need at least two dimensions, the shape is [${shape.join(', ')}]`,
      {
        remedy: 'Use zerosInit, constant, normal or uniform for vectors.',
      },
    );
  const numTaps = taps.reduce((product, size) => product * size, 1);
  return { fanIn: inputs * numTaps, fanOut: out * numTaps };
}

export type Fan = 'fanIn' | 'fanOut' | 'average';

/** Variance `scale / fan`: what Xavier, Kaiming and LeCun initialisation have in common. */
export function varianceScaling(
  options: { scale?: number; fan?: Fan; distribution?: 'normal' | 'uniform' | 'truncated normal' } = {},
): Initializer {
  checkOptions('varianceScaling', options, { scale: true, fan: true, distribution: true });
  const { scale = 1, fan = 'fanIn', distribution = 'normal' } = options;
  checkNumber('varianceScaling', 'scale', scale, { min: 0 });
  checkChoice('varianceScaling', 'fan', fan, ['fanIn', 'fanOut', 'average']);
  checkChoice('varianceScaling', 'distribution', distribution, ['normal', 'uniform', 'truncated normal']);
  return (target, rng) => {
    const { fanIn, fanOut } = fans(target.shape);
    const std = Math.sqrt(scale / { fanIn, fanOut, average: (fanIn + fanOut) / 2 }[fan]);
    const bound = Math.sqrt(3) * std;
    const distributions = {
      normal: normal({ std }),
      uniform: uniform({ low: -bound, high: bound }),
      'truncated normal': truncatedNormal({ std }),
    };
    distributions[distribution](target, rng);
  };
}

/** Glorot & Bengio 2010: variance gain² · 2 / (fanIn + fanOut). */
export function xavierUniform(options: { gain?: number } = {}): Initializer {
  checkOptions('xavierUniform', options, { gain: true });
  const { gain = 1 } = options;
  return varianceScaling({ scale: gain ** 2, fan: 'average', distribution: 'uniform' });
}

export function xavierNormal(options: { gain?: number } = {}): Initializer {
  checkOptions('xavierNormal', options, { gain: true });
  const { gain = 1 } = options;
  return varianceScaling({ scale: gain ** 2, fan: 'average' });
}

/** He et al. 2015, arXiv 1502.01852: variance gain² / fan; the gain is that of the activation that follows (√2 for ReLU). */
export function kaimingUniform(options: { gain?: number; fan?: Fan } = {}): Initializer {
  checkOptions('kaimingUniform', options, { gain: true, fan: true });
  const { gain = Math.SQRT2, fan = 'fanIn' } = options;
  return varianceScaling({ scale: gain ** 2, fan, distribution: 'uniform' });
}

export function kaimingNormal(options: { gain?: number; fan?: Fan } = {}): Initializer {
  checkOptions('kaimingNormal', options, { gain: true, fan: true });
  const { gain = Math.SQRT2, fan = 'fanIn' } = options;
  return varianceScaling({ scale: gain ** 2, fan });
}

/** LeCun et al. 1998: variance scale² / fanIn (Chainer's default for weights). */
export function lecunNormal(options: { scale?: number } = {}): Initializer {
  checkOptions('lecunNormal', options, { scale: true });
  const { scale = 1 } = options;
  return varianceScaling({ scale: scale ** 2 });
}

/** The gain that keeps the variance through an activation (He et al. 2015; 5/3 for tanh as PyTorch has it). */
export const gains = {
  linear: 1,
  sigmoid: 1,
  tanh: 5 / 3,
  relu: Math.SQRT2,
  selu: 3 / 4,
  leakyRelu: (slope: number) => Math.sqrt(2 / (1 + slope ** 2)),
};

/**
 * A (semi-)orthogonal matrix times `gain`, uniformly distributed; a weight `[out, in, …]` counts as `[out, in·…]`.
 * Source: Saxe et al. 2013, arXiv 1312.6120; signs by Mezzadri 2007, arXiv math-ph/0609050.
 */
export function orthogonal(options: { gain?: number } = {}): Initializer {
  checkOptions('orthogonal', options, { gain: true });
  const { gain = 1 } = options;
  checkNumber('orthogonal', 'gain', gain, {});
  return (target, rng) => {
    fans(target.shape);
    const rows = target.shape[0]!;
    const columns = target.numel() / rows;
    // QR needs a tall matrix; a wide one is the transpose of a tall one.
    const gaussian = randn([Math.max(rows, columns), Math.min(rows, columns)], rng, { dtype: 'float64' });
    const [q, r] = callOperator('aten::linalg_qr', gaussian, 'reduced') as [Tensor, Tensor];
    const tall = q.mul(r.diagonal().sign());
    target.copy_((rows < columns ? tall.t() : tall).mul(gain).reshape(target.shape));
  };
}
