// The body for a space of observations: convolutions for frames, fully connected layers for everything else.
import { ConfigError } from '../../base/index.ts';
import type { Rng } from '../../torch/index.ts';
import { ObservationInput } from '../observation-input.ts';
import type { Space } from '../spaces/index.ts';
import type { Body } from './body.ts';
import type { InitialWeights } from './initial.ts';
import { type ActivationName, MLP } from './mlp.ts';
import { NatureBody, NIPSBody } from './pixels.ts';

/** Nature's convolutions alone have no hidden layer after them, and biases that begin at 0. */
export const networkNames = ['auto', 'mlp', 'nature', 'nature-convolutions', 'nips'] as const;

export interface BodySettings {
  /** 'auto': the Nature network for frames [C, H, W] of at least 36×36, fully connected otherwise. */
  kind: (typeof networkNames)[number];
  /** Sizes of fully connected layers. */
  hidden: readonly number[];
  activation: ActivationName;
  weightInit: InitialWeights;
}

const isOfFrames = ({ shape }: ObservationInput) => shape.length === 3 && shape[1]! >= 36 && shape[2]! >= 36;

/** What 'auto' is for observations of this space. */
export function bodyKind(space: Space, kind: BodySettings['kind']): Exclude<BodySettings['kind'], 'auto'> {
  if (kind !== 'auto') return kind;
  const input = new ObservationInput(space);
  return isOfFrames(input) && input.dtype === 'uint8' ? 'nature' : 'mlp';
}

export function makeBody(space: Space, settings: BodySettings, rng: Rng): Body {
  const input = new ObservationInput(space);
  const { shape } = input;
  const isFrames = isOfFrames(input);
  const kind = bodyKind(space, settings.kind);
  if (kind === 'mlp') {
    const { hidden, activation, weightInit } = settings;
    return new MLP(
      shape.reduce((product, length) => product * length, 1),
      hidden,
      { rng, activation, weightInit },
    );
  }
  if (!isFrames)
    throw new ConfigError('bad-setting', `a "${kind}" network takes frames [C, H, W] of at least 36×36, got ${space}`, {
      remedy: 'Choose network "mlp", or an environment whose observations are frames.',
    });
  if (kind === 'nips') return new NIPSBody(shape, { rng });
  return kind === 'nature' ? new NatureBody(shape, { rng }) : new NatureBody(shape, { rng, hidden: 0, bias: 0 });
}
