// The claim of Miyato et al. 2018 (arXiv 1802.05957, figures 1 and 2) run again: ways to tame a discriminator, each in the six
// optimizer settings A–F, all with the same networks, images and number of updates of the generator. Scored by a classifier
// that is trained here, so scores compare with each other only. Writes a page with tables, a chart and images.
//
//   node recipes/experiments/gan-comparison.ts [--preset mnist|cifar10] [--quick] [--steps N | --minutes N] [--seeds N]
//        [--out DIR] [--results DIR] [--workers N] [--device cpu|cuda]
//
// Runs that are in --out are kept: the same command goes on where it was cut off.
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFileAtomic } from 'tsumugi/base';
import { beside, dotChart, median, svgFile } from 'tsumugi/draw';
import {
  classifierExtractor,
  GanTrainer,
  type MethodName,
  methods,
  rehearseGan,
  type SettingName,
  saveClassifier,
  scoreImages,
  scoreText,
  secondsPerStep,
  settings,
  trainClassifier,
} from 'tsumugi/gan';
import { writeImageGrid } from 'tsumugi/images';
import { numParameters } from 'tsumugi/nn';
import { formatDuration, formatInteger } from 'tsumugi/run';
import { type Device, scope, setThreads, tensor, torchVersion } from 'tsumugi/torch';
import {
  type Budget,
  configOf,
  fileOf,
  firstOf,
  openSplit,
  type RunName,
  type RunRecord,
  samplesKept,
} from './gan-comparison-run.ts';
import { experimentOptions } from './options.ts';

const { values: options } = experimentOptions(import.meta.url, {
  options: {
    preset: { type: 'string', default: 'mnist' },
    quick: { type: 'boolean', default: false }, // seconds, to see that it works; its scores say nothing
    steps: { type: 'string' },
    minutes: { type: 'string' }, // choose the steps by a rehearsal instead
    seeds: { type: 'string' },
    out: { type: 'string' },
    results: { type: 'string' }, // where the page goes; --out when left out
    workers: { type: 'string', default: '2' },
    device: { type: 'string', default: 'cpu' },
  },
});
const { quick } = options;

// --- settings -----------------------------------------------------------------------------------------------------

const presets = {
  /** For two CPU cores and half an hour. */
  mnist: {
    budget: { data: 'mnist', width: 1 / 8, batchSize: 16, steps: 1200, protocol: { nReal: 10_000, nFake: 5_000 } },
    seeds: 1,
    classifier: { epochs: 2, widths: [16, 32, 64] },
  },
  /** For a GPU. */
  cifar10: {
    budget: { data: 'cifar-10', width: 1, batchSize: 64, steps: 10_000, protocol: { nReal: 10_000, nFake: 5_000 } },
    seeds: 1,
    classifier: { epochs: 20, widths: [64, 128, 256] },
  },
};

function fail(message: string): never {
  process.stderr.write(`error: ${message}\n`);
  process.exit(2);
}

if (!Object.hasOwn(presets, options.preset)) fail(`there is no preset "${options.preset}": mnist, cifar10`);
const preset = presets[options.preset as keyof typeof presets];
const whole = (name: 'steps' | 'seeds' | 'workers', otherwise: number): number => {
  const value = Number(options[name] ?? otherwise);
  return Number.isInteger(value) && value >= 1 ? value : fail(`--${name} should be a whole number from 1`);
};

const compared: MethodName[] = [
  ...(['sn', 'orthonormal', 'weight-norm', 'layer-norm', 'batch-norm', 'wgan-gp', 'weight-clipping'] as const),
];
const settingNames = (quick ? ['A', 'C'] : Object.keys(settings)) as SettingName[];
const seeds = Array.from({ length: quick ? 1 : whole('seeds', preset.seeds) }, (_, seed) => seed);
const classifierSettings = quick ? { epochs: 1, widths: [4, 8] } : preset.classifier;
const workers = whole('workers', 2);
const device = options.device as Device;
const out = options.out ?? join('runs', `gan-comparison-${options.preset}${quick ? '-quick' : ''}`);
const results = options.results ?? out;
const print = (line: string) => void process.stderr.write(`${line}\n`);

const runs: RunName[] = seeds.flatMap((seed) =>
  settingNames.flatMap((setting) => compared.map((method) => ({ method, setting, seed }))),
);
let budget: Budget = quick
  ? {
      ...preset.budget,
      device,
      width: 1 / 32,
      batchSize: 4,
      steps: 2,
      images: 300,
      protocol: { nReal: 200, nFake: 100 },
    }
  : { ...preset.budget, device, steps: whole('steps', preset.budget.steps) };

// --- images, classifier, real against real --------------------------------------------------------------------------

const threads = Math.max(1, Math.floor(availableParallelism() / workers));
const [train, test] = [await openSplit(budget, 'train'), await openSplit(budget, 'test')];
const classifierFolder = join(out, 'classifier');
if (!existsSync(classifierFolder)) {
  print('classifier:');
  const trained = await trainClassifier(train, test, { ...classifierSettings, device, report: print });
  saveClassifier(classifierFolder, trained, train, test);
  trained.classifier.dispose();
}
using extractor = await classifierExtractor(classifierFolder, { device });
const scoringBegan = performance.now();
const real = await scoreImages({
  real: test,
  fake: firstOf(train, budget.protocol.nFake),
  extractor,
  protocol: budget.protocol,
  splits: 1,
  metrics: ['frechet', 'inception'] as const,
  cacheFolder: join(out, 'statistics'),
});
const scoringSeconds = (performance.now() - scoringBegan) / 1000;

// --- forecast ---------------------------------------------------------------------------------------------------------

/** Seconds of a step by method and setting. */
setThreads(threads);
const rehearsals = new Map(
  compared.map((method) => [method, rehearseGan(configOf({ method, setting: 'A', seed: 0 }, budget), train)]),
);
const stepSeconds = ({ method, setting }: RunName) =>
  secondsPerStep(rehearsals.get(method)!, settings[setting].discriminatorSteps);
const perStep = runs.reduce((sum, run) => sum + stepSeconds(run), 0) / workers;
const scoring = (runs.length * scoringSeconds) / workers;
if (options.minutes !== undefined) {
  const seconds = Number(options.minutes) * 60 - scoring;
  if (!(seconds > 0)) fail(`--minutes should be more than ${Math.ceil(scoring / 60)}, which scoring alone takes`);
  budget = { ...budget, steps: Math.max(1, Math.floor(seconds / perStep / 10) * 10) };
}

// What determines the scores must be the same when runs are gone on with; the steps of a rehearsal stay those of the first.
const planFile = join(out, 'plan.json');
const planOf = (given: Budget) => JSON.stringify({ budget: given, classifierSettings }, null, 2);
if (existsSync(planFile)) {
  const kept = JSON.parse(readFileSync(planFile, 'utf8')) as { budget: Budget };
  if (options.minutes !== undefined) budget = { ...budget, steps: kept.budget.steps };
  if (planOf(budget) !== planOf(kept.budget) || readFileSync(planFile, 'utf8') !== planOf(budget))
    fail(`${out} holds runs with other settings (plan.json): choose another --out`);
} else writeFileAtomic(planFile, planOf(budget));
mkdirSync(join(out, 'runs'), { recursive: true });
const left = runs.filter((run) => !existsSync(fileOf(out, run)));
print(
  `${runs.length} runs of ${formatInteger(budget.steps)} updates of the generator, ${left.length} left; ${workers} at a time with ${threads} threads: ` +
    `about ${formatDuration((left.length / runs.length) * (perStep * budget.steps + scoring))}`,
);

// --- all runs ---------------------------------------------------------------------------------------------------------

const began = performance.now();
const queue = [...left];

/** Gives a worker process runs until there are none left. */
async function keepBusy(): Promise<void> {
  const worker: ChildProcess = fork(fileURLToPath(new URL('gan-comparison-run.ts', import.meta.url)), {
    env: { ...process.env, TSUMUGI_THREADS: String(threads) },
  });
  const ended = once(worker, 'exit');
  let current: RunName | undefined;
  worker.on('message', () => {
    if (current) report(current);
    current = queue.shift();
    worker.send(current ?? 'end');
  });
  worker.send({ budget, out });
  const [code] = await ended;
  if (code !== 0) fail(`a run ended with code ${code}${current ? `: ${JSON.stringify(current)}` : ''}`);
}

const readRun = (run: RunName): RunRecord => JSON.parse(readFileSync(fileOf(out, run), 'utf8'));

function report(run: RunName): void {
  const done = left.filter((each) => existsSync(fileOf(out, each))).length;
  const { diverged, frechet, inception, seconds } = readRun(run);
  const scores =
    diverged ?? `${extractor.names.frechet} ${number(frechet)}, ${extractor.names.inception} ${number(inception)}`;
  const rest = ((performance.now() - began) / done) * (left.length - done);
  print(
    `${done}/${left.length}: ${run.method} ${run.setting} seed ${run.seed}, ${formatDuration(seconds)}: ${scores}; ETA ${formatDuration(rest / 1000)}`,
  );
}

await Promise.all(Array.from({ length: Math.min(workers, left.length) }, keepBusy));
const minutes = (performance.now() - began) / 60_000;

// --- tables, chart, images ----------------------------------------------------------------------------------------------

const records = runs.map(readRun);
type Score = 'frechet' | 'inception';

function number(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–';
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

const recordsOf = (method: MethodName, setting?: SettingName) =>
  records.filter((run) => run.method === method && (setting === undefined || run.setting === setting));
/** Scores of runs; one that diverged is as bad as can be. */
const scoresOf = (found: readonly RunRecord[], score: Score): number[] =>
  found.map((run) => run[score] ?? (score === 'frechet' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY));
/** `median` sorts what is not finite last: turned around for scores that are better when higher. */
const middle = (found: readonly RunRecord[], score: Score): number =>
  score === 'frechet' ? median(scoresOf(found, score)) : -median(scoresOf(found, score).map((value) => -value));

const table = (head: string[], rows: string[][]) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

function cell(found: readonly RunRecord[], score: Score): string {
  const lost = found.filter((run) => run.diverged !== null).length;
  return `${number(middle(found, score))}${lost > 0 ? `, ${lost} of ${found.length} diverged` : ''}`;
}

const titleOf = (method: MethodName) => methods[method].title;
const scoreTable = (score: Score) =>
  table(
    ['method', ...settingNames],
    compared.map((method) => [titleOf(method), ...settingNames.map((name) => cell(recordsOf(method, name), score))]),
  );

/** The settings of a method, the best first, by the median of a score. */
function ranked(method: MethodName, score: Score): { setting: SettingName; value: number }[] {
  const sign = score === 'frechet' ? 1 : -1;
  return settingNames
    .map((setting) => ({ setting, value: middle(recordsOf(method, setting), score) }))
    .sort((a, b) => sign * (a.value - b.value) || 0);
}

const robustness = table(
  ['method', 'best', 'median', 'worst', 'worst / best', 'diverged'],
  compared.map((method) => {
    const found = ranked(method, 'frechet');
    const [best, worst] = [found[0]!, found.at(-1)!];
    const lost = recordsOf(method).filter((run) => run.diverged !== null).length;
    return [
      titleOf(method),
      `${number(best.value)} (${best.setting})`,
      number(median(found.map(({ value }) => value))),
      `${number(worst.value)} (${worst.setting})`,
      number(worst.value / best.value),
      `${lost} of ${recordsOf(method).length}`,
    ];
  }),
);

const times = table(
  ['method', ...settingNames.map((name) => `${name} (n_dis ${settings[name].discriminatorSteps})`)],
  compared.map((method) => [
    titleOf(method),
    ...settingNames.map((name) => number(median(recordsOf(method, name).map(({ seconds }) => seconds)))),
  ]),
);

const series = (score: Score) =>
  compared.map((method) => ({
    name: titleOf(method),
    groups: settingNames.map((name) => recordsOf(method, name).map((run) => run[score] ?? Number.NaN)),
  }));
const { frechet: distanceName, inception: scoreName } = extractor.names;
const chart = beside(
  [
    dotChart({
      title: `${scoreName} by setting (higher is better)`,
      groups: settingNames,
      y: { label: scoreName },
      series: series('inception'),
    }),
    dotChart({ title: `${distanceName} by setting (lower is better)`, groups: settingNames, y: { label: distanceName, log: true }, series: series('frechet') }), // biome-ignore format: rows
  ],
  2,
);

const { channels, height, width } = test;
/** Rows of runs, `each` images of every run, as one PNG file; black for runs that diverged. */
function writeImages(path: string, rows: readonly (readonly RunRecord[])[], each: number): void {
  const size = each * channels * height * width;
  const bytes = rows.flat().map(({ samples }) => {
    const image = new Uint8Array(size);
    image.set(Buffer.from(samples, 'base64').subarray(0, size));
    return image;
  });
  scope(() => {
    const pixels = tensor(Buffer.concat(bytes), { shape: [bytes.length * each, channels, height, width] });
    // The middle of what becomes the same byte again.
    const images = pixels.to('float32').add(0.5).div(127.5).sub(1);
    writeImageGrid(path, images, { columns: rows[0]!.length * each });
  });
}

const date = new Date().toISOString().slice(0, 10);
const name = `${date}-gan-${options.preset}${quick ? '-quick' : ''}`;
const at = (end: string) => join(results, name + end);
const bestRun = (method: MethodName): RunRecord => {
  const found = recordsOf(method, ranked(method, 'frechet')[0]!.setting);
  return found.toSorted((a, b) => scoresOf([a], 'frechet')[0]! - scoresOf([b], 'frechet')[0]! || 0)[0]!;
};
writeImages(
  at('-best.png'),
  compared.map((method) => [bestRun(method)]),
  samplesKept,
);
writeImages(
  at('-all.png'),
  compared.map((method) => settingNames.map((setting) => recordsOf(method, setting)[0]!)),
  4,
);

const git = (...words: string[]) => spawnSync('git', words, { encoding: 'utf8' }).stdout?.trim() ?? '';
const commit =
  (git('rev-parse', '--short', 'HEAD') || 'unknown') + (git('status', '--porcelain') ? ' with changes' : '');
using shown = new GanTrainer(configOf(runs[0]!, budget), train);
const command = ['node recipes/experiments/gan-comparison.ts', ...process.argv.slice(2)].join(' ');
const hours = records.reduce((sum, { seconds }) => sum + seconds, 0) / 3600;
const realScores = real.map(({ name, value }) => `${name} ${number(value)}`).join(', ');
const page = `# GANs compared on ${test.name}: seven methods, six settings, ${date}

\`${command}\`, commit ${commit}: ${records.length} runs, ${hours.toFixed(2)} hours of training over all${left.length === runs.length ? `, ${minutes.toFixed(1)} minutes` : ' (not all in one go)'}.
Hardware: ${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown CPU'}, device ${device}, ${workers} runs at a time with ${threads} threads each; Node ${process.versions.node},
libtorch ${torchVersion()}.

Networks: the standard CNNs at ${width}×${height}, widths × ${budget.width}: generator ${formatInteger(numParameters(shown.G))}, discriminator ${formatInteger(numParameters(shown.D))} parameters (spectral normalization). Every run: ${formatInteger(budget.steps)}
updates of the generator with batches of ${budget.batchSize}, n_dis times as many of the discriminator, so settings with n_dis 5 have five times as many
as B and C. Methods and settings: [docs/gan.md](../gan.md). Seeds ${seeds.join(', ')}: weights, images and noise, the same for all methods.
The size, the number of updates and the batch are our choice and far below the paper's (100,000 updates); the settings are the
paper's table 1.

Scored by a classifier of ${test.name} that the same command trained (test accuracy ${/accuracy ([\d.]+)/.exec(extractor.name)?.[1]}), the first ${formatInteger(budget.protocol.nReal)} test images against ${formatInteger(budget.protocol.nFake)} fakes: these are not
FID and IS, and only compare with each other. Training images instead of fakes: ${realScores}.

${real.map((each) => `    ${scoreText(each)}`).join('\n')}

A run has *diverged* when a loss or a weight was no longer finite; it is stopped there and has no score: a
cross on the chart's upper edge. Tables give medians over the seeds.

![${scoreName} and ${distanceName} by setting](${name}.svg)

## ${distanceName} (lower is better)

${scoreTable('frechet')}

## ${scoreName} (higher is better)

${scoreTable('inception')}

## Over the settings, by ${distanceName}

Best, median and worst of the settings' medians.

${robustness}

## Images

Each method in its best setting (a row for each, in the order of the tables):

![Images of each method in its best setting](${name}-best.png)

All of it: a row for each method, ${settingNames.length} settings with 4 images each, from left to right; seed ${seeds[0]}:

![Images of each method in each setting](${name}-all.png)

## Seconds of training of a run

${workers} runs shared the machine: ratios say more than seconds.

${times}
`;
writeFileAtomic(at('.svg'), svgFile(chart));
writeFileAtomic(at('.md'), page);
process.stdout.write(`${page}\nwritten: ${at('.md')}, .svg, -best.png, -all.png\n`);
