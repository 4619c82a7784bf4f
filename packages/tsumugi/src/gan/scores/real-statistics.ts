// What the extractor makes of the real images, kept in a file: it is the same for every generator. The file's name is the
// SHA-256 of what determines its content, the images' own bytes among it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError, filesHash, sha256, TsumugiError } from '../../base/index.ts';
import type { ImageSet } from '../../images/index.ts';
import { canonicalJson, openSafetensors, writeSafetensors } from '../../store/index.ts';
import { scope, type Tensor } from '../../torch/index.ts';
import { type ExtractOptions, extractFeatures, ImageFeatures } from './extract-features.ts';
import type { FeatureExtractor } from './extractor.ts';
import { Moments } from './frechet.ts';

const VERSION = '2';

export interface RealStatisticsOptions extends ExtractOptions {
  /** Where statistics are kept; not at all when left out. */
  cacheFolder?: string | undefined;
  report?: ((line: string) => void) | undefined;
}

/** The facts behind a file, in its metadata too. */
function facts({ channels, height, width, pixels }: ImageSet, n: number, extractor: FeatureExtractor) {
  return {
    version: VERSION,
    images: sha256(pixels.subarray(0, n * channels * height * width)),
    shape: [n, channels, height, width].join(),
    extractor: extractor.name,
    weights: extractor.hash,
    input: [...extractor.inputSize, extractor.resizer, extractor.pixels].join(),
  };
}

function read(path: string, key: string, n: number, extractor: FeatureExtractor, needs: ExtractOptions['needs']) {
  using file = openSafetensors(path);
  if (file.metadata['key'] !== key || (needs.features && !file.has('features'))) return undefined;
  if (file.metadata['content'] !== scope(() => contentOf(file.names.map((name) => [name, file.tensor(name)]))))
    throw new FormatError('kept-statistics', `${path} does not hold what was written to it`);
  return scope(() => {
    const at = (name: string) => file.tensor(name).to(extractor.device);
    return new ImageFeatures(n, {
      moments: Moments.from(n, at('mean'), at('scatter')),
      features: needs.features ? at('features').clone() : undefined,
    });
  });
}

const contentOf = (tensors: readonly (readonly [name: string, tensor: Tensor])[]): string =>
  scope(() => filesHash(tensors.map(([name, tensor]) => [name, sha256(tensor.to('cpu').bytes())])));

/** Moments, and features where they are needed, of the first `n` images: from the file, or computed and kept. */
export async function realStatistics(
  real: ImageSet,
  n: number,
  extractor: FeatureExtractor,
  { cacheFolder, report, ...options }: RealStatisticsOptions,
): Promise<ImageFeatures> {
  const needs = { ...options.needs, moments: true, probabilities: false };
  if (cacheFolder === undefined) return extractFeatures(real, n, extractor, { ...options, needs });
  const about = facts(real, n, extractor);
  const key = sha256(canonicalJson(about));
  const path = join(cacheFolder, `real-${key.slice(0, 32)}.safetensors`);
  if (existsSync(path)) {
    try {
      const kept = read(path, key, n, extractor, needs);
      if (kept) {
        report?.(`statistics of the real images: ${path}`);
        return kept;
      }
    } catch (error) {
      if (!(error instanceof TsumugiError)) throw error;
      report?.(`${error.message}; it is computed again`);
    }
  }
  const fresh = await extractFeatures(real, n, extractor, { ...options, needs });
  const { moments, features } = fresh;
  try {
    const named = { mean: moments!.mean, scatter: moments!.scatter, ...(features && { features }) };
    const tensors = Object.entries(named);
    const data = `${real.name} ${real.split}`;
    writeSafetensors(path, tensors, { ...about, data, key, content: contentOf(tensors) });
    report?.(`statistics of the real images are kept in ${path}`);
  } catch (error) {
    if (!(error instanceof TsumugiError)) {
      fresh[Symbol.dispose]();
      throw error;
    }
    // A full disk costs time at the next score, not this one.
    report?.(`statistics of the real images are not kept: ${error.message.split('\n', 1)[0]}`);
  }
  return fresh;
}
