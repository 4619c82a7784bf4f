// One score with everything that is needed to read it, as JSON and as one line of text.

import type { ImageSet } from '../../images/index.ts';
import { formatInteger } from '../../run/index.ts';
import type { JsonObject } from '../../store/index.ts';
import type { FeatureExtractor, Metric } from './extractor.ts';
import type { Protocol } from './protocol.ts';

export interface ImageScore {
  /** What the score is called with this extractor: "FID" is for the original Inception alone. */
  readonly name: string;
  readonly metric: Metric;
  readonly value: number;
  /** Standard deviation over the splits or subsets. */
  readonly std?: number;
  readonly extractor: { readonly name: string; readonly hash: string };
  readonly resizer: string;
  /** How bytes become the extractor's input. */
  readonly pixels: string;
  /** Null where no real images take part (the Inception score). */
  readonly real: { readonly dataset: string; readonly split: string; readonly n: number } | null;
  readonly nFake: number;
  readonly protocol: string;
  /** Of the metric: splits, subsets, neighbours, seed. */
  readonly settings: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

/** The part of a score that does not depend on its value. */
export function describeImages(
  metric: Metric,
  { real, extractor, protocol }: { real: ImageSet; extractor: FeatureExtractor; protocol: Protocol },
): Omit<ImageScore, 'value' | 'std' | 'settings' | 'warnings'> {
  return {
    name: extractor.names[metric],
    metric,
    extractor: { name: extractor.name, hash: extractor.hash },
    resizer: extractor.resizer,
    pixels: extractor.pixels,
    real: metric === 'inception' ? null : { dataset: real.name, split: real.split, n: protocol.nReal },
    nFake: protocol.nFake,
    protocol: protocol.name,
  };
}

/** For `--json`, in the words of the literature. */
export function scoreJson(score: ImageScore): JsonObject {
  const { name, metric, value, std, extractor, resizer, pixels, real, nFake, protocol, settings, warnings } = score;
  return {
    name,
    metric,
    value,
    ...(std !== undefined && { std }),
    extractor: { name: extractor.name, sha256: extractor.hash },
    n_real: real?.n ?? null,
    n_fake: nFake,
    dataset: real?.dataset ?? null,
    split: real?.split ?? null,
    resizer,
    pixels,
    protocol,
    settings: { ...settings },
    warnings: [...warnings],
  };
}

/** Decimals as papers print them. */
const decimals: Readonly<Record<Metric, number>> = { frechet: 2, inception: 2, kernel: 5, precision: 4, recall: 4 };

/** Everything in one line: `CIFAR-FD 21.70 | 10,000 real (CIFAR-10 test) vs 5,000 fake | …`. */
export function scoreText(score: ImageScore): string {
  const { name, metric, value, std, extractor, resizer, pixels, real, nFake, protocol, settings, warnings } = score;
  const digits = decimals[metric];
  const against = real ? `${formatInteger(real.n)} real (${real.dataset} ${real.split}) vs ` : 'no real images, ';
  return [
    `${name} ${value.toFixed(digits)}${std === undefined ? '' : ` ± ${std.toFixed(digits)}`}`,
    `${against}${formatInteger(nFake)} fake`,
    `protocol ${protocol}`,
    `${extractor.name}, sha256 ${extractor.hash.slice(0, 12)}`,
    `resizer ${resizer}, ${pixels}`,
    ...Object.entries(settings).map(([key, setting]) => `${key} ${setting}`),
    ...warnings.map((warning) => `WARNING: ${warning}`),
  ].join(' | ');
}
