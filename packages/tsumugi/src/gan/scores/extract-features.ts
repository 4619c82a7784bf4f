// Images through the extractor, in batches: moments as they come, and features and probabilities where a metric needs all.
import { setImmediate } from 'node:timers/promises';
import { DataError } from '../../base/index.ts';
import type { ImageSet } from '../../images/index.ts';
import { toBytes } from '../../images/index.ts';
import { requireFiniteRows } from '../../nn/index.ts';
import { cat, noGrad, scope, type Tensor, tensor } from '../../torch/index.ts';
import type { FeatureExtractor } from './extractor.ts';
import { Moments } from './frechet.ts';

/**
 * Draws so many new images: float [count, C, H, W] in [−1, 1] on any device. They are scored as the bytes that would be
 * written to a file.
 */
export type DrawImages = (count: number) => Tensor;

export type ImageSource = ImageSet | DrawImages;

/** What the metrics need of the images. */
export interface FeatureNeeds {
  moments: boolean;
  features: boolean;
  probabilities: boolean;
}

/** What an extractor makes of n images, on its device. Dispose it. */
export class ImageFeatures implements Disposable {
  readonly n: number;
  readonly moments: Moments | undefined;
  /** [n, D] */
  readonly features: Tensor | undefined;
  /** [n, classes] */
  readonly probabilities: Tensor | undefined;

  constructor(
    n: number,
    parts: { moments?: Moments | undefined; features?: Tensor | undefined; probabilities?: Tensor | undefined },
  ) {
    this.n = n;
    this.moments = parts.moments;
    this.features = parts.features?.keep();
    this.probabilities = parts.probabilities?.keep();
  }

  [Symbol.dispose](): void {
    for (const each of [this.moments, this.features, this.probabilities]) each?.dispose();
  }
}

/** Bytes [count, C, H, W], from image `from` on. */
function bytesOf(source: ImageSource, from: number, count: number): Tensor {
  if (typeof source !== 'function') {
    const { channels, height, width, pixels } = source;
    const size = channels * height * width;
    return tensor(pixels.subarray(from * size, (from + count) * size), { shape: [count, channels, height, width] });
  }
  const images = source(count);
  if (images.ndim !== 4 || images.size(0) !== count)
    throw new DataError(
      'wrong-images',
      `asked to draw ${count} images, the generator gave [${images.shape.join(', ')}]`,
    );
  return tensor(toBytes(images), { shape: images.shape });
}

const REMEDY = 'Its weights are damaged, or not for this network: get or train them again.';

export interface ExtractOptions {
  batchSize: number;
  needs: FeatureNeeds;
  progress?: ((done: number) => void) | undefined;
}

/** The first `n` images of a source. */
export async function extractFeatures(
  source: ImageSource,
  n: number,
  extractor: FeatureExtractor,
  { batchSize, needs, progress }: ExtractOptions,
): Promise<ImageFeatures> {
  const moments = needs.moments ? new Moments(extractor.numFeatures, extractor.device) : undefined;
  const [features, probabilities]: [Tensor[], Tensor[]] = [[], []];
  try {
    for (let from = 0; from < n; from += batchSize) {
      noGrad(() =>
        scope(() => {
          const extracted = extractor.extract(bytesOf(source, from, Math.min(batchSize, n - from)));
          for (const [what, rows] of Object.entries(extracted))
            requireFiniteRows(rows, (row) => `the ${what} of image ${from + row} by ${extractor.name}`, REMEDY);
          moments?.add(extracted.features);
          if (needs.features) features.push(extracted.features.keep());
          if (needs.probabilities && extracted.probabilities)
            probabilities.push(extracted.probabilities.clone().keep());
        }),
      );
      progress?.(Math.min(n, from + batchSize));
      // Between batches a signal is heard.
      await setImmediate();
    }
    const join = (parts: Tensor[]) => (parts.length > 0 ? scope(() => cat(parts)) : undefined);
    return new ImageFeatures(n, { moments, features: join(features), probabilities: join(probabilities) });
  } catch (error) {
    moments?.dispose();
    throw error;
  } finally {
    for (const part of [...features, ...probabilities]) part.dispose();
  }
}
