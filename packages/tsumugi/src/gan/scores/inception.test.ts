// InceptionV3 against TensorFlow.js with the same weights (scripts/tfjs-inception-reference.ts), from both kinds of files.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError, FormatError } from '../../base/index.ts';
import { writeSafetensors } from '../../store/index.ts';
import { Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { type InceptionKind, inceptionExtractor } from './inception-extractor.ts';
import { convSteps } from './inception-layout.ts';
import { InceptionV3 } from './inception-v3.ts';
import { safetensorsInception, tfjsInception } from './inception-weights.ts';
import { realStatistics } from './real-statistics.ts';
import { picture, seededInception, toySet } from './scores.testing.ts';
import { readTfjsLayers } from './tfjs-layers.ts';

const reference = [
  0.2380879521369934, 0.2411733716726303, 0.8777479529380798, 0.14948034286499023, 0, 0.11256320029497147, 0,
  0.23549488186836243, 0.798164963722229, 0.1147618293762207, 0.25118547677993774, 0.1081542819738388, 0,
  0.5861742496490479, 0.3155800998210907, 0.2472650408744812,
];
const referenceNorm = 22.98918505398153;

let home: string;
let folder: string;
let file: string;
const weights = seededInception();

/** What Keras writes of InceptionV3, without what is not read. */
function kerasLayers() {
  const layer = (class_name: string, name: string, from: string, config: object) => ({
    class_name,
    config: { name, ...config },
    inbound_nodes: [[[from, 0, 0, {}]]],
  });
  return [
    { class_name: 'InputLayer', config: { name: 'input_1' }, inbound_nodes: [] },
    ...convSteps().flatMap(({ kernel, stride, padding }, i) => [
      layer('BatchNormalization', `batch_normalization_${i + 1}`, `conv2d_${i + 1}`, { epsilon: 0.001 }),
      layer('Conv2D', `conv2d_${i + 1}`, 'input_1', {
        kernel_size: kernel,
        strides: [stride, stride],
        padding: Math.max(...padding) > 0 ? 'same' : 'valid',
      }),
    ]),
    ...Array.from({ length: 9 }, (_, i) =>
      layer('AveragePooling2D', `average_pooling2d_${i + 1}`, 'input_1', { padding: 'same', strides: [1, 1] }),
    ),
    ...Array.from({ length: 4 }, (_, i) =>
      layer('MaxPooling2D', `max_pooling2d_${i + 1}`, 'input_1', { padding: 'valid', strides: [2, 2] }),
    ),
  ];
}

function writeModel(place: string, layers = kerasLayers()): string {
  mkdirSync(place, { recursive: true });
  const weightsManifest = [{ paths: ['group1-shard1of1'], weights: weights.specs }];
  const modelTopology = { model_config: { config: { layers } } };
  writeFileSync(join(place, 'model.json'), JSON.stringify({ modelTopology, weightsManifest }));
  writeFileSync(join(place, 'group1-shard1of1'), weights.bytes);
  return place;
}

/** The same weights under torchvision's names, γ = 1 written out, with a last layer of `classes` outputs. */
function torchvisionTensors(classes: number): [string, Tensor][] {
  const model = readTfjsLayers(folder);
  const convs = convSteps().flatMap(({ name }, i): [string, Tensor][] => {
    const norm = (part: string) => model.weight(`batch_normalization_${i + 1}/${part}`);
    return [
      [
        `${name}.conv.weight`,
        model
          .weight(`conv2d_${i + 1}/kernel`)
          .permute([3, 2, 0, 1])
          .contiguous(),
      ],
      [`${name}.bn.weight`, norm('beta').mul(0).add(1)],
      [`${name}.bn.bias`, norm('beta')],
      [`${name}.bn.running_mean`, norm('moving_mean')],
      [`${name}.bn.running_var`, norm('moving_variance')],
      [`${name}.bn.num_batches_tracked`, tensor([7], { dtype: 'int64' })],
    ];
  });
  const generator = new Rng(0);
  return [...convs, ['fc.weight', randn([classes, 2048], generator)], ['fc.bias', randn([classes], generator)]];
}

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-inception-'));
  folder = writeModel(join(home, 'keras'));
  file = join(home, 'inception.safetensors');
  scope(() => writeSafetensors(file, torchvisionTensors(1008)));
});
afterAll(() => rmSync(home, { recursive: true }));

const input = (size: number) => tensor(picture(size), { shape: [1, size, size, 3] }).permute([0, 3, 1, 2]);

describe('InceptionV3', () => {
  it('gives the features of TensorFlow.js, from a layers model and from safetensors', () => {
    for (const { layers } of [tfjsInception(folder), safetensorsInception(file)]) {
      using network = new InceptionV3(layers, { averageCountsPadding: false, lastPool: 'average' });
      const features = scope(() => network.features(input(139)).data()) as Float32Array;
      for (const [i, value] of reference.entries()) expect(features[128 * i]).toBeCloseTo(value, 5);
      expect(Math.hypot(...features)).toBeCloseTo(referenceNorm, 4);
    }
  });

  it('differs where the published networks do', () => {
    const norm = (variant: ConstructorParameters<typeof InceptionV3>[1]) => {
      using network = new InceptionV3(tfjsInception(folder).layers, variant);
      return scope(() => network.features(input(75)).square().sum().sqrt().item());
    };
    const norms = [
      norm({ averageCountsPadding: false, lastPool: 'average' }),
      norm({ averageCountsPadding: true, lastPool: 'average' }),
      norm({ averageCountsPadding: false, lastPool: 'max' }),
    ];
    // At 75×75 the last block sees one place: its 3×3 mean is that place, or a ninth of it; its maximum is that place.
    expect(norms[1]).toBeLessThan(norms[0]! - 0.1);
    expect(norms[2]).toBeCloseTo(norms[0]!, 4);
  });

  it('refuses images that vanish on the way', () => {
    using network = new InceptionV3(tfjsInception(folder).layers, { averageCountsPadding: false, lastPool: 'max' });
    scope(() => expect(() => network.features(input(74))).toThrow(/sides of at least 75, got \[1, 3, 74, 74\]/));
  });
});

describe('the extractor', () => {
  const open = (weights: string, kind: InceptionKind) => inceptionExtractor({ weights, kind });
  const bytes = () =>
    tensor(
      Uint8Array.from(picture(40), (value) => value * 255),
      { shape: [1, 3, 40, 40] },
    );

  it('is called FID with the original’s shape alone, and says that the weights are as declared', () => {
    using original = open(file, 'inception-2015-12-05');
    expect(original.names.frechet).toBe('FID');
    expect([original.name, original.resizer, original.pixels]).toEqual([
      'Inception-2015-12-05 (as declared)',
      'bilinear-tf1',
      '(x - 128)/128',
    ]);
    expect(original.hash).toMatch(/^[0-9a-f]{64}$/);
    scope(() => {
      const { features, probabilities } = original.extract(bytes());
      expect([features.shape, probabilities!.shape]).toEqual([[1, 2048], [1, 1000]]); // biome-ignore format: pairs
      // Outputs 1 to 1,000 of a softmax over 1,008.
      const sum = probabilities!.sum().item();
      expect(sum).toBeGreaterThan(0.5);
      expect(sum).toBeLessThanOrEqual(1 + 1e-5);
    });
    expect(() => open(folder, 'inception-2015-12-05')).toThrow(/last layer has no outputs, not 1008/);
  });

  it('carries another name with other weights, and has no Inception score without classes', () => {
    using keras = open(folder, 'nsfwjs');
    expect(keras.names.frechet).toBe('FID (nsfwjs InceptionV3 features)');
    expect([keras.name, keras.numClasses]).toEqual(['nsfwjs InceptionV3 (as declared)', 0]);
    scope(() => {
      // A grey image is three equal channels.
      const grey = bytes().narrow(1, 0, 1);
      const coloured = grey.expand([1, 3, 40, 40]);
      const { features, probabilities } = keras.extract(grey);
      expect(probabilities).toBeUndefined();
      expect(features.sub(keras.extract(coloured).features).abs().max().item()).toBe(0);
      expect(() => keras.extract(grey.to('float32'))).toThrow(/bytes \[B, 3, H, W\], got float32\[1, 1, 40, 40\]/);
    });
  });
});

it('takes statistics of the real images again when the weights behind a path were replaced', async () => {
  const path = join(home, 'replaced.safetensors');
  copyFileSync(file, path);
  const cacheFolder = join(home, 'statistics');
  const set = toySet(6, 'test');
  let seen = 0;
  // The features of a stand-in, the hash of the weights: the network itself would take minutes.
  const extract = (images: Tensor) => {
    seen += images.size(0);
    return { features: images.to('float32').mean([2, 3]) };
  };
  const needs = { moments: true, features: false, probabilities: false };
  const take = async () => {
    using inception = inceptionExtractor({ weights: path, kind: 'torchvision' });
    const extractor = { ...inception, numFeatures: 1, extract };
    using _found = await realStatistics(set, 6, extractor, { cacheFolder, batchSize: 6, needs });
    return inception.hash;
  };
  const first = await take();
  await take();
  expect(seen).toBe(6);
  // Of the same size and at the same time: one bit of the last weight.
  const { atime, mtime } = statSync(path);
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
  utimesSync(path, atime, mtime);
  expect(await take()).not.toBe(first);
  expect([seen, readdirSync(cacheFolder).length]).toEqual([12, 2]);
});

describe('files that are something else', () => {
  it('are named with the layer that does not fit', () => {
    const changed = (change: (layers: ReturnType<typeof kerasLayers>) => void) => {
      const layers = kerasLayers();
      change(layers);
      return () => tfjsInception(writeModel(join(home, 'other'), layers));
    };
    expect(changed((layers) => layers.splice(1, 2))).toThrow(/has 93 convolutions instead of 94/);
    expect(changed((layers) => layers.pop())).toThrow(/its pools are others/);
    const conv = (i: number) => 2 * i;
    expect(changed((layers) => Object.assign(layers[conv(1)]!.config, { strides: [1, 1] }))).toThrow(
      /"conv2d_1" is another convolution than "Conv2d_1a_3x3"/,
    );
    expect(changed((layers) => Object.assign(layers[conv(33) - 1]!.config, { epsilon: 1e-5 }))).toThrow(FormatError);
  });

  it('are refused for a missing or a strange tensor', () => {
    scope(() => {
      const some = (path: string, tensors: [string, Tensor][]) => {
        writeSafetensors(join(home, path), tensors);
        return () => safetensorsInception(join(home, path));
      };
      expect(some('strange', [['layer1.0.conv1.weight', tensor([1])]])).toThrow(/holds "layer1.0.conv1.weight"/);
      expect(() => safetensorsInception('model.safetensors.index.json')).toThrow(/no single file/);
      expect(some('missing', [['Conv2d_1a_3x3.conv.weight', tensor([1])]])).toThrow(CheckpointError);
    });
  });
});
