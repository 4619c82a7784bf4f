// Scoring as a whole: scores that state everything, protocols that are kept, statistics that are kept.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Rng, rand, scope, tensor } from '../../torch/index.ts';
import { classifierNames, type FeatureExtractor } from './extractor.ts';
import { frechetDistance, Moments } from './frechet.ts';
import { scoreJson, scoreText } from './image-score.ts';
import { resolveProtocol } from './protocol.ts';
import { type ScoreOptions, scoreImages } from './score.ts';
import { toySet } from './scores.testing.ts';

/** Features: the means of the four quarters. Probabilities: bright on the left or above. Counts what it is given. */
function quarters(classes = 2): FeatureExtractor & { seen: number } {
  return {
    ...({ name: 'quarters', hash: 'ab'.repeat(32), inputSize: [8, 8], resizer: 'none', pixels: 'x/255' } as const),
    ...({ numFeatures: 4, numClasses: classes, names: classifierNames('Toy'), device: 'cpu', seen: 0 } as const),
    extract(images) {
      this.seen += images.size(0);
      const quarter = images.to('float32').div(255).reshape([-1, 2, 4, 2, 4]).mean([2, 4]).flatten(1);
      const [, right, below] = quarter.unbind(1);
      const logits = quarter.narrow(1, 0, 2).mul(0);
      logits.narrow(1, 0, 1).add_(below!.unsqueeze(1), { alpha: 20 });
      logits.narrow(1, 1, 1).add_(right!.unsqueeze(1), { alpha: 20 });
      return { features: quarter, ...(classes > 0 && { probabilities: logits.softmax(-1) }) };
    },
    [Symbol.dispose]() {},
  };
}

const [real, fake] = [toySet(60, 'test'), toySet(50, 'train', 9)];
const options = (more: Partial<ScoreOptions> = {}): ScoreOptions => ({
  real,
  fake,
  extractor: quarters(),
  protocol: { nReal: 60, nFake: 40 },
  batchSize: 16,
  ...more,
});

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-scores-'));
});
afterEach(() => rmSync(home, { recursive: true }));

describe('scoreImages', () => {
  it('gives scores that state what they were taken with', async () => {
    const scores = await scoreImages(options());
    expect(scores.map(({ name }) => name)).toEqual(['Toy-IS', 'Toy-FD', 'Toy-KD', 'Toy-precision', 'Toy-recall']);
    const [inception, frechet] = scores;
    expect(inception!.value).toBeGreaterThan(1.9);
    expect(scoreJson(frechet!)).toEqual({
      name: 'Toy-FD',
      metric: 'frechet',
      value: frechet!.value,
      extractor: { name: 'quarters', sha256: 'ab'.repeat(32) },
      n_real: 60,
      n_fake: 40,
      dataset: 'Toy-10',
      split: 'test',
      resizer: 'none',
      pixels: 'x/255',
      protocol: 'custom',
      settings: {},
      warnings: [],
    });
    expect(scoreJson(inception!)).toMatchObject({ n_real: null, split: null, n_fake: 40, settings: { splits: 1 } });
    expect(scoreText({ ...frechet!, value: 21.704 })).toBe(
      'Toy-FD 21.70 | 60 real (Toy-10 test) vs 40 fake | protocol custom | quarters, sha256 abababababab | resizer none, x/255',
    );
    expect(scoreText(scores[2]!)).toMatch(/^Toy-KD -?0\.\d{5} \|.*x\/255 \| subsets 1 \| subsetSize 40 \| seed 0$/);
    // One split, one subset: nothing has a spread.
    expect(scores.map(({ std }) => std)).toEqual(Array(5).fill(undefined));
    const [split, drawn] = await scoreImages(
      options({ metrics: ['inception', 'kernel'], splits: 2, kernel: { subsetSize: 20, seed: 3 } }),
    );
    expect(scoreText(split!)).toMatch(/^Toy-IS 1\.\d\d ± 0\.\d\d \|.*\| splits 2$/);
    expect(scoreText(drawn!)).toMatch(/^Toy-KD .* ± 0\.\d{5} \|.*\| subsets 100 \| subsetSize 20 \| seed 3$/);
  });

  it('is the distance of the moments of just those images, whatever the batch', async () => {
    const extractor = quarters();
    const expected = scope(() => {
      const moments = ({ pixels }: typeof real, n: number) => {
        const rows = Array.from({ length: n * 4 }, (_, place) => {
          const [image, quarter] = [Math.floor(place / 4), place % 4];
          let sum = 0;
          for (let y = 0; y < 4; y++)
            for (let x = 0; x < 4; x++)
              sum += pixels[image * 64 + (4 * (quarter >> 1) + y) * 8 + 4 * (quarter & 1) + x]!;
          return sum / 16 / 255;
        });
        const found = new Moments(4);
        found.add(tensor(Float64Array.from(rows), { shape: [n, 4] }));
        return found;
      };
      using a = moments(real, 60);
      using b = moments(fake, 40);
      return frechetDistance(a, b).value;
    });
    for (const batchSize of [7, 100]) {
      const [score] = await scoreImages(options({ extractor, metrics: ['frechet'], batchSize }));
      expect(score!.value).toBeCloseTo(expected, 6);
    }
    expect(extractor.seen).toBe(200);
  });

  it('scores what a generator draws as the bytes it would be written as', async () => {
    const generator = new Rng(2);
    const shapes: number[] = [];
    const draw = (count: number) => {
      shapes.push(count);
      return rand([count, 1, 8, 8], generator).mul(2).sub(1);
    };
    const scores = await scoreImages(options({ fake: draw, metrics: ['frechet', 'precision-recall'] }));
    expect(shapes).toEqual([16, 16, 8]);
    const [noise] = scores;
    const [close] = await scoreImages(options({ metrics: ['frechet'] }));
    expect(noise!.value).toBeGreaterThan(10 * close!.value);
    expect(scores.find(({ metric }) => metric === 'recall')!.value).toBe(0);
  });

  it('warns when a covariance cannot have full rank', async () => {
    const few = { nReal: 60, nFake: 4 };
    const [score] = await scoreImages(options({ protocol: few, metrics: ['frechet'] }));
    expect(score!.warnings).toEqual([
      'the covariance of 4 fake images in 4 dimensions has not full rank: the distance is biased upwards',
    ]);
    expect(scoreText(score!)).toContain('| WARNING: the covariance of 4 fake');
  });

  it('stops at images and features that are not finite, and at an extractor that sees no difference', async () => {
    const refuse = (more: Partial<ScoreOptions>) => expect(scoreImages(options(more))).rejects;
    const generator = new Rng(2);
    let drawn = 0;
    const black = (count: number) =>
      scope(() => {
        const images = rand([count, 1, 8, 8], generator);
        if (++drawn === 2) images.narrow(0, 5, 1).narrow(3, 7, 1).fill_(Number.NaN);
        return images;
      });
    await refuse({ fake: black }).toThrow(/^NaN or infinity in image 5\n.*diverged/);
    const [broken, blind, unsure] = [quarters(), quarters(), quarters()];
    const extract = broken.extract.bind(broken);
    broken.extract = (images) => {
      const found = extract(images);
      if (broken.seen > 60) found.features.narrow(0, 3, 1).fill_(Number.POSITIVE_INFINITY);
      return found;
    };
    await refuse({ extractor: broken }).toThrow(/^NaN or infinity in the features of image 19 by quarters\n.*weights/);
    unsure.extract = (images) => {
      const { features, probabilities } = extract(images);
      return { features, probabilities: probabilities!.div(0).sub(probabilities!.div(0)) };
    };
    await refuse({ extractor: unsure }).toThrow(/^NaN or infinity in the probabilities of image 0 by quarters/);
    blind.extract = (images) => ({ features: extract(images).features.mul(0).add(0.25) });
    await refuse({ extractor: blind, metrics: ['kernel'] }).toThrow(
      /^quarters gives all 60 images of Toy-10 the same features\n/,
    );
  });

  it('finds too few images before anything is computed', async () => {
    const extractor = quarters();
    const refuse = (more: Partial<ScoreOptions>) => expect(scoreImages(options({ extractor, ...more }))).rejects;
    const few = { nReal: 60, nFake: 3 };
    await refuse({ protocol: few }).toThrow(/more than 3 images on each side, got 60 and 3/);
    await refuse({ protocol: few, splits: 4, metrics: ['inception'] }).toThrow(/of 3 images cannot have 4 splits/);
    await refuse({ kernel: { subsetSize: 41 } }).toThrow(/a subset cannot have 41/);
    await refuse({ neighbours: 1.5 }).toThrow(/with 1\.5 neighbours/);
    await refuse({ batchSize: 0.5 }).toThrow(/whole number from 1 and is 0\.5/);
    expect(extractor.seen).toBe(0);
  });

  it('refuses what it cannot score, and leaves no tensor behind when the generator fails', async () => {
    const refuse = (more: Partial<ScoreOptions>) => expect(scoreImages(options(more))).rejects;
    await refuse({ metrics: ['inception'], extractor: quarters(0) }).toThrow(/no class probabilities, so no Toy-IS/);
    await refuse({ protocol: { nReal: 60, nFake: 51 } }).toThrow(/51 fakes are asked for, Toy-10 has 50/);
    await refuse({ metrics: ['fid' as 'frechet'] }).toThrow(
      /some of frechet, inception, kernel, precision-recall: fid/,
    );
    let calls = 0;
    const failing = (count: number) => {
      if (++calls === 3) throw new Error('diverged');
      return scope(() => rand([count, 1, 8, 8], new Rng(1)));
    };
    await refuse({ fake: failing }).toThrow('diverged');
    await refuse({ fake: () => rand([2, 1, 8, 8], new Rng(1)) }).toThrow(/draw 16 images.*\[2, 1, 8, 8\]/);
    const without = await scoreImages(options({ extractor: quarters(0) }));
    expect(without.map(({ metric }) => metric)).not.toContain('inception');
  });
});

describe('kept statistics', () => {
  const scored = async (more: Partial<ScoreOptions> = {}) => {
    const [extractor, lines] = [quarters(), [] as string[]];
    const scores = await scoreImages(
      options({ extractor, cacheFolder: home, metrics: ['frechet'], report: (line) => lines.push(line), ...more }),
    );
    return { value: scores[0]!.value, seen: extractor.seen, lines };
  };

  it('are used again, and give the same score to the last bit', async () => {
    const first = await scored();
    const again = await scored();
    expect([first.seen, again.seen]).toEqual([100, 40]);
    expect(again.value).toBe(first.value);
    expect(again.lines[0]).toMatch(/^statistics of the real images: .*real-[0-9a-f]{32}\.safetensors$/);
    expect(readdirSync(home)).toHaveLength(1);
    // Moments alone do not serve the kernel distance: the file is completed, then serves both.
    const kernel = { metrics: ['kernel'] } as const;
    expect([(await scored(kernel)).seen, (await scored(kernel)).seen, (await scored()).seen]).toEqual([100, 40, 40]);
    expect(readdirSync(home)).toHaveLength(1);
  });

  it('belong to these images and this extractor', async () => {
    await scored();
    const pixels = real.pixels.slice();
    pixels[0]! ^= 1;
    expect((await scored({ real: { ...real, pixels } })).seen).toBe(100);
    expect((await scored({ protocol: { nReal: 59, nFake: 40 } })).seen).toBe(99);
    const extractor = { ...quarters(), hash: 'cd'.repeat(32) };
    await scored({ extractor });
    expect(extractor.seen).toBe(100);
    expect(readdirSync(home)).toHaveLength(4);
    for (const other of [
      { name: 'fifths' },
      { pixels: 'x/256' },
      { resizer: 'bilinear' as const },
      { inputSize: [8, 9] as const },
    ]) {
      const changed = { ...quarters(), ...other };
      await scored({ extractor: changed });
      expect(changed.seen, JSON.stringify(other)).toBe(100);
    }
    expect((await scored({ real: { ...real, height: 16, width: 4 } })).seen).toBe(100);
    expect((await scored({ real: { ...real, name: 'renamed' } })).seen).toBe(40);
  });

  it('are not kept where nothing can be written, and scored all the same', async () => {
    const first = await scored();
    writeFileSync(join(home, 'file'), '');
    const { value, seen, lines } = await scored({ cacheFolder: join(home, 'file', 'deep') });
    expect([value, seen]).toEqual([first.value, 100]);
    expect(lines[0]).toMatch(
      /^statistics of the real images are not kept: .*a part of the path is a file, not a folder$/,
    );
  });

  it('are computed again when the file is broken', async () => {
    const first = await scored();
    const path = join(home, readdirSync(home)[0]!);
    writeFileSync(path, 'x');
    const again = await scored();
    expect([again.seen, again.value]).toEqual([100, first.value]);
    expect(again.lines[0]).toMatch(/computed again/);
    expect((await scored()).seen).toBe(40);
    const bytes = readFileSync(path); // one bit of a moment
    bytes[bytes.length - 3]! ^= 1;
    writeFileSync(path, bytes);
    const mended = await scored();
    expect([mended.seen, mended.value]).toEqual([100, first.value]);
    expect(mended.lines[0]).toMatch(/does not hold what was written to it; it is computed again/);
  });
});

describe('protocols', () => {
  it('keep to their split and numbers', () => {
    const cifar = (split: 'train' | 'test', count: number) => ({ ...real, name: 'CIFAR-10', split, count });
    expect(resolveProtocol('10k-test-5k', cifar('test', 10_000))).toMatchObject({ nReal: 10_000, nFake: 5_000 });
    expect(resolveProtocol('50k-train-50k', cifar('train', 50_000))).toMatchObject({ nReal: 50_000, nFake: 50_000 });
    expect(() => resolveProtocol('50k-train-50k', cifar('test', 50_000))).toThrow(/takes train images.*got test/);
    expect(() => resolveProtocol('test-moments', cifar('test', 9_999))).toThrow(
      /takes 10000 real images, CIFAR-10 test has 9999/,
    );
    expect(() => resolveProtocol('fid' as 'test-moments', real)).toThrow(/no protocol "fid"/);
    expect(() => resolveProtocol({ nReal: 1, nFake: 5 }, real)).toThrow(/at least 2/);
  });
});
