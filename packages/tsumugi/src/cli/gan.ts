// `tsumugi gan`: trains GANs on images, draws with them, scores what they draw.
import { dirname, resolve } from 'node:path';
import { ConfigError, makeFolder } from '../base/index.ts';
import {
  ganConfig,
  ganRecipe,
  ganRecipes,
  loadGenerator,
  planGan,
  saveClassifier,
  settingsOf,
  trainClassifier,
  trainGan,
  writeSampleGrid,
} from '../gan/index.ts';
import { holdOut, openImages } from '../images/index.ts';
import { defineCommand, defineGroup } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { ganOptions } from './gan-options.ts';
import { score } from './gan-score.ts';
import { type Io, write } from './io.ts';
import { chooseDevice } from './model-options.ts';
import { formatRows } from './options.ts';
import { settingsOptions } from './settings.ts';
import { checkPlan, trainingOptions } from './training-command.ts';
import { trainingSettings } from './training-settings.ts';
import { trainOverRanks } from './with-mesh.ts';
import { withoutEffect } from './without-effect.ts';

const { device, seed, json, data } = ganOptions;

const train = defineCommand(
  {
    command: 'tsumugi gan train',
    summary: 'train a GAN on images',
    options: {
      recipe: { type: 'string', value: 'NAME', help: 'start from the settings of a recipe (see --list)' },
      ...settingsOptions,
      data,
      ...trainingOptions,
      list: { type: 'boolean', help: 'list the recipes; with --recipe, its settings and where they come from' },
    },
    details: settingsHelp(ganConfig),
  },
  async (options, io) => {
    checkPlan(options);
    const recipe = options.recipe === undefined ? undefined : ganRecipe(options.recipe);
    if (options.list) {
      const { config, set, data, out, resume, plan, json } = options;
      const others = { config, set: set.length > 0, data, out, resume, plan };
      withoutEffect('--list prints the recipes and ends', others);
      await list(options.recipe, json, io);
      return 0;
    }
    const { data, out } = options;
    const config = trainingSettings(ganConfig, 'gan', options, { data, out }, recipe && settingsOf(recipe));
    return trainOverRanks(io, {
      command: 'tsumugi gan train',
      options,
      out: config.out,
      plan: (how) => planGan(config, how),
      train: (how) => trainGan(config, { ...how, recipe: options.recipe }),
      sentence: ({ steps, folder }) => `${steps} updates of the generator → ${folder}`,
    });
  },
);

const sources = { paper: 'the paper', code: 'the authors’ code', ours: 'our choice' } as const;

async function list(name: string | undefined, json: boolean, io: Io): Promise<void> {
  if (name === undefined) {
    const rows = Object.entries(ganRecipes).map(([each, { summary }]) => [each, summary] as const);
    const found = rows.map(([each, summary]) => ({ name: each, summary }));
    return write(io.stdout, json ? `${JSON.stringify(found)}\n` : formatRows(rows));
  }
  const recipe = ganRecipe(name);
  if (json) return write(io.stdout, `${JSON.stringify({ name, ...recipe })}\n`);
  const rows = (Object.keys(sources) as (keyof typeof sources)[]).flatMap((source) =>
    Object.entries(recipe[source]).map(([key, value]) => [`${key}=${JSON.stringify(value)}`, sources[source]] as const),
  );
  await write(io.stdout, `${recipe.summary}\n${formatRows(rows)}`);
}

const sample = defineCommand(
  {
    command: 'tsumugi gan sample',
    summary: 'draw images with a trained GAN, as one PNG file',
    options: {
      model: { type: 'string', value: 'DIR', required: true, help: 'model folder' },
      out: { type: 'string', value: 'FILE', required: true, help: 'PNG file to write' },
      count: { type: 'integer', min: 1, default: 100, help: 'images' },
      columns: { type: 'integer', min: 1, help: 'images in a row' },
      label: { type: 'string', value: 'CLASS', help: 'of a conditional GAN: one class for all, by name or number' },
      raw: { type: 'boolean', help: 'use the generator itself, not the moving average of its weights' },
      seed,
      device,
      json,
    },
  },
  async ({ model, out, count, columns, label, raw, seed, device, json }, io) => {
    const [, otherKind] = /(\.(?:jpe?g|webp|gif|bmp|tiff?|avif|svg))$/i.exec(out) ?? [];
    if (otherKind !== undefined)
      throw new ConfigError('not-png', `--out ends in "${otherKind}", but images are written as PNG`, {
        remedy: `Write --out ${out.slice(0, -otherKind.length)}.png.`,
        fields: { path: out },
      });
    const { generator, config } = loadGenerator(model, { device: chooseDevice(device), raw });
    using network = generator;
    const names = config.class_names ?? [];
    writeSampleGrid(out, network, { count, columns, seed, label: labelOf(label, names) });
    await write(io.stdout, json ? `${JSON.stringify({ out, count })}\n` : `${count} images → ${out}\n`);
  },
);

/**
 * The number of a class, given by its name, or by its number where no name is a number ("2" might be another class than 2). Its range
 * is checked where it is used.
 */
function labelOf(label: string | undefined, names: readonly string[]): number | undefined {
  if (label === undefined) return undefined;
  const index = names.indexOf(label);
  if (index >= 0) return index;
  const isNumber = (text: string) => /^\d+$/.test(text);
  if (isNumber(label) && !names.some(isNumber)) return Number(label);
  throw new ConfigError('no-such-class', `there is no class "${label}"`, {
    remedy: names.length > 0 ? `Classes: ${names.join(', ')}.` : 'This generator is unconditional: leave --label out.',
    fields: { label },
  });
}

const classifier = defineCommand(
  {
    command: 'tsumugi gan classifier',
    summary: 'train a classifier of a data set, for "score --extractor classifier"',
    options: {
      data: { ...data, required: true },
      out: { type: 'string', value: 'DIR', required: true, help: 'model folder to write' },
      size: { type: 'integer', min: 8, default: 32, help: 'height and width of the images' },
      epochs: { type: 'integer', min: 1, default: 20, help: 'passes over the training images' },
      widths: { type: 'list', value: 'N', default: ['64', '128', '256'], help: 'channels of the stages' },
      seed: { ...seed, help: 'of weights, batches and shifts' },
      device,
      json,
    },
  },
  async ({ data, out, size, epochs, widths, seed, device, json }, io) => {
    const channels = widths.map(Number);
    if (!channels.every((width) => Number.isInteger(width) && width >= 1))
      throw new ConfigError('bad-option', `--widths: expected whole numbers, got "${widths.join(' ')}"`, {
        remedy: 'Write for example --widths 64 128 256.',
      });
    const target = chooseDevice(device);
    makeFolder(dirname(resolve(out))); // found out before anything takes time
    const report = (line: string) => void io.stderr.write(`${line}\n`);
    const all = await openImages(data, 'train', { size, report });
    // A folder is not split: a tenth of it is held out.
    const { train, test } =
      all.split === 'all' ? holdOut(all, seed) : { train: all, test: await openImages(data, 'test', { size, report }) };
    report(`${train.count} images to train on, ${test.count} to test with`);
    const options = { epochs, widths: channels, seed, device: target, report };
    const trained = await trainClassifier(train, test, options);
    using _classifier = trained.classifier;
    saveClassifier(out, trained, train, test);
    const { accuracy } = trained;
    await write(
      io.stdout,
      json ? `${JSON.stringify({ out, accuracy })}\n` : `test accuracy ${accuracy.toFixed(4)} → ${out}\n`,
    );
  },
);

export const run = defineGroup('tsumugi gan', 'train GANs on images, draw with them, score them', {
  train: { summary: 'train a GAN on images', run: train },
  sample: { summary: 'draw images with a trained GAN', run: sample },
  score: { summary: 'score its images against real ones', run: score },
  classifier: { summary: 'train a classifier to score by', run: classifier },
});
