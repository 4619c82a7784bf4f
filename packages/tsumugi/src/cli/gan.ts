// `tsumugi gan`: trains GANs on images, draws with them, scores what they draw.
import { dirname, resolve } from 'node:path';
import { ConfigError, makeFolder, signalExitCode } from '../base/index.ts';
import {
  classifierExtractor,
  type FeatureExtractor,
  ganConfig,
  ganRecipe,
  ganRecipes,
  imageSampler,
  inceptionExtractor,
  inceptionKinds,
  loadGenerator,
  type MetricGroup,
  metricGroups,
  openNsfwjs,
  type ProtocolName,
  protocols,
  saveClassifier,
  scoreImages,
  scoreJson,
  scoreText,
  settingsOf,
  trainClassifier,
  trainGan,
  writeSampleGrid,
} from '../gan/index.ts';
import { holdOut, openImages } from '../images/index.ts';
import { resumeCommand } from './command-line.ts';
import { type Io, write } from './io.ts';
import { chooseDevice, modelOptions } from './model-options.ts';
import { formatRows } from './options.ts';
import { applySettings, describeSettings, readSettingsFile, settingsOptions } from './settings.ts';
import { defineGroup, defineVerb } from './verb.ts';
import { withoutEffect } from './without-effect.ts';

const { device } = modelOptions;
const seed = { type: 'integer', min: 0, default: 0, help: 'of the noise' } as const;
const json = { type: 'boolean', help: 'print the result as JSON' } as const;
const data = {
  type: 'string',
  value: 'NAME',
  help: 'cifar-10, mnist, fashion-mnist, or the path of a folder',
} as const;

const train = defineVerb(
  {
    command: 'tsumugi gan train',
    summary: 'train a GAN on images',
    options: {
      recipe: { type: 'string', value: 'NAME', help: 'start from the settings of a recipe (see --list)' },
      ...settingsOptions,
      data,
      out: { type: 'string', value: 'DIR', help: 'run folder' },
      resume: { type: 'boolean', help: 'go on with the run in --out, or begin it when there is none' },
      list: { type: 'boolean', help: 'list the recipes; with --recipe, its settings and where they come from' },
      json,
    },
    details: `Settings for --config and --set:\n${formatRows(describeSettings(ganConfig))}`,
  },
  async (options, io, _, args) => {
    const recipe = options.recipe === undefined ? undefined : ganRecipe(options.recipe);
    if (options.list) {
      const { config, set, data, out, resume, json } = options;
      withoutEffect('--list prints the recipes and ends', { config, set: set.length > 0, data, out, resume, json });
      await list(options.recipe, io);
      return 0;
    }
    const file = options.config === undefined ? {} : (readSettingsFile(options.config) as object);
    const given = Object.entries({ data: options.data, out: options.out }).filter(([, value]) => value !== undefined);
    const settings = { ...(recipe && settingsOf(recipe)), ...file, ...Object.fromEntries(given) };
    const config = applySettings(ganConfig, settings, options.set, options.config);
    const result = await trainGan(config, { resume: options.resume, stream: io.stderr, recipe: options.recipe });
    if (options.json) await write(io.stdout, `${JSON.stringify(result)}\n`);
    else if (!result.interrupted)
      await write(io.stdout, `${result.steps} updates of the generator → ${result.folder}\n`);
    if (!result.interrupted) return 0;
    io.stderr.write(`saved; go on with: ${resumeCommand('tsumugi gan train', args)}\n`);
    return signalExitCode();
  },
);

const sources = { paper: 'the paper', code: 'the authors’ code', ours: 'our choice' } as const;

async function list(name: string | undefined, io: Io): Promise<void> {
  if (name === undefined) {
    const rows = Object.entries(ganRecipes).map(([each, { summary }]) => [each, summary] as const);
    return write(io.stdout, formatRows(rows));
  }
  const recipe = ganRecipe(name);
  const rows = (Object.keys(sources) as (keyof typeof sources)[]).flatMap((source) =>
    Object.entries(recipe[source]).map(([key, value]) => [`${key}=${JSON.stringify(value)}`, sources[source]] as const),
  );
  await write(io.stdout, `${recipe.summary}\n${formatRows(rows)}`);
}

const sample = defineVerb(
  {
    command: 'tsumugi gan sample',
    summary: 'draw images with a trained GAN, as one PNG file',
    options: {
      model: { type: 'string', value: 'DIR', required: true, help: 'model folder' },
      out: { type: 'string', value: 'FILE', required: true, help: 'PNG file to write' },
      count: { type: 'integer', min: 1, default: 100, help: 'images' },
      columns: { type: 'integer', min: 1, help: 'images in a row' },
      label: { type: 'string', value: 'CLASS', help: 'of a conditional GAN: one class for all, by name or number' },
      raw: { type: 'boolean', help: 'the generator itself where there is a moving average of it' },
      seed,
      device,
      json,
    },
  },
  async ({ model, out, count, columns, label, raw, seed, device, json }, io) => {
    const { generator, config } = loadGenerator(model, { device: chooseDevice(device), raw });
    using network = generator;
    const names = config.class_names ?? [];
    writeSampleGrid(out, network, { count, columns, seed, label: labelOf(label, names) });
    await write(io.stdout, json ? `${JSON.stringify({ out, count })}\n` : `${count} images → ${out}\n`);
  },
);

/**
 * The number of a class that is given by name, or by number where no class has a number for its name (class 2 would be another
 * than "2"); its range is checked where it is used.
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

const score = defineVerb(
  {
    command: 'tsumugi gan score',
    summary: 'score the images of a trained GAN against real ones',
    options: {
      model: { type: 'string', value: 'DIR', required: true, help: 'model folder' },
      data: { ...data, required: true },
      extractor: {
        type: 'choice',
        choices: ['classifier', ...inceptionKinds],
        required: true,
        help: 'what images are told by; it decides what the scores are called',
      },
      weights: { type: 'string', value: 'PATH', help: "the extractor's; nsfwjs is fetched when they are left out" },
      protocol: {
        type: 'choice',
        choices: Object.keys(protocols),
        help: 'numbers of images (default: 10k-test-5k)',
      },
      real: { type: 'integer', min: 2, help: 'real images, instead of the protocol (with --fake)' },
      fake: { type: 'integer', min: 2, help: 'fakes, instead of the protocol (with --real)' },
      metrics: { type: 'list', value: 'NAME', help: `some of ${metricGroups.join(', ')} (default: all)` },
      cache: { type: 'string', value: 'DIR', help: 'keep statistics of the real images here' },
      raw: { type: 'boolean', help: 'the generator itself where there is a moving average of it' },
      seed,
      device,
      json,
    },
    details: 'See docs/gan-scores.md: scores that differ in protocol, resizer or weights do not compare.',
  },
  async (options, io) => {
    const { real: nReal, fake: nFake } = options;
    if ((nReal === undefined) !== (nFake === undefined))
      throw new ConfigError('missing-option', '--real and --fake belong together', { remedy: 'Give both or neither.' });
    const own = nReal !== undefined && nFake !== undefined ? { nReal, nFake } : undefined;
    if (own) withoutEffect('--real and --fake stand instead of it', { protocol: options.protocol });
    const metrics = options.metrics as readonly MetricGroup[];
    if (metrics.length > 0 && metrics.every((metric) => metric === 'inception'))
      withoutEffect('the Inception score takes no real images', { cache: options.cache });
    const protocol = own ?? ((options.protocol ?? '10k-test-5k') as ProtocolName);
    const split = typeof protocol === 'string' ? protocols[protocol].split : 'test';
    const target = chooseDevice(options.device);
    const { generator, config } = loadGenerator(options.model, { device: target, raw: options.raw });
    using network = generator;
    using extractor = await openExtractor(options, target);
    const report = (line: string) => void io.stderr.write(`${line}\n`);
    const { channels, image_size: size } = config;
    const real = await openImages(options.data, split, { size, channels, report });
    const figures = await scoreImages({
      ...{ real, extractor, protocol, report, fake: imageSampler(network, { seed: options.seed }) },
      metrics: metrics.length > 0 ? metrics : undefined,
      cacheFolder: options.cache,
    });
    const lines = options.json ? [JSON.stringify(figures.map(scoreJson))] : figures.map(scoreText);
    await write(io.stdout, lines.map((line) => `${line}\n`).join(''));
  },
);

async function openExtractor(
  { extractor, weights }: { extractor: string; weights: string | undefined },
  device: ReturnType<typeof chooseDevice>,
): Promise<FeatureExtractor> {
  const path = weights ?? (extractor === 'nsfwjs' ? await openNsfwjs() : undefined);
  if (path === undefined)
    throw new ConfigError('missing-option', `--extractor ${extractor} needs --weights PATH`, {
      remedy:
        extractor === 'classifier'
          ? 'Train one with "tsumugi gan classifier".'
          : 'The weights are yours to bring: see docs/gan-scores.md. --extractor nsfwjs fetches its own.',
    });
  if (extractor === 'classifier') return classifierExtractor(path, { device });
  return inceptionExtractor({ weights: path, kind: extractor as (typeof inceptionKinds)[number], device });
}

const classifier = defineVerb(
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
