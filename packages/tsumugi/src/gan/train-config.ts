// The settings of a GAN training run, and the method and optimizer that follow from them. Defaults are our choice unless they say
// otherwise; named recipes with the published values are in presets.ts.
import { z } from 'zod';
import { factoryDevice } from '../torch/index.ts';
import { losses } from './losses.ts';
import { type Method, methods } from './methods.ts';
import { architectures, normalizations } from './networks/index.ts';
import { type OptimizerSetting, resnetSetting, settings } from './settings.ts';

/** The optimizer settings by name: A–F of the comparison, and that of the ResNets. */
export const optimizerSettings = { ...settings, resnet: resnetSetting } as const satisfies Record<
  string,
  OptimizerSetting
>;

const keysOf = <K extends string>(table: Readonly<Record<K, unknown>>) => z.enum(Object.keys(table) as [K, ...K[]]);
const count = z.int().positive();
const interval = z.int().nonnegative();
const beta = z.number().min(0).lt(1);

export const ganConfig = z.strictObject({
  data: z.string().min(1).describe('cifar-10, mnist, fashion-mnist, or the path of a folder of images'),
  out: z.string().min(1).describe('run folder: events, grids, checkpoints, and the trained networks in model/'),
  size: count.default(32).describe('height and width of the images'),
  flip: z.boolean().default(false).describe('mirror images at random'),

  architecture: keysOf(architectures).default('cnn').describe('of both networks'),
  width: z.number().positive().default(1).describe('factor of all widths'),
  conditional: z.boolean().default(false).describe('generate by class: conditional batch norm, projection'),
  method: keysOf(methods).default('sn').describe('normalization, loss and regularization of the discriminator'),
  normalization: z.enum(normalizations).optional().describe("instead of the method's"),
  loss: keysOf(losses).optional().describe("instead of the method's"),

  setting: keysOf(optimizerSettings).default('C').describe('Adam and n_dis: A to F, or resnet'),
  learningRate: z.number().positive().optional().describe("instead of the setting's"),
  betas: z.tuple([beta, beta]).optional().describe("instead of the setting's"),
  discriminatorSteps: count.optional().describe("n_dis, instead of the setting's"),
  epsilon: z.number().positive().default(1e-8).describe("Adam, added as Chainer adds it (Chainer's default)"),
  decayFrom: z.int().nonnegative().optional().describe('step from which the learning rate falls linearly to 0'),

  steps: count.default(10_000).describe('updates of the generator'),
  batchSize: count.default(64).describe('real images, and as many fakes, of an update of the discriminator'),
  generatorBatchSize: count.optional().describe('fakes of an update of the generator; batchSize when left out'),
  emaDecay: beta.default(0).describe("of a moving average of the generator's weights, 0 = none"),

  seed: z.int().nonnegative().default(0).describe('of weights, batches and noise'),
  device: z.string().default(factoryDevice).describe('cpu or cuda'),

  logEvery: count.default(10).describe('steps between logged losses'),
  measureEvery: interval.default(500).describe('steps between singular values and gradients, 0 = first and last'),
  gridEvery: interval.default(500).describe('steps between image grids, 0 = first and last'),
  gridImages: count.default(100).describe('images of a grid'),
  checkpointEvery: interval.default(1000).describe('steps between checkpoints, 0 = at the end'),
  keepLast: count.default(2).describe('checkpoints kept'),
  keepSteps: z.array(count).default([]).describe('steps after which a checkpoint is saved and kept, e.g. 1,10,100'),
});

export type GanConfig = z.output<typeof ganConfig>;
export type GanInput = z.input<typeof ganConfig>;

/** Settings that a run may change when it goes on: they do not touch what was trained so far. */
export const ganMayChange = [
  'steps',
  'logEvery',
  'measureEvery',
  'gridEvery',
  'gridImages',
  'checkpointEvery',
  'keepLast',
  'keepSteps',
] as const satisfies readonly (keyof GanConfig)[];

/** The method of a run: the named one, with whatever the settings put in its place. */
export function methodOf({ method, normalization, loss }: GanConfig): Method {
  const named: Method = methods[method];
  return { ...named, normalization: normalization ?? named.normalization, loss: loss ?? named.loss };
}

/** Adam and n_dis of a run: the named setting, with whatever the settings put in its place. */
export function optimizerOf({ setting, learningRate, betas, discriminatorSteps }: GanConfig): OptimizerSetting {
  const named = optimizerSettings[setting];
  return {
    lr: learningRate ?? named.lr,
    betas: betas ?? named.betas,
    discriminatorSteps: discriminatorSteps ?? named.discriminatorSteps,
  };
}
