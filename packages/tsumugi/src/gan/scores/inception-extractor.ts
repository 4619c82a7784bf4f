// InceptionV3 as a feature extractor, from weights that the user has.
import { existsSync, statSync } from 'node:fs';
import { ConfigError, checkOptions, type OptionNames } from '../../base/index.ts';
import { type Device, factoryDevice, noGrad, scope, type Tensor } from '../../torch/index.ts';
import {
  type Extracted,
  type FeatureExtractor,
  originalNames,
  pixelRules,
  type ScoreNames,
  substituteNames,
  toInput,
} from './extractor.ts';
import { NUM_FEATURES } from './inception-layout.ts';
import { InceptionV3, type InceptionVariant } from './inception-v3.ts';
import { safetensorsInception, tfjsInception } from './inception-weights.ts';
import type { Resizer } from './resize.ts';

interface Preset {
  variant: InceptionVariant;
  resizer: Resizer;
  pixels: keyof typeof pixelRules;
  label: string;
  names: ScoreNames;
  /** Hashes of weights that are known to be these. Others are taken at the user's word, which the name says. */
  known: readonly string[];
}

const tensorflow: InceptionVariant = { averageCountsPadding: false, lastPool: 'average' };

/** The classes among the 1,008 outputs of 2015-12-05: the others are dummies (as pfnet-research/sngan_projection has it). */
const ORIGINAL_OUTPUTS = 1008;
const [FIRST_CLASS, NUM_CLASSES] = [1, 1000];

const substitute = (label: string, rest: Omit<Preset, 'label' | 'names' | 'known'> & Partial<Preset>): Preset => ({
  known: [],
  ...rest,
  label,
  names: substituteNames(label),
});

const presets = {
  /** The network of FID and IS: TensorFlow's of 2015-12-05, e.g. pytorch-fid's port saved as safetensors. */
  'inception-2015-12-05': {
    variant: { averageCountsPadding: false, lastPool: 'max' },
    resizer: 'bilinear-tf1',
    pixels: '128',
    label: 'Inception-2015-12-05',
    names: originalNames,
    // They are in no package that this project could have a checksum of.
    known: [],
  },
  /** torchvision's `inception_v3` (with its `transform_input` undone: the weights are TensorFlow's). */
  torchvision: substitute('torchvision InceptionV3', {
    variant: { averageCountsPadding: true, lastPool: 'average' },
    resizer: 'bilinear',
    pixels: 'minus-one-to-one',
  }),
  /** keras.applications.InceptionV3 */
  keras: substitute('Keras InceptionV3', { variant: tensorflow, resizer: 'bilinear', pixels: 'minus-one-to-one' }),
  /** The InceptionV3 in npm nsfwjs: of version 4.3.0: fine-tuned on five content classes and quantised to 8 bits. */
  nsfwjs: substitute('nsfwjs InceptionV3', {
    variant: tensorflow,
    resizer: 'bilinear',
    pixels: 'zero-to-one',
    known: ['a11178a9c85bb9967e3fbb59f9b2753496ff8bd46c4c2467c2c1eb99778fc64e'],
  }),
} as const satisfies Record<string, Preset>;

export type InceptionKind = keyof typeof presets;

export const inceptionKinds = Object.keys(presets) as readonly InceptionKind[];

export interface InceptionOptions {
  /** A `.safetensors` file under torchvision's names, or the folder of a tfjs layers model. */
  weights: string;
  /** What the weights are. Taken at your word where nothing in them tells; scores name it with the weights' hash. */
  kind: InceptionKind;
  /** The kind's own when left out. */
  resizer?: Resizer | undefined;
  /** Default 'cpu'. */
  device?: Device | undefined;
}

const inceptionOptions: OptionNames<InceptionOptions> = { weights: true, kind: true, resizer: true, device: true };

/**
 * @throws ConfigError when the weights cannot be of the kind; DataError, FormatError, CheckpointError when they cannot be read
 */
export function inceptionExtractor(options: InceptionOptions): FeatureExtractor {
  checkOptions('inceptionExtractor', options, inceptionOptions);
  const { weights: path, kind, device = factoryDevice() } = options;
  if (!Object.hasOwn(presets, kind))
    throw new ConfigError('unknown-weights', `there are no Inception weights called "${kind}"`, {
      remedy: `Choose one of ${inceptionKinds.join(', ')}.`,
      fields: { kind },
    });
  const preset: Preset = presets[kind];
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  const { layers, hash } = isFolder ? tfjsInception(path) : safetensorsInception(path);
  const network = new InceptionV3(layers, preset.variant, device);
  try {
    const isOriginal = kind === 'inception-2015-12-05';
    if (isOriginal && network.numClasses !== ORIGINAL_OUTPUTS)
      throw new ConfigError(
        'other-weights',
        `${path} cannot be Inception-2015-12-05: its last layer has ${network.numClasses || 'no'} outputs, not ${ORIGINAL_OUTPUTS}`,
        { remedy: 'Name the weights as what they are (torchvision, keras, nsfwjs): their scores carry another name.' },
      );
    const rule = {
      inputSize: [299, 299] as const,
      channels: 3,
      resizer: options.resizer ?? preset.resizer,
      pixels: pixelRules[preset.pixels],
    };
    const classes = (features: Tensor): { probabilities?: Tensor } => {
      if (network.numClasses === 0) return {};
      const all = network.logits(features).softmax(-1);
      return { probabilities: isOriginal ? all.narrow(1, FIRST_CLASS, NUM_CLASSES) : all };
    };
    return {
      name: preset.known.includes(hash) ? preset.label : `${preset.label} (as declared)`,
      hash,
      inputSize: rule.inputSize,
      resizer: rule.resizer,
      pixels: rule.pixels.text,
      numFeatures: NUM_FEATURES,
      numClasses: isOriginal ? NUM_CLASSES : network.numClasses,
      names: preset.names,
      device,
      extract: (images): Extracted =>
        noGrad(() =>
          scope(() => {
            const features = network.features(toInput(images, rule, device));
            return { features, ...classes(features) };
          }),
        ),
      [Symbol.dispose]: () => network.dispose(),
    };
  } catch (error) {
    network.dispose();
    throw error;
  }
}
