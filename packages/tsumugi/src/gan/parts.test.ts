// Parts of one's own: they do what they say, stand in the records by their names, and are refused by name when they do not fit.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sha256File } from '../base/index.ts';
import { type ImageSet, openImages } from '../images/index.ts';
import { Linear, Module, parameters, spectralNorm } from '../nn/index.ts';
import { RunFolder } from '../run/index.ts';
import { noGrad, scope, type Tensor, zeros } from '../torch/index.ts';
import { silent, type TinyGan, tinyGan } from './gan.testing.ts';
import { losses } from './losses.ts';
import { loadGenerator } from './model-folder.ts';
import { architectures, type DiscriminatorOptions, type NetworkOptions } from './networks/index.ts';
import type { GanParts } from './parts.ts';
import { penalties } from './penalties.ts';
import { planGan } from './plan.ts';
import { imageSampler } from './sampler.ts';
import { trainGan } from './train.ts';
import type { GanInput } from './train-config.ts';
import { GanTrainer } from './trainer.ts';
import type { Discriminator, ImageGenerator } from './types.ts';

let setup: TinyGan;
let set: ImageSet;
beforeAll(async () => {
  setup = tinyGan();
  set = await openImages(setup.at('images'), 'train', { size: 8, folder: setup.at('data') });
});
afterAll(() => setup[Symbol.dispose]());

const at = (...names: string[]) => setup.at(...names);
const train = (name: string, changes: Partial<GanInput>, more: Parameters<typeof trainGan>[1] = {}) =>
  trainGan(setup.config(name, { steps: 4, ...changes }), { stream: silent, dataFolder: at('data'), ...more });
const json = (...names: string[]) => JSON.parse(readFileSync(at(...names), 'utf8'));
const weights = (name: string) => sha256File(at(name, 'model', 'model.safetensors'));

class DenseGenerator extends Module implements ImageGenerator {
  readonly latentSize: number = 5;
  readonly numClasses: number | null = null;
  readonly imageShape: readonly [number, number, number];
  layer: Linear;

  constructor({ rng, size = 32, channels = 3 }: NetworkOptions) {
    super();
    this.imageShape = [channels, size, size];
    this.layer = new Linear(5, channels * size * size, { rng });
  }

  forward(z: Tensor): Tensor {
    return this.layer
      .forward(z)
      .tanh()
      .view([-1, ...this.imageShape]);
  }
}

class DenseDiscriminator extends Module implements Discriminator {
  readonly numClasses = null;
  readonly imageShape: readonly [number, number, number];
  layer: Linear;

  constructor({ rng, size = 32, channels = 3, normalization }: DiscriminatorOptions) {
    super();
    this.imageShape = [channels, size, size];
    const weightNormalization = normalization === 'spectral' ? spectralNorm() : undefined;
    this.layer = new Linear(channels * size * size, 1, { rng, weightNormalization });
  }

  forward(images: Tensor): Tensor {
    return this.layer.forward(images.flatten(1)).squeeze(1);
  }
}

const generator = { name: 'dense', make: (options: NetworkOptions) => new DenseGenerator(options) };
const discriminator = { name: 'line', make: (options: DiscriminatorOptions) => new DenseDiscriminator(options) };
const loss = { name: 'least squares', discriminator: leastSquares, generator: (f: Tensor) => f.sub(1).square().mean() };
const penalty = { name: 'decay', compute: (input: { discriminator: Discriminator }) => decay(input.discriminator) };

function leastSquares(r: Tensor, f: Tensor): Tensor {
  return r.sub(1).square().mean().add(f.square().mean());
}

/** 3/2 · Σ w², whose gradient is 3w. */
function decay(network: Module): Tensor {
  const squares = parameters(network).map((weight) => weight.square().sum());
  return squares.reduce((sum, each) => sum.add(each)).mul(1.5);
}

const own: GanParts = { generator, discriminator, loss, penalty };

describe('what is passed', () => {
  it('is trained like what is named', async () => {
    const changes = { method: 'gan-gp', loss: 'hinge', emaDecay: 0.5, conditional: true } as const;
    await train('named', changes);
    await train(
      'passed',
      { ...changes, loss: undefined, method: 'sn', normalization: 'none' },
      {
        generator: { name: 'cnn', make: (options) => architectures.cnn.generator(options) },
        discriminator: { name: 'cnn', make: (options) => architectures.cnn.discriminator(options) },
        loss: { name: 'hinge', ...losses.hinge },
        penalty: { name: 'gp', ...penalties.gradient(10) },
      },
    );
    expect(weights('passed')).toBe(weights('named'));
  });

  it('decides the updates', () => {
    const nothing = {
      name: 'nothing',
      discriminator: (r: Tensor, f: Tensor) => r.add(f).sum().mul(0),
      generator: loss.generator,
    };
    using trainer = new GanTrainer(setup.config('none', { method: 'wgan-gp' }), set, { ...own, loss: nothing });
    scope(() => {
      const before = parameters(trainer.D).map((weight) => weight.square().sum().item());
      const norm = Math.sqrt(before.reduce((a, b) => a + b));
      const { penalty: found } = trainer.updateDiscriminator(0, 0);
      expect(found.item()).toBeCloseTo(1.5 * norm ** 2, 5);
      expect(trainer.gradientNorms().discriminator).toBeCloseTo(3 * norm, 5);
    });
    using squares = new GanTrainer(setup.config('none', { normalization: 'none' }), set, { loss });
    scope(() => {
      // The logit of everything is 7: (7 − 1)² + 7².
      const { weight, bias } = (squares.D as unknown as { head: { dense: Linear } }).head.dense;
      noGrad(() => void [weight.fill_(0), bias!.fill_(7)]);
      expect(squares.updateGenerator(0).item()).toBeCloseTo(36, 5);
      expect(squares.updateDiscriminator(0, 0).loss.item()).toBeCloseTo(85, 5);
    });
  });

  it('is told of the normalization that the method has', () => {
    for (const [normalization, isNormed] of [
      ['spectral', true],
      ['none', false],
    ] as const) {
      using trainer = new GanTrainer(setup.config('none', { normalization }), set, { discriminator });
      expect((trainer.D as DenseDiscriminator).layer.norm !== null).toBe(isNormed);
    }
  });
});

describe('records', () => {
  beforeAll(async () => {
    await train('own', {}, own);
    await train('half', { emaDecay: 0.5 }, { generator });
  });

  it('name it, and not the preset in whose place it stands', () => {
    const names = { generator: 'dense', discriminator: 'line', loss: 'least squares', penalty: 'decay' };
    expect(json('own', 'model', 'config.json')).toMatchObject({ architecture: null, own: names, normalization: null });
    for (const { config } of [json('own', 'run.json'), json('own', 'model', 'lineage.json')]) {
      for (const [part, name] of Object.entries(names)) expect(config[part]).toEqual({ own: name });
      expect(config).not.toHaveProperty('architecture');
    }
    expect(json('half', 'model', 'config.json')).toMatchObject({
      architecture: 'cnn',
      normalization: 'spectral',
      own: { generator: 'dense' },
    });
    const { config } = json('half', 'run.json');
    expect(config).toMatchObject({ architecture: 'cnn', generator: { own: 'dense' } });
    for (const part of ['discriminator', 'loss', 'penalty']) expect(config).not.toHaveProperty(part);
  });

  it('let a run go on with parts of the same names, and no others', async () => {
    const whole = weights('own');
    cpSync(at('own'), at('cut'), { recursive: true });
    rmSync(at('cut', 'model'), { recursive: true });
    for (const entry of readdirSync(at('cut', 'checkpoints')))
      if (Number(entry.slice(5)) > 2) rmSync(at('cut', 'checkpoints', entry), { recursive: true });
    const resume = (parts: GanParts) => train('cut', {}, { ...parts, resume: true });
    await expect(resume({})).rejects.toThrow('generator: {"own":"dense"} → unset');
    await expect(resume({ ...own, loss: undefined })).rejects.toThrow('loss: {"own":"least squares"} → unset');
    await expect(resume({ ...own, penalty: { ...penalty, name: 'other' } })).rejects.toThrow(
      'penalty.own: "decay" → "other"',
    );
    expect(RunFolder.open(at('cut')).config).toMatchObject({ penalty: { own: 'decay' } });
    const said: string[] = [];
    await train('cut', {}, { ...own, resume: true, stream: { write: (text) => said.push(text) > 0 } });
    expect(said.join('')).toContain(
      'known by name only: generator "dense", discriminator "line", loss "least squares"',
    );
    expect(weights('cut')).toBe(whole);
  });

  it('say that a generator needs its part to be loaded', () => {
    const folder = at('half', 'model');
    expect(() => loadGenerator(folder)).toThrow(
      `the generator of ${folder} is its maker's own, "dense", and no such part was given`,
    );
    expect(() => loadGenerator(folder, { generator: { ...generator, name: 'other' } })).toThrow(
      'and "other" was given',
    );
    expect(() => loadGenerator(at('named', 'model'), { generator })).toThrow(
      /is a cnn, not "dense"\n.*Leave generator out/,
    );
    expect(() => loadGenerator(folder, { generator: generator.make as never })).toThrow(
      'generator: expected { name, make }',
    );
    const draw = (options: object) => {
      using network = loadGenerator(folder, { generator, ...options }).generator;
      return scope(() => imageSampler(network, { seed: 1 })(3).flatten().tolist());
    };
    expect(draw({})).not.toEqual(draw({ raw: true }));
    expect(draw({})).toEqual(draw({}));
  });
});

/** A generator that differs from a right one. */
const wrongG = (change: (network: DenseGenerator) => object): GanParts => ({
  generator: {
    name: 'g',
    make: (options) => {
      const network = new DenseGenerator(options);
      return Object.assign(network, change(network)) as ImageGenerator;
    },
  },
});
const wrongD = (forward: (images: Tensor, right: Tensor) => unknown): GanParts => ({
  discriminator: {
    name: 'd',
    make: (options) => {
      const network = new DenseDiscriminator(options);
      const right = network.forward.bind(network);
      return Object.assign(network, { forward: (images: Tensor) => forward(images, right(images)) }) as Discriminator;
    },
  },
});
class Empty extends Module implements Discriminator {
  readonly numClasses = null;
  readonly imageShape = [3, 8, 8] as const;
  forward(images: Tensor): Tensor {
    return images.flatten(1).sum(1);
  }
}
let single: DenseGenerator | undefined;
afterAll(() => single?.dispose());

it.each<[string, GanParts, RegExp, Partial<GanInput>?]>([
  [
    '[B, 1] for [B]',
    wrongD((_, right) => right.unsqueeze(1)),
    /the discriminator "d" gives \[2, 1\] where logits, one for each image, \[2\]/,
  ],
  ['one logit for all', wrongD((_, right) => right.mean()), /the discriminator "d" gives \[\] where/],
  ['no tensor', wrongD(() => 3), /the discriminator "d" gives a number where/],
  [
    'logits without gradients',
    wrongD((_, right) => right.detach()),
    /the discriminator "d" gives what no gradient goes through/,
  ],
  ['an error', wrongD((images) => images.view([1])), /the discriminator "d" cannot judge images: .*view/],
  [
    'images of another size',
    wrongG(() => ({ imageShape: [3, 16, 16] })),
    /the generator "g" is for images \[3, 16, 16\] .* those of the data are \[3, 8, 8\]/,
  ],
  [
    'other images than it says',
    wrongG((network) => ({
      forward: (z: Tensor) => DenseGenerator.prototype.forward.call(network, z).narrow(2, 0, 4),
    })),
    /the generator "g" draws \[2, 3, 4, 8\] where images, \[2, 3, 8, 8\]/,
  ],
  ['no noise', wrongG(() => ({ latentSize: 0 })), /the generator "g" has the latentSize 0/],
  [
    'classes it does not know',
    wrongG(() => ({})),
    /the generator "g" has numClasses null, expected 2/,
    { conditional: true },
  ],
  [
    'no parameters',
    { discriminator: { name: 'e', make: () => new Empty() } },
    /the discriminator "e" has no parameters/,
  ],
  ['no module', { generator: { name: 'g', make: () => ({}) as ImageGenerator } }, /the generator "g" is no network/],
  [
    'the same network twice',
    { generator: { name: 'g', make: (options) => (single ??= new DenseGenerator(options)) } },
    /the generator "g" is made once only/,
  ],
  [
    'a constructor that throws',
    {
      generator: {
        name: 'g',
        make: () => {
          throw new Error('oh');
        },
      },
    },
    /the generator "g" cannot be made: oh\n/,
  ],
  [
    'a loss per image',
    { loss: { ...loss, generator: (f) => f.square() } },
    /the loss "least squares" gives the generator \[2\] where a scalar, \[\]/,
  ],
  [
    'a loss of nothing',
    { loss: { ...loss, discriminator: () => zeros([]) } },
    /the loss "least squares" gives the discriminator what no gradient goes through/,
  ],
  [
    'a penalty per image',
    { penalty: { name: 'p', compute: ({ real }) => real.flatten(1).sum(1) } },
    /the penalty "p" gives \[2\] where a scalar/,
  ],
  [
    'no name',
    { loss: { ...loss, name: '' } },
    /loss: expected \{ name, discriminator, generator \}, got \{ name, discriminator, generator \}\n.*name/,
  ],
  ['a function alone', { generator: generator.make as never }, /generator: expected \{ name, make \}, got function/],
  ['two losses', { loss }, /the setting loss=hinge and a loss of one's own, "least squares"/, { loss: 'hinge' }],
])('refuses %s before anything is written', async (_, parts, message, changes = {}) => {
  await expect(train('refused', changes, parts)).rejects.toThrow(message);
  await expect(planGan(setup.config('refused', changes), { stream: silent, ...parts })).rejects.toThrow(message);
  expect(existsSync(at('refused'))).toBe(false);
});

it('refuses a part that there is not', () => {
  expect(() => new GanTrainer(setup.config('none'), set, { critic: discriminator } as never)).toThrow(
    /a GAN has no part "critic"/,
  );
});

it('takes a penalty that is 0 at most updates', () => {
  const lazy = { name: 'lazy', compute: () => zeros([]) };
  using trainer = new GanTrainer(setup.config('none'), set, { penalty: lazy });
  expect(trainer.takeStep().penalty).toBe(0);
});

it('plans for one of several ranks, and refuses what these would', async () => {
  const lines: string[] = [];
  const stream = { write: (text: string) => lines.push(text) };
  const plan = (changes: object, ranks = { world: 2, onHost: 2 }) =>
    planGan(setup.config('planned', changes), { stream, ranks });
  await expect(plan({ batchSize: 1 })).rejects.toThrow(/batchSize=1 is fewer images than there are processes \(2\)/);
  const free = vi.spyOn(process, 'availableMemory').mockReturnValue(8 * 2 ** 30);
  const [whole, half] = [await plan({}, { world: 1, onHost: 1 }), await plan({})];
  free.mockRestore();
  expect(whole.availableMemoryBytes! - half.availableMemoryBytes!).toBeGreaterThan(3 * 2 ** 30);
  expect(lines.join('')).toContain('of each of 2 ranks: weights, gradients, optimizers');
});

it('plans without writing', async () => {
  const lines: string[] = [];
  const stream = { write: (text: string) => lines.push(text) };
  const forecast = await planGan(setup.config('planned', {}), { stream, ...own });
  const said = lines.join('');
  expect(existsSync(at('planned'))).toBe(false);
  expect(forecast).toMatchObject({ label: 'gan', steps: 8 });
  expect(forecast.secondsPerStep).toBeGreaterThan(0);
  expect(said).toMatch(/48 images 3×8×8/);
  expect(said).toContain(
    'SN: normalization its own, loss "least squares", penalty "decay"; generator "dense", discriminator "line", parameters: generator 1,152, discriminator 193',
  );
  expect(said).toMatch(/gan: 8 steps\n +time .* a step\)\n +memory .* available\n(.*\n)+ +disk /);
});
