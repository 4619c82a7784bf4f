// Recipes by name for `tsumugi gan train`: settings in three groups, by where each value comes from.
//
//   paper   Miyato et al. 2018, arXiv 1802.05957 (projection: Miyato & Koyama 2018, arXiv 1802.05637)
//   code    the authors' code, pfnet-research/sngan_projection
//   ours    neither; our choice
import { ConfigError, suggestion } from '../base/index.ts';
import type { GanInput } from './train-config.ts';

type Settings = Omit<Partial<GanInput>, 'out'>;
export type SettingSource = 'paper' | 'code' | 'ours';

export interface GanRecipe extends Readonly<Record<SettingSource, Settings>> {
  /** What it is, in a line. */
  readonly summary: string;
}

const saving: Settings = { gridEvery: 1000, measureEvery: 1000, checkpointEvery: 5000 };
/** For two CPU cores: minutes. */
const mini: Settings = {
  architecture: 'cnn',
  width: 1 / 8,
  method: 'sn-hinge',
  setting: 'D',
  steps: 1000,
  batchSize: 32,
  emaDecay: 0.99,
  gridEvery: 100,
  measureEvery: 100,
  checkpointEvery: 250,
};

const recipes = {
  'cifar10-sngan': {
    summary: 'ResNet with spectral normalization and the hinge loss on CIFAR-10, as in the authors’ code',
    paper: { data: 'cifar-10', size: 32, architecture: 'resnet', width: 1, method: 'sn-hinge', setting: 'resnet' },
    code: { batchSize: 64, generatorBatchSize: 128, steps: 50_000, decayFrom: 0, flip: false, seed: 0 },
    ours: saving,
  },
  'cifar10-cnn': {
    summary: 'the standard CNN with spectral normalization on CIFAR-10, setting C',
    paper: { data: 'cifar-10', size: 32, architecture: 'cnn', width: 1, method: 'sn', setting: 'C', steps: 100_000 },
    code: {},
    ours: { ...saving, batchSize: 64, flip: false },
  },
  'cifar10-projection': {
    summary: 'class-conditional ResNet with the projection discriminator on CIFAR-10',
    paper: { architecture: 'resnet', width: 1, conditional: true, method: 'sn-hinge', setting: 'resnet' },
    code: {
      data: 'cifar-10',
      size: 32,
      batchSize: 64,
      generatorBatchSize: 128,
      steps: 50_000,
      decayFrom: 0,
      flip: false,
      seed: 0,
    },
    ours: saving,
  },
  'mnist-sngan-mini': {
    summary: 'a narrow CNN with spectral normalization and the hinge loss on MNIST, for a CPU',
    paper: {},
    code: {},
    ours: { ...mini, data: 'mnist', size: 32 },
  },
  'fashion-sngan-mini': {
    summary: 'a narrow CNN with spectral normalization and the hinge loss on Fashion-MNIST, for a CPU',
    paper: {},
    code: {},
    ours: { ...mini, data: 'fashion-mnist', size: 32 },
  },
} as const satisfies Record<string, GanRecipe>;

export type GanRecipeName = keyof typeof recipes;

/** The recipes by name. */
export const ganRecipes: Readonly<Record<GanRecipeName, GanRecipe>> = recipes;

/** A recipe by name. @throws ConfigError with the nearest name when there is none */
export function ganRecipe(name: string): GanRecipe {
  if (Object.hasOwn(recipes, name)) return recipes[name as GanRecipeName];
  throw new ConfigError('unknown-recipe', `there is no GAN recipe "${name}"`, {
    remedy: suggestion(name, Object.keys(recipes)),
    fields: { recipe: name, known: Object.keys(recipes) },
  });
}

/** All settings of a recipe, whatever their source. */
export const settingsOf = ({ paper, code, ours }: GanRecipe): Settings => ({ ...ours, ...code, ...paper });
