// How many images of which split are compared. A Fréchet distance depends on all of it, so a score without its protocol says
// little: docs/gan-scores.md.
import { ConfigError } from '../../base/index.ts';
import type { ImageSet, Split } from '../../images/index.ts';

export interface Protocol {
  readonly name: string;
  /** The first so many images of the split. */
  readonly nReal: number;
  readonly nFake: number;
  /** Undefined: whatever split is given. */
  readonly split?: Split | undefined;
}

export const protocols = {
  /** Miyato et al. 2018, arXiv 1802.05957. */
  '10k-test-5k': { name: '10k-test-5k', nReal: 10_000, split: 'test', nFake: 5_000 },
  /** kwotsin/mimicry's benchmark, and most later work. */
  '50k-train-50k': { name: '50k-train-50k', nReal: 50_000, split: 'train', nFake: 50_000 },
  /** POSTECH-CVLab/PyTorch-StudioGAN's "test moments": as many fakes as there are test images. */
  'test-moments': { name: 'test-moments', nReal: 10_000, split: 'test', nFake: 10_000 },
} as const satisfies Record<string, Protocol>;

/** What to give instead of a protocol, on the command line and in code. */
export const OWN_COUNTS = 'numbers of images of your own (--real and --fake; nReal and nFake in code)';

export type ProtocolName = keyof typeof protocols;

/**
 * The protocol itself for a name, "custom" for counts of one's own.
 *
 * @throws ConfigError when it is unknown, or the real images are of another split or too few
 */
export function resolveProtocol(
  given: ProtocolName | { readonly nReal: number; readonly nFake: number },
  real: ImageSet,
): Protocol {
  if (typeof given === 'string' && !Object.hasOwn(protocols, given))
    throw new ConfigError('unknown-protocol', `there is no protocol "${given}"`, {
      remedy: `Choose one of ${Object.keys(protocols).join(', ')}, or give ${OWN_COUNTS}.`,
      fields: { protocol: given },
    });
  const protocol: Protocol = typeof given === 'string' ? protocols[given] : { name: 'custom', ...given };
  const { name, nReal, nFake, split } = protocol;
  const whole = [nReal, nFake].every((n) => Number.isInteger(n) && n >= 2);
  if (!whole)
    throw new ConfigError(
      'bad-protocol',
      `the numbers of images should be whole and at least 2: ${nReal} and ${nFake}`,
      {
        remedy: `Give ${OWN_COUNTS}.`,
        fields: { nReal, nFake },
      },
    );
  if (split !== undefined && split !== real.split)
    throw new ConfigError(
      'wrong-split',
      `protocol ${name} takes ${split} images as real ones, got ${real.split} images`,
      {
        remedy: `Take images that have a ${split} split, or give ${OWN_COUNTS}.`,
        fields: { protocol: name, split: real.split },
      },
    );
  if (real.count < nReal)
    throw new ConfigError(
      'too-few-images',
      `protocol ${name} takes ${nReal} real images, ${real.name} ${real.split} has ${real.count}`,
      {
        remedy: `Give ${OWN_COUNTS}, with at most ${real.count} real ones.`,
        fields: { protocol: name, nReal, count: real.count },
      },
    );
  return protocol;
}
