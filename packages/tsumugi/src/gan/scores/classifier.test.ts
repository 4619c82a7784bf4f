// The classifier learns two classes, comes back from its folder, and is an extractor with names of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Artefact } from '../../store/index.ts';
import { scope, tensor } from '../../torch/index.ts';
import { classifierExtractor, saveClassifier } from './classifier-extractor.ts';
import { classifierNames, substituteNames } from './extractor.ts';
import { toySet } from './testing.ts';
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

it('needs labels, and images of one shape', async () => {
  const { labels: _, ...bare } = train;
  await expect(trainClassifier(bare, test, settings)).rejects.toThrow(/Toy-10 has no classes/);
  await expect(trainClassifier(train, { ...test, width: 4, height: 16 }, settings)).rejects.toThrow(/different shapes/);
});

it('names scores after what they were taken with', () => {
  expect(classifierNames('CIFAR')).toEqual({
    ...{ frechet: 'CIFAR-FD', inception: 'CIFAR-IS', kernel: 'CIFAR-KD' },
    ...{ precision: 'CIFAR-precision', recall: 'CIFAR-recall' },
  });
  expect(substituteNames('X').inception).toBe('IS (X features)');
});
