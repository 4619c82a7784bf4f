// Scores of generated images. Every score carries what it was taken with and on what: extractor and the hash of its weights,
// n_real, n_fake, split, resizer, protocol.
import { ConfigError, checkOptions, type OptionNames, UserError } from '../../base/index.ts';
import type { ImageSet } from '../../images/index.ts';
import { scope } from '../../torch/index.ts';
import { extractFeatures, type ImageFeatures, type ImageSource } from './extract-features.ts';
import type { FeatureExtractor, Metric } from './extractor.ts';
import { frechetDistance } from './frechet.ts';
import { describeImages, type ImageScore } from './image-score.ts';
import { checkSplits, inceptionScore } from './inception-score.ts';
import { type KidOptions, kernelDistance, subsetsOf } from './kid.ts';
import { checkNeighbours, precisionRecall } from './precision-recall.ts';
import { OWN_COUNTS, type Protocol, type ProtocolName, resolveProtocol } from './protocol.ts';
import { realStatistics } from './real-statistics.ts';

/** Groups of metrics that are computed together. */
export type MetricGroup = 'frechet' | 'inception' | 'kernel' | 'precision-recall';

export const metricGroups: readonly MetricGroup[] = ['frechet', 'inception', 'kernel', 'precision-recall'];

export interface ScoreOptions {
  real: ImageSet;
  fake: ImageSource;
  extractor: FeatureExtractor;
  /** A published protocol by name, or numbers of images of one's own. */
  protocol: ProtocolName | { readonly nReal: number; readonly nFake: number };
  /** All that the extractor can give when left out. */
  metrics?: readonly MetricGroup[] | undefined;
  /** Of the Inception score. Default: one for every 5,000 fakes, from 1 to 10. */
  splits?: number | undefined;
  /** Of the kernel distance. */
  kernel?: KidOptions | undefined;
  /** Neighbours of precision and recall; 3 when left out. */
  neighbours?: number | undefined;
  /** Images through the extractor at one time; 50 when left out. */
  batchSize?: number | undefined;
  /** Where statistics of real images are kept; not at all when left out. */
  cacheFolder?: string | undefined;
  /** Told what takes long, a line at a time. */
  report?: ((line: string) => void) | undefined;
  /** Told how far it is. */
  progress?: ((part: 'real' | 'fake', done: number, total: number) => void) | undefined;
}

const scoreOptions: OptionNames<ScoreOptions> = {
  real: true,
  fake: true,
  extractor: true,
  protocol: true,
  metrics: true,
  splits: true,
  kernel: true,
  neighbours: true,
  batchSize: true,
  cacheFolder: true,
  report: true,
  progress: true,
};

/** The paper's number of images for one Inception score. */
const IMAGES_PER_SPLIT = 5_000;

function chosenMetrics({ metrics, extractor, fake, protocol }: ScoreOptions & { protocol: unknown }, nFake: number) {
  const known = (each: MetricGroup) => metricGroups.includes(each);
  if (metrics && (metrics.length === 0 || !metrics.every(known)))
    throw new ConfigError(
      'unknown-metric',
      `metrics should be some of ${metricGroups.join(', ')}: ${metrics.join(', ')}`,
      { remedy: 'Leave them out for all of them.', fields: { metrics } },
    );
  if (metrics?.includes('inception') && extractor.numClasses === 0)
    throw new ConfigError(
      'no-classes',
      `${extractor.name} gives no class probabilities, so no ${extractor.names.inception}`,
      {
        remedy: 'Take an extractor with a last layer, or leave "inception" out.',
      },
    );
  if (typeof fake !== 'function' && fake.count < nFake)
    throw new ConfigError('too-few-images', `${nFake} fakes are asked for, ${fake.name} has ${fake.count}`, {
      remedy: `Give more images, or ${OWN_COUNTS}.`,
      fields: { nFake, count: fake.count, protocol },
    });
  return new Set(metrics ?? metricGroups.filter((each) => each !== 'inception' || extractor.numClasses > 0));
}

/** Why a Fréchet distance is to be taken with care, if it is. */
function rankWarnings(parts: readonly [string, ImageFeatures][]): string[] {
  return parts
    .filter(([, { moments }]) => moments!.isRankDeficient)
    .map(
      ([name, { n, moments }]) =>
        `the covariance of ${n} ${name} images in ${moments!.dim} dimensions has not full rank: the distance is biased upwards`,
    );
}

/** @throws UserError when the extractor sees no difference between the real images: then it says nothing about others */
function requireDifferences({ moments, n }: ImageFeatures, extractor: FeatureExtractor, real: ImageSet): void {
  if (scope(() => moments!.scatter.diagonal().sum().item()) > 0) return;
  throw new UserError('same-features', `${extractor.name} gives all ${n} images of ${real.name} the same features`, {
    remedy: 'Check that the images differ, and that the weights are those of a trained network.',
    fields: { extractor: extractor.hash, dataset: real.name },
  });
}

/** Scores the fakes against the real images. @throws ConfigError naming what does not fit */
export async function scoreImages(options: ScoreOptions): Promise<ImageScore[]> {
  checkOptions('scoreImages', options, scoreOptions);
  const { real, fake, extractor, batchSize = 50, neighbours = 3, report, progress } = options;
  const protocol: Protocol = resolveProtocol(options.protocol, real);
  const { nReal, nFake } = protocol;
  const metrics = chosenMetrics(options, nFake);
  const features = metrics.has('kernel') || metrics.has('precision-recall');
  const moments = metrics.has('frechet');
  const scores: ImageScore[] = [];
  const add = (
    metric: Metric,
    found: { value: number; std?: number | undefined },
    settings: Record<string, number>,
    warnings: string[] = [],
  ) => {
    const { value, std } = found;
    scores.push({
      ...describeImages(metric, { real, extractor, protocol }),
      value,
      settings,
      warnings,
      ...(std !== undefined && { std }),
    });
  };

  // Before anything takes time.
  const splits = options.splits ?? Math.min(10, Math.max(1, Math.round(nFake / IMAGES_PER_SPLIT)));
  if (metrics.has('inception')) checkSplits(nFake, splits);
  if (metrics.has('kernel')) subsetsOf(nReal, nFake, options.kernel ?? {});
  if (metrics.has('precision-recall')) checkNeighbours(nReal, nFake, neighbours);
  if (!(Number.isInteger(batchSize) && batchSize >= 1))
    throw new ConfigError('batch-size', `a batch size should be a whole number from 1 and is ${batchSize}`, {
      remedy: 'Leave batchSize out: 50 is the default.',
    });

  using fakes = await extractFeatures(fake, nFake, extractor, {
    batchSize,
    needs: { moments, features, probabilities: metrics.has('inception') },
    progress: (done) => progress?.('fake', done, nFake),
  });
  if (metrics.has('inception')) {
    const { mean, std } = inceptionScore(fakes.probabilities!, splits);
    add('inception', { value: mean, std }, { splits });
  }
  if (!moments && !features) return scores;

  using reals = await realStatistics(real, nReal, extractor, {
    batchSize,
    needs: { moments, features, probabilities: false },
    progress: (done) => progress?.('real', done, nReal),
    cacheFolder: options.cacheFolder,
    report,
  });
  requireDifferences(reals, extractor, real);
  if (moments) {
    report?.(`Fréchet distance in ${extractor.numFeatures} dimensions`);
    const { value } = frechetDistance(reals.moments!, fakes.moments!);
    add('frechet', { value }, {}, rankWarnings([['real', reals], ['fake', fakes]])); // biome-ignore format: pairs
  }
  if (metrics.has('kernel')) {
    const { mean, std, subsets, subsetSize } = kernelDistance(reals.features!, fakes.features!, options.kernel);
    add('kernel', { value: mean, std }, { subsets, subsetSize, seed: options.kernel?.seed ?? 0 });
  }
  if (metrics.has('precision-recall')) {
    const { precision, recall } = precisionRecall(reals.features!, fakes.features!, { k: neighbours });
    add('precision', { value: precision }, { neighbours });
    add('recall', { value: recall }, { neighbours });
  }
  return scores;
}
