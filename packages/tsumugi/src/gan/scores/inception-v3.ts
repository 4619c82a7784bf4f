// InceptionV3 for inference: images to 2,048 features, and to class probabilities where the weights have a last layer.
// Batch norm is folded into the convolutions when the weights are loaded (inception-weights.ts).
import { invariant, ShapeError } from '../../base/index.ts';
import {
  avgPool2d,
  cat,
  conv2d,
  type Device,
  factoryDevice,
  linear,
  maxPool2d,
  noGrad,
  scope,
  type Tensor,
} from '../../torch/index.ts';
import { type ConvStep, convSteps, inceptionSteps, type Step } from './inception-layout.ts';

/** A layer's weights after folding. */
export interface Folded {
  /** [out, in, height, width], or [out, in] */
  weight: Tensor;
  bias: Tensor;
}

/** In what the published networks of this name differ. */
export interface InceptionVariant {
  /** Whether the zeros around the image count in the average pools: in torchvision they do, in TensorFlow they do not. */
  averageCountsPadding: boolean;
  /** The pool of the last block: `max` in the network of 2015-12-05, `average` in all later ones. */
  lastPool: 'average' | 'max';
}

/** The smallest side that every pool still has something to pool of. */
const SMALLEST = 75;

/** The layers on a device; the old tensors are freed. */
function moved(layers: ReadonlyMap<string, Folded>, device: Device): ReadonlyMap<string, Folded> {
  const place = (old: Tensor): Tensor => {
    const fresh = scope(() => old.to(device)).keep();
    old.dispose();
    return fresh;
  };
  return new Map(
    Array.from(layers, ([name, { weight, bias }]) => [name, { weight: place(weight), bias: place(bias) }]),
  );
}

export class InceptionV3 implements Disposable {
  readonly #layers: ReadonlyMap<string, Folded>;
  readonly #steps: readonly Step[];
  readonly #countsPadding: boolean;

  /** Takes over the tensors: convolutions by torchvision's names, and `fc` if there is one. */
  constructor(layers: ReadonlyMap<string, Folded>, variant: InceptionVariant, device: Device = factoryDevice()) {
    this.#layers = moved(layers, device);
    this.#steps = inceptionSteps(variant.lastPool);
    this.#countsPadding = variant.averageCountsPadding;
    const missing = convSteps(this.#steps).find(({ name }) => !layers.has(name));
    invariant(!missing, `InceptionV3 was made without "${missing?.name}"`);
  }

  /** The number of classes of the last layer, 0 without one. */
  get numClasses(): number {
    return this.#layers.get('fc')?.bias.numel() ?? 0;
  }

  /** [B, 3, H, W] → [B, 2048], the mean over the last 8×8 places (for 299×299). */
  features(x: Tensor): Tensor {
    if (x.ndim !== 4 || x.size(1) !== 3 || Math.min(x.size(2), x.size(3)) < SMALLEST)
      throw new ShapeError(
        'wrong-shape',
        `InceptionV3: expected [B, 3, H, W] with sides of at least ${SMALLEST}, got [${x.shape.join(', ')}]`,
      );
    return noGrad(() => scope(() => this.#run(this.#steps, x).mean([2, 3])));
  }

  /** The last layer of features [B, 2048]: logits [B, numClasses]. */
  logits(features: Tensor): Tensor {
    const fc = this.#layers.get('fc');
    invariant(fc, 'these weights have no last layer');
    return noGrad(() => linear(features, fc.weight, fc.bias));
  }

  /** One step after the other; what a step gave is freed as soon as the next one has used it. */
  #run(steps: readonly Step[], input: Tensor): Tensor {
    let x = input;
    for (const step of steps) {
      const next = scope(() => this.#step(step, x));
      if (x !== input) x.dispose();
      x = next;
    }
    return x;
  }

  #step(step: Step, x: Tensor): Tensor {
    switch (step.kind) {
      case 'conv':
        return this.#conv(step, x);
      case 'average':
        return avgPool2d(x, 3, 1, 1, false, this.#countsPadding);
      case 'max':
        return maxPool2d(x, 3, 1, 1);
      case 'reduce':
        return maxPool2d(x, 3, 2);
      case 'split':
        return cat(
          step.branches.map((branch) => this.#run(branch, x)),
          1,
        );
    }
  }

  #conv({ name, stride, padding }: ConvStep, x: Tensor): Tensor {
    const { weight, bias } = this.#layers.get(name)!;
    return conv2d(x, weight, bias, stride, padding).relu();
  }

  dispose(): void {
    for (const { weight, bias } of this.#layers.values()) {
      weight.dispose();
      bias.dispose();
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
