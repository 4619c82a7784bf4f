// Every setting of a run does what it says: two steps of the trainer are the two steps done by hand (twins.testing.ts) for every value
// of every key, and another value gives other weights. The keys of a run's output are looked up in its folder.
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { thorough } from '../base/thorough.testing.ts';
import { type ImageSet, openImages } from '../images/index.ts';
import { readPicture } from '../images/picture.ts';
import { namedTensors } from '../nn/index.ts';
import { readEvents } from '../run/index.ts';
import { scope, type Tensor } from '../torch/index.ts';
import { silent, type TinyGan, tinyGan } from './gan.testing.ts';
import { methods } from './methods.ts';
import { normalizations } from './networks/index.ts';
import { trainGan } from './train.ts';
import { type GanInput, ganConfig, methodOf, optimizerSettings } from './train-config.ts';
import { GanTrainer } from './trainer.ts';
import { enlarge, type HandTrained, trainByHand } from './twins.testing.ts';

let setup: TinyGan;
let set: ImageSet;
beforeAll(async () => {
  setup = tinyGan();
  set = await openImages(setup.at('images'), 'train', { size: 8, folder: setup.at('data') });
});
afterAll(() => setup[Symbol.dispose]());

/** ε is large, so that gradients near 0 give updates near 0 whatever their rounding. */
const base: Partial<GanInput> = {
  ...{
    steps: 4,
    batchSize: 4,
    width: 1 / 32,
    learningRate: 0.02,
    epsilon: 0.01,
    discriminatorSteps: 2,
    betas: [0.5, 0.9],
  },
};
const STEPS = 2;

function trained(changes: Partial<GanInput>): HandTrained {
  using trainer = new GanTrainer(setup.config('none', { ...base, ...changes }), set);
  enlarge(trainer.G, trainer.D, trainer.method);
  const losses = Array.from({ length: STEPS }, () => trainer.takeStep());
  const values = (prefix: string, tensors: Iterable<readonly [string, Tensor]>) =>
    scope(() =>
      Array.from(
        tensors,
        ([path, value]) => [`${prefix}.${path}`, [value.detach().to('float64').flatten().tolist()].flat()] as const,
      ),
    );
  const weights = Object.fromEntries([
    ...values('generator', namedTensors(trainer.G)),
    ...values('discriminator', namedTensors(trainer.D)),
    ...values('average', trainer.average ? namedTensors(trainer.average.network) : []),
  ]) as Record<string, number[]>;
  return { weights, losses };
}

const seen = new Map<string, HandTrained>();
/** `trained`, once for each changes. */
function known(changes: Partial<GanInput>): HandTrained {
  const key = JSON.stringify(Object.entries(changes).map(([name, value]) => [name, value ?? null]));
  if (!seen.has(key)) seen.set(key, trained(changes));
  return seen.get(key)!;
}

/** The largest difference between two runs' weights; Infinity when these are not the same ones. */
function distance(a: HandTrained, b: HandTrained): number {
  const paths = Object.keys(a.weights);
  if (paths.join() !== Object.keys(b.weights).join()) return Number.POSITIVE_INFINITY;
  const differences = paths.map((path) => {
    const [x, y] = [a.weights[path]!, b.weights[path]!];
    if (x.length !== y.length) return Number.POSITIVE_INFINITY;
    // Of running statistics and counts a share, of weights the difference itself.
    return Math.max(...x.map((value, i) => Math.abs(value - y[i]!) / Math.max(1, Math.abs(value))));
  });
  return Math.max(...differences);
}

/** Rounding adds up to less than this; a setting that is not heard makes more. */
const [SAME, OTHER] = [1e-5, 1e-4];

/** Key → changes that try it; each with one key that differs from the base (or from the changes `beside` it). */
const updates: Record<string, [changes: Partial<GanInput>, beside?: Partial<GanInput>][]> = {
  method: Object.keys(methods)
    .filter((method) => method !== 'sn')
    .map((method) => [{ method: method as keyof typeof methods }]),
  normalization: normalizations.filter((each) => each !== 'spectral').map((normalization) => [{ normalization }]),
  loss: [[{ loss: 'hinge' }], [{ loss: 'wasserstein' }]],
  setting: Object.keys(optimizerSettings)
    .filter((setting) => setting !== 'C')
    .map((setting) => [
      { setting: setting as keyof typeof optimizerSettings },
      { learningRate: undefined, betas: undefined, discriminatorSteps: undefined, epsilon: 1e-4 },
    ]),
  learningRate: [[{ learningRate: 0.05 }]],
  betas: [[{ betas: [0, 0.9] }], [{ betas: [0.5, 0.3] }]],
  discriminatorSteps: [[{ discriminatorSteps: 1 }], [{ discriminatorSteps: 3 }]],
  epsilon: [[{ epsilon: 0.1 }]],
  decayFrom: [[{ decayFrom: 0 }], [{ decayFrom: 0, steps: 3 }, { steps: 3 }]],
  batchSize: [[{ batchSize: 5 }]],
  generatorBatchSize: [[{ generatorBatchSize: 7 }]],
  emaDecay: [[{ emaDecay: 0.5 }], [{ emaDecay: 0.9 }, { emaDecay: 0.5 }]],
  flip: [[{ flip: true }]],
  conditional: [[{ conditional: true }], [{ conditional: true, method: 'wgan-gp' }, { method: 'wgan-gp' }]],
  seed: [[{ seed: 1 }]],
  width: [[{ width: 1 / 16 }]],
};

describe.each(Object.entries(updates))('%s', (_, cases) => {
  // Of a key with many values two, the others in `npm run test:long`.
  it.each(thorough ? cases : cases.slice(0, 2))(
    '%j gives the update by hand, and another than without',
    (changes, beside = {}) => {
      scope(() => {
        const config = setup.config('none', { ...base, ...beside, ...changes });
        const [found, expected] = [trained({ ...beside, ...changes }), trainByHand(config, set, STEPS)];
        const { normalization } = methodOf(config);
        // Dividing by the deviations of a few numbers makes rounding larger.
        const same = normalization === 'batch' ? 10 * SAME : SAME;
        const rounding = normalization === 'batch' ? 1e-3 : 1e-6;
        expect(distance(found, expected)).toBeLessThan(same);
        const metrics = ({ losses }: HandTrained) =>
          losses.flatMap(({ discriminator, generator, penalty, realLogit, fakeLogit }) => [
            ...[generator, penalty, realLogit, fakeLogit, ...discriminator],
          ]);
        const wanted = metrics(expected);
        expect(metrics(found)).toHaveLength(wanted.length);
        for (const [i, metric] of metrics(found).entries())
          expect(Math.abs(metric - wanted[i]!), `metric ${i}: ${wanted[i]}`).toBeLessThanOrEqual(
            1e-3 * Math.abs(wanted[i]!) + rounding,
          );
        expect(distance(found, known(beside))).toBeGreaterThan(OTHER);
      });
    },
  );
});

const refused: Record<string, [changes: Partial<GanInput>, message: RegExp][]> = {
  size: [[{ size: 12 }, /12/]],
  architecture: [[{ architecture: 'resnet' }, /no ResNet for images of 8×8/]],
  device: [[{ device: 'gpu' }, /got "gpu"/]],
};

it.each(Object.values(refused).flat())('hears %j', async (changes, message) => {
  const options = { stream: silent, dataFolder: setup.at('data') };
  await expect(trainGan(setup.config('never', changes), options)).rejects.toThrow(message);
});

describe('what a run writes', () => {
  let number = 0;
  const run = async (changes: Partial<GanInput>) => {
    const out = `run${number++}`;
    const config = setup.config(out, {
      ...base,
      steps: 4,
      gridEvery: 0,
      measureEvery: 0,
      checkpointEvery: 0,
      ...changes,
    });
    await trainGan(config, { stream: silent, dataFolder: setup.at('data') });
    const events = readEvents(setup.at(out, 'events.jsonl'));
    const steps = (type: string) => events.filter((event) => event.type === type).map(({ step }) => step);
    const { width, height } = await readPicture(setup.at(out, 'grids', 'step-000004.png'));
    return {
      logged: steps('step'),
      measured: steps('evaluation'),
      grids: readdirSync(setup.at(out, 'grids')).map((name) => Number(name.slice(5, 11))),
      saved: steps('checkpoint'),
      kept: readdirSync(setup.at(out, 'checkpoints')).length,
      grid: [width, height],
    };
  };

  it('follows its settings', async () => {
    const seldom = { logged: [2, 4], measured: [0, 4], grids: [0, 4], saved: [4], kept: 1, grid: [32, 32] };
    expect(await run({})).toEqual(seldom);
    const changes = {
      logEvery: 3,
      measureEvery: 1,
      gridEvery: 3,
      gridImages: 4,
      checkpointEvery: 1,
      keepLast: 2,
      keepSteps: [1],
    };
    expect(await run(changes)).toEqual({
      logged: [3, 4],
      measured: [0, 1, 2, 3, 4],
      grids: [0, 3, 4],
      saved: [1, 2, 3, 4],
      kept: 3,
      grid: [22, 22],
    });
  });
});

it('leaves no key out', () => {
  const written = [
    'steps',
    'logEvery',
    'measureEvery',
    'gridEvery',
    'gridImages',
    'checkpointEvery',
    'keepLast',
    'keepSteps',
    'data',
    'out',
  ];
  expect([...Object.keys(updates), ...Object.keys(refused), ...written].sort()).toEqual(
    Object.keys(ganConfig.shape).sort(),
  );
});
