// The classifier learns two classes, comes back from its folder, and is an extractor with names of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { deriveSeed, RandomStream } from '../../base/index.ts';
import { ImageBatches } from '../../images/batches.ts';
import { holdOut } from '../../images/hold-out.ts';
import type { ImageSet } from '../../images/image-set.ts';
import { Adam } from '../../optim/index.ts';
import { Artefact } from '../../store/index.ts';
import { backward, Rng, scope, tensor } from '../../torch/index.ts';
import { ImageClassifier } from './classifier.ts';
import { classifierExtractor, saveClassifier } from './classifier-extractor.ts';
import { classifierNames, substituteNames } from './extractor.ts';
import { toySet } from './scores.testing.ts';
import { classifierAccuracy, trainClassifier } from './train-classifier.ts';

const [train, test] = [toySet(128, 'train'), toySet(40, 'test')];
const settings = { epochs: 3, batchSize: 16, lr: 1e-2, widths: [8, 12], shift: 1, seed: 5 } as const;

it('learns, is kept, and gives features and probabilities', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'tsumugi-classifier-')), 'toy');
  const lines: string[] = [];
  const trained = await trainClassifier(train, test, { ...settings, report: (line) => lines.push(line) });
  using classifier = trained.classifier;
  try {
    expect(trained.accuracy).toBe(1); // as at every seed from 1 to 8
    expect(trained.settings).toEqual({ ...settings, flip: false });
    expect(lines).toHaveLength(3);
    expect(lines[2]).toMatch(/^epoch 3 of 3: loss 0\.\d{4}, test accuracy 1\.0000$/);
    saveClassifier(folder, trained, train, test);
    using extractor = await classifierExtractor(folder);
    expect(extractor.name).toBe('Toy-10 classifier (test accuracy 1.0000)');
    expect(extractor.names.frechet).toBe('Toy-FD');
    expect([extractor.numFeatures, extractor.numClasses, extractor.hash]).toEqual([
      12,
      2,
      await new Artefact(folder).hash(),
    ]);
    scope(() => {
      const images = tensor(test.pixels, { shape: [40, 1, 8, 8] });
      const { features, probabilities } = extractor.extract(images);
      expect(features.shape).toEqual([40, 12]);
      const own = classifier.forward(images.to('float32').div(127.5).sub(1)).softmax(-1);
      expect(probabilities!.sub(own).abs().max().item()).toBeLessThan(1e-6);
      expect(probabilities!.argmax(1).tolist()).toEqual(Array.from(test.labels!));
      expect(() => extractor.extract(tensor(new Uint8Array(3 * 64), { shape: [1, 3, 8, 8] }))).toThrow(
        /bytes \[B, 1, H, W\], got uint8\[1, 3, 8, 8\]/,
      );
    });
  } finally {
    rmSync(join(folder, '..'), { recursive: true });
  }
});

it('gives the same network for the same seed', async () => {
  const short = { ...settings, epochs: 1 };
  using one = (await trainClassifier(train, test, short)).classifier;
  using two = (await trainClassifier(train, test, short)).classifier;
  using other = (await trainClassifier(train, test, { ...short, seed: 6 })).classifier;
  expect(two.fc.weight.data()).toEqual(one.fc.weight.data());
  expect(other.fc.weight.data()).not.toEqual(one.fc.weight.data());
  expect(classifierAccuracy(two, test)).toBe(classifierAccuracy(one, test));
});

it.each([true, false])('takes Adam’s steps along a cosine, on mirrored images when told to (flip %j)', async (flip) => {
  const [epochs, lr, seed] = [2, 0.02, 3];
  const options = { ...settings, epochs, lr, seed, flip, shift: 0, batchSize: train.count };
  using found = (await trainClassifier(train, test, options)).classifier;
  scope(() => {
    using twin = new ImageClassifier(
      { channels: 1, numClasses: 2, widths: settings.widths },
      new Rng(deriveSeed(seed, 'classifier')),
    );
    using adam = new Adam(twin);
    const coins = new RandomStream(deriveSeed(seed, 'augment'));
    const batches = new ImageBatches(train, { batchSize: train.count, seed });
    for (let step = 0; step < epochs; step++) {
      const order = [...batches.indices(step)];
      const values = order.flatMap((image) => {
        const mirrored = flip && coins.next() < 0.5;
        return Array.from({ length: 64 }, (_, at) => {
          const x = mirrored ? 7 - (at % 8) : at % 8;
          return train.pixels[image * 64 + (at - (at % 8)) + x]! / 127.5 - 1;
        });
      });
      coins.below(1); // the shifts
      coins.below(1);
      const images = tensor(Float32Array.from(values), { shape: [train.count, 1, 8, 8] });
      const labels = tensor(
        order.map((image) => train.labels![image]!),
        { dtype: 'int64' },
      );
      adam.zeroGrad();
      backward(twin.train().forward(images).logSoftmax(1).gather(1, labels.unsqueeze(1)).mean().neg());
      adam.step(lr * (1 + Math.cos((Math.PI * step) / epochs)) * 0.5);
    }
    for (const layer of ['fc', 'blocks'] as const) {
      const weight = ({ fc, blocks }: ImageClassifier) => (layer === 'fc' ? fc.weight : blocks[1]!.conv.weight);
      // The mean: where a gradient is 0 but for rounding, Adam steps to either side.
      expect(weight(found).sub(weight(twin)).abs().mean().item(), layer).toBeLessThan(1e-3);
    }
    adam.zeroGrad();
  });
});

it('says what is not finite instead of an accuracy', async () => {
  const error = await trainClassifier(train, test, { ...settings, lr: 1e38 }).catch((caught) => caught);
  expect([error.code, error.message]).toEqual([
    'diverged',
    expect.stringMatching(/classifier diverged at step \d+: its loss is NaN; the weight of .* NaN.*\n.*lower lr/),
  ]);
  using sound = (await trainClassifier(train, test, { ...settings, epochs: 1 })).classifier;
  scope(() => void sound.fc.weight.detach().narrow(0, 1, 1).fill_(Number.NaN));
  expect(() => classifierAccuracy(sound, test)).toThrow(
    /what the classifier says of Toy-10 for image 0 is not finite: the weight of fc\.weight holds 12 NaN/,
  );
});

it('cannot be tested with the images it is trained on; of images that nobody has split, a tenth of each class is held out', async () => {
  await expect(trainClassifier(train, { ...train, split: 'test' }, settings)).rejects.toThrow(
    /images it is trained on\n.*holdOut/,
  );
  const parts = holdOut(train, 3);
  expect([parts.train.count + parts.test.count, parts.train.split, parts.test.split]).toEqual([128, 'train', 'test']);
  const rows = ({ pixels, labels, count }: ImageSet) =>
    Array.from({ length: count }, (_, i) => `${labels![i]} ${pixels.subarray(i * 64, (i + 1) * 64)}`);
  expect([...rows(parts.train), ...rows(parts.test)].sort()).toEqual(rows(train).sort());
  const ofClass = (set: ImageSet, label: number) => set.labels!.filter((each) => each === label).length;
  for (const label of [0, 1]) expect(ofClass(parts.test, label)).toBe(Math.round(ofClass(train, label) / 10));
  expect(rows(holdOut(train, 3).test)).toEqual(rows(parts.test));
  expect(rows(holdOut(train, 4).test)).not.toEqual(rows(parts.test));
  expect(() => holdOut({ ...train, labels: train.labels!.map((_, i) => (i === 5 ? 0 : 1)) }, 3)).toThrow(
    /class "left" of Toy-10 has one image/,
  );
  // Noise cannot be told apart, so what was held out is a matter of chance.
  const stream = new RandomStream(1);
  const noise = { ...toySet(200, 'train'), pixels: Uint8Array.from({ length: 200 * 64 }, () => stream.below(256)) };
  const { train: seen, test: unseen } = holdOut(noise, 0);
  const trained = await trainClassifier(seen, unseen, { ...settings, epochs: 3 });
  using _classifier = trained.classifier;
  expect(trained.accuracy).toBeLessThan(0.95); // 20 coins: 0.5 ± 4 × 0.11
});

it.each([
  [{ epochs: 0 }, /epochs should be a whole number from 1 and is 0/],
  [{ batchSize: 1.5 }, /batchSize should be/],
  [{ lr: Number.NaN }, /lr should be a number above 0 and is NaN/],
  [{ lr: -1 }, /lr should be/],
  [{ widths: [] }, /widths should be/],
  [{ widths: [4, 0] }, /widths should be whole numbers from 1 and are \[4, 0\]/],
  [{ shift: -1 }, /shift should be/],
  [{ seed: 0.5 }, /seed should be/],
])('refuses settings that cannot be: %j', async (changes, message) => {
  await expect(trainClassifier(train, test, { ...settings, ...changes })).rejects.toThrow(message);
});

it('needs labels, and images of one shape', async () => {
  const { labels: _, ...bare } = train;
  await expect(trainClassifier(bare, test, settings)).rejects.toThrow(/Toy-10 has no classes/);
  await expect(trainClassifier(train, { ...test, width: 4, height: 16 }, settings)).rejects.toThrow(/different shapes/);
});

it('names scores after what they were taken with', () => {
  expect(classifierNames('CIFAR')).toEqual({
    frechet: 'CIFAR-FD',
    inception: 'CIFAR-IS',
    kernel: 'CIFAR-KD',
    precision: 'CIFAR-precision',
    recall: 'CIFAR-recall',
  });
  expect(substituteNames('X').inception).toBe('IS (X features)');
});
