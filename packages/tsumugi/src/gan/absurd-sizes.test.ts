// A folder's config.json may say anything: what it asks for is held against its weights before memory is taken.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { namedTensors, numParameters } from '../nn/index.ts';
import { writeArtefact } from '../store/index.ts';
import { memory, Rng, resetPeakMemory, scope } from '../torch/index.ts';
import { makeGenerator } from './make-networks.ts';
import { loadGenerator } from './model-folder.ts';
import { type ArchitectureName, architectures } from './networks/index.ts';
import { ImageClassifier, leastClassifierWeights } from './scores/classifier.ts';
import { classifierExtractor } from './scores/classifier-extractor.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-absurd-'));
afterAll(() => rmSync(home, { recursive: true }));

describe.each<ArchitectureName>(['cnn', 'resnet'])('%s', (architecture) => {
  const shape = { size: 32, channels: 3, width: 1 / 8, numClasses: 4 } as const;
  const { leastWeights } = architectures[architecture];

  it.each([undefined, 1, 10])(
    'has at least the weights that are asked for, and few more (%j classes)',
    (numClasses) => {
      const given = { ...shape, size: 48, numClasses };
      using network = architectures[architecture].generator({ ...given, rng: new Rng(0) });
      const least = leastWeights(given);
      expect(least).toBeLessThanOrEqual(numParameters(network));
      expect(least).toBeGreaterThan(0.95 * numParameters(network));
    },
  );

  it('is refused before it is made when its weights are fewer', () => {
    const folder = join(home, architecture);
    using network = makeGenerator({ ...shape, architecture }, 0, 'cpu');
    const config = {
      model_type: 'tsumugi-gan',
      architecture,
      image_size: 32,
      channels: 3,
      width: shape.width,
      num_classes: 4,
      class_names: ['a', 'b', 'c', 'd'],
      normalization: 'none',
      dataset: 'toy',
      ema_decay: 0,
      steps: 1,
    };
    const tensors = Array.from(namedTensors(network), ([name, value]) => [`generator.${name}`, value] as const);
    scope(() => writeArtefact(folder, { config, tensors, lineage: { stage: 'gan' } }));
    loadGenerator(folder).generator.dispose();
    for (const change of [{ width: 1000 }, { width: 1e300 }, { num_classes: 1e9 }, { image_size: 2 ** 31 }]) {
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, ...change }));
      resetPeakMemory();
      const before = memory().peakBytes;
      expect(() => loadGenerator(folder), JSON.stringify(change)).toThrow(
        'image_size' in change ? /"image_size" is 2147483648, expected/ : /describes a network of at least .* weights/,
      );
      expect(memory().peakBytes).toBe(before);
    }
  });
});

it('a classifier is refused before it is made when its weights are fewer', async () => {
  const folder = join(home, 'classifier');
  const shape = { channels: 1, numClasses: 3, widths: [8, 12] };
  using classifier = new ImageClassifier(shape, new Rng(0));
  const count = numParameters(classifier);
  expect(leastClassifierWeights(shape)).toBeLessThanOrEqual(count);
  expect(leastClassifierWeights(shape)).toBeGreaterThan(0.9 * count);
  const config = {
    model_type: 'tsumugi-image-classifier',
    dataset: 'toy',
    channels: 1,
    image_size: [8, 8],
    num_classes: 3,
    widths: shape.widths,
    test_accuracy: 1,
    test_images: 4,
  };
  scope(() => writeArtefact(folder, { config, tensors: namedTensors(classifier), lineage: { stage: 'classifier' } }));
  (await classifierExtractor(folder))[Symbol.dispose]();
  for (const change of [{ widths: [8, 1e6] }, { widths: Array(1e5).fill(9) }, { num_classes: 2 ** 40 }]) {
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, ...change }));
    await expect(classifierExtractor(folder)).rejects.toThrow(/describes a network of at least .*, the weights are/);
  }
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, image_size: [8, 1e9] }));
  await expect(classifierExtractor(folder)).rejects.toThrow(/"image_size.1" is 1000000000, expected/);
});
