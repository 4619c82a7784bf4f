// What is logged of a discriminator: gradient norms at real images, at fakes of their own labels, and between the two.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deriveSeed } from '../base/index.ts';
import { ImageBatches } from '../images/batches.ts';
import { type ImageSet, openImages } from '../images/index.ts';
import { arange, Rng, rand, scope, type Tensor } from '../torch/index.ts';
import { type TinyGan, tinyGan } from './gan.testing.ts';
import { inputGradientNorms, measureGan } from './measure.ts';
import { imageSampler } from './sampler.ts';
import { GanTrainer } from './trainer.ts';

let setup: TinyGan;
let set: ImageSet;
beforeAll(async () => {
  setup = tinyGan();
  set = await openImages(setup.at('images'), 'train', { size: 8, folder: setup.at('data') });
});
afterAll(() => setup[Symbol.dispose]());

it('measures where it says', () => {
  using trainer = new GanTrainer(setup.config('none', { conditional: true, learningRate: 0.05 }), set);
  for (let i = 0; i < 3; i++) trainer.takeStep();
  const found = measureGan(trainer, set);
  scope(() => {
    const seed = deriveSeed(0, 'measure');
    const { images: real, labels } = new ImageBatches(set, { batchSize: 6, seed }).at(0);
    const inTurn = arange(0, 6).remainder(2);
    const fake = imageSampler(trainer.G, { seed, label: 'in turn' })(6);
    const epsilon = rand([6, 1, 1, 1], new Rng(seed));
    const places: [string, Tensor, Tensor][] = [
      ['real', real, labels!],
      ['fake', fake, inTurn],
      ['between', real.mul(epsilon).add(fake.mul(epsilon.mul(-1).add(1))), labels!],
    ];
    for (const [name, images, classes] of places) {
      const values = inputGradientNorms(trainer.D, images, classes).tolist() as number[];
      expect(found[`inputGradNorm.${name}.mean`]! / (values.reduce((a, b) => a + b) / 6)).toBeCloseTo(1, 4);
      expect(found[`inputGradNorm.${name}.max`]! / Math.max(...values)).toBeCloseTo(1, 4);
    }
    expect(found['inputGradNorm.fake.mean']).not.toBeCloseTo(
      inputGradientNorms(trainer.D, fake, labels).mean().item(),
      6,
    );
    expect(found['inputGradNorm.fake.max']).toBeGreaterThan(found['inputGradNorm.fake.mean']!);
  });
});
