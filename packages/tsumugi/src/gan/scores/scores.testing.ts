// What the tests share: features, weights and pictures that are the same in every language, because the scores they are
// compared with were computed elsewhere (NumPy and SciPy; TensorFlow.js, scripts/tfjs-inception-reference.ts).
import { RandomStream } from '../../base/index.ts';
import type { ImageSet } from '../../images/image-set.ts';
import { numElements, type Tensor, tensor } from '../../torch/index.ts';
import { convSteps } from './inception-layout.ts';

/** x[i, j] = (1 + j)/2 · sin(a + 0.7 i(j + 1) + 0.3 j²) + 0.1 a j, float64 [n, d] */
export function waves(n: number, d: number, a: number): Tensor {
  const values = Float64Array.from({ length: n * d }, (_, place) => {
    const [i, j] = [Math.floor(place / d), place % d];
    return (Math.sin(a + i * (j + 1) * 0.7 + 0.3 * j * j) * (1 + j)) / 2 + a * 0.1 * j;
  });
  return tensor(values, { shape: [n, d] });
}

export interface KerasWeights {
  /** `weights` of a manifest: names and shapes as Keras has them, one byte per number. */
  specs: {
    name: string;
    shape: number[];
    dtype: 'float32';
    quantization: { dtype: 'uint8'; scale: number; min: number };
  }[];
  bytes: Uint8Array;
}

/** Weights of a whole InceptionV3 drawn from a fixed stream, scaled so that activations neither die nor explode. */
export function seededInception(): KerasWeights {
  const specs: KerasWeights['specs'] = [];
  let total = 0;
  const add = (name: string, shape: number[], low: number, high: number) => {
    specs.push({
      name,
      shape,
      dtype: 'float32',
      quantization: { dtype: 'uint8', scale: (high - low) / 255, min: low },
    });
    total += numElements(shape);
  };
  for (const [i, { kernel, inChannels, outChannels }] of convSteps().entries()) {
    const bound = Math.sqrt(6 / (kernel[0] * kernel[1] * inChannels));
    add(`conv2d_${i + 1}/kernel`, [...kernel, inChannels, outChannels], -bound, bound);
    add(`batch_normalization_${i + 1}/beta`, [outChannels], -0.1, 0.1);
    add(`batch_normalization_${i + 1}/moving_mean`, [outChannels], -0.1, 0.1);
    add(`batch_normalization_${i + 1}/moving_variance`, [outChannels], 0.5, 1.5);
  }
  const stream = new RandomStream(0);
  const words = Uint32Array.from({ length: Math.ceil(total / 4) }, () => stream.nextUint32());
  return { specs, bytes: new Uint8Array(words.buffer).subarray(0, total) };
}

/** A picture with a slope and an edge, float32 [size, size, 3] in [0, 1]. */
export function picture(size: number): Float32Array {
  return Float32Array.from({ length: size * size * 3 }, (_, place) => {
    const [y, x, c] = [Math.floor(place / 3 / size), Math.floor(place / 3) % size, place % 3];
    return Math.min(
      1,
      Math.max(0, 0.5 + 0.4 * Math.sin(x / 20 + c) * Math.cos(y / 33 - c) + (2 * x > size ? 0.1 : -0.1)),
    );
  });
}

/** Grey 8×8 images of two classes: bright on the left, or above; with noise. */
export function toySet(count: number, split: 'train' | 'test', seed = 1): ImageSet {
  const stream = new RandomStream(seed + (split === 'test' ? 1000 : 0));
  const labels = Int32Array.from({ length: count }, () => stream.below(2));
  const pixels = Uint8Array.from({ length: count * 64 }, (_, place) => {
    const [label, y, x] = [labels[Math.floor(place / 64)]!, Math.floor((place % 64) / 8), place % 8];
    return ((label === 0 ? x : y) < 4 ? 150 : 50) + stream.below(50);
  });
  return {
    ...{
      name: 'Toy-10',
      split,
      count,
      channels: 1,
      height: 8,
      width: 8,
      pixels,
      labels,
      classNames: ['left', 'above'],
    },
    source: 'tests',
    licence: 'none',
  };
}
