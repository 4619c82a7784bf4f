// The parts that a GAN is trained with: networks, loss and penalty. The settings name ours; anybody's own take their place.
import { ConfigError } from '../base/index.ts';
import { type AdversarialLoss, losses } from './losses.ts';
import { architectures, type DiscriminatorOptions, type NetworkOptions } from './networks/index.ts';
import { type Penalty, penalties } from './penalties.ts';
import { type GanConfig, methodOf } from './train-config.ts';
import type { Discriminator, ImageGenerator } from './types.ts';

/** Builds a network, a new one with every call, with weights drawn from `options.rng`. */
export interface NetworkMaker<Options, Network> {
  make(options: Options): Network;
}

/** What a part of one's own is called in the run's record and in the model's `config.json`. */
export interface Named {
  readonly name: string;
}

export type OwnGenerator = Named & NetworkMaker<NetworkOptions, ImageGenerator>;
export type OwnDiscriminator = Named & NetworkMaker<DiscriminatorOptions, Discriminator>;

/** Parts of one's own, each instead of the one that the settings name. */
export interface GanParts {
  generator?: OwnGenerator | undefined;
  /** Its options hold the method's normalization and initial weights, for networks that can follow them. */
  discriminator?: OwnDiscriminator | undefined;
  loss?: (Named & AdversarialLoss) | undefined;
  penalty?: (Named & Penalty) | undefined;
}

export const partNames = ['generator', 'discriminator', 'loss', 'penalty'] as const;
export type PartName = (typeof partNames)[number];

/** The parts of a run, wherever they come from. */
export interface ChosenParts {
  generator: NetworkMaker<NetworkOptions, ImageGenerator>;
  discriminator: NetworkMaker<DiscriminatorOptions, Discriminator>;
  loss: AdversarialLoss;
  penalty: Penalty | undefined;
}

/** Those of one's own, and for the others those that the settings name. @throws ConfigError for a loss that is given twice */
export function chooseParts(config: GanConfig, own: GanParts): ChosenParts {
  const { generator, discriminator } = architectures[config.architecture];
  const { loss, penalty } = methodOf(config);
  if (own.loss && config.loss !== undefined)
    throw new ConfigError(
      'two-losses',
      `the setting loss=${config.loss} and a loss of one's own, "${own.loss.name}", are given`,
      {
        remedy: 'Leave one of them out.',
      },
    );
  return {
    generator: own.generator ?? { make: generator },
    discriminator: own.discriminator ?? { make: discriminator },
    loss: own.loss ?? losses[loss],
    penalty: own.penalty ?? (penalty && penalties[penalty.kind](penalty.weight)),
  };
}

/** The names of one's own parts, by what they are. */
export const ownNames = (own: GanParts): Partial<Record<PartName, string>> =>
  Object.fromEntries(partNames.flatMap((part) => (own[part] ? [[part, own[part].name]] : [])));

/**
 * The settings as a run's record has them: a part of one's own stands as `{ own: name }`, and what it took the place of is gone.
 * A run that goes on is held against them, so it must be given parts of the same names.
 */
export function recordedSettings(config: GanConfig, own: GanParts): { out: string } {
  const parts = Object.entries(ownNames(own)).map(([part, name]) => [part, { own: name }] as const);
  if (parts.length === 0) return config;
  const { architecture, ...others } = config;
  const isUsed = !(own.generator && own.discriminator);
  return { ...others, ...(isUsed && { architecture }), ...Object.fromEntries(parts) };
}
