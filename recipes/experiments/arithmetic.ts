// What α of H-DPO does to a small model, on sums with checkable answers (docs/preference.md). A tiny hybrid learns from worked answers,
// samples answers to new problems, and is trained on pairs of a right and a wrong one of its own, with several α. Asked are held-out
// problems, many times each: how often a right answer is among k, how many answers there are, how much entropy. Beside it stand the model
// before, and DPO (α = 1) decoded at other temperatures. Writes a page with tables and pictures. With --tune it asks DPO with several β and
// learning rates instead, with a seed that is none of the others, and prints how often it is right.
//
//   node recipes/experiments/arithmetic.ts [--quick] [--seeds 0,1,2] [--tune] [--out DIR] [--results DIR]
//
// What is in --out is kept: the same command goes on where it was cut off, and seeds may be run one by one, or beside each
// other. The page goes to --results, --out when left out.
// Everything about the runs is our choice: settings and tables of the paper are not known to us, and are not reproduced.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { deriveSeed, RandomStream, type Spread, spreadOf, writeFileAtomic } from 'tsumugi/base';
import { beside, lineChart, type Picture, svgFile } from 'tsumugi/draw';
import { passAtK } from 'tsumugi/eval';
import { initialWeights, loadModel, Plamo2, parameterTable, preset, sampleAnswers, saveModel } from 'tsumugi/lm';
import { codeCommit } from 'tsumugi/run';
import { openTokenizer, writeTokenizer } from 'tsumugi/text';
import { numThreads, torchVersion } from 'tsumugi/torch';
import { dpo, dpoConfig, sft, sftConfig } from 'tsumugi/train';
import { answerEntropy } from './answer-entropy.ts';
import { experimentOptions } from './options.ts';
import { finalAnswer, isRight, newProblems, type Problem, sumsPieces, workedAnswer } from './sums.ts';

const { values: options } = experimentOptions(import.meta.url, {
  options: {
    quick: { type: 'boolean', default: false }, // seconds, to see that it works; its numbers say nothing
    seeds: { type: 'string', default: '0,1,2' },
    tune: { type: 'boolean', default: false },
    out: { type: 'string', default: 'runs/arithmetic' },
    results: { type: 'string' },
  },
});
const { quick, out, results = out } = options;

function fail(message: string): never {
  process.stderr.write(`error: ${message}\n`);
  process.exit(2);
}

// --- settings -----------------------------------------------------------------------------------------------------

const asked = options.seeds.split(',');
if (!asked.every((seed) => /^\d{1,9}$/.test(seed))) fail('--seeds should be whole numbers, as 0,1,2');
const seeds = quick ? [0] : asked.map(Number);
const tuningSeed = 9; // none of the seeds that are reported
if (seeds.includes(tuningSeed)) fail(`settings are chosen with seed ${tuningSeed}: choose others for --seeds`);
const alphas = quick ? [0.8, 1] : [0.8, 0.9, 0.95, 1, 1.1, 1.2];
/** DPO's model is asked at these beside 1. */
const temperatures = quick ? [0.8] : [0.8, 0.9, 0.95, 1.1, 1.2];
/** Of preference training, for every α and seed. */
const [beta, rate] = quick ? [1, 1e-3] : [1, 1e-4];
/** β and rate, tried at α = 1. */
const trials = quick ? [[0.1, 1e-3]] : [0.1, 0.3, 1].flatMap((each) => [3e-5, 1e-4, 3e-4].map((at) => [each, at]));
const pieces = sumsPieces();
const shape = {
  hidden_size: quick ? 32 : 128,
  intermediate_size: quick ? 64 : 256,
  num_hidden_layers: quick ? 2 : 4,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  hidden_size_per_head: quick ? 8 : 32,
  mamba_num_heads: 4,
  mamba_d_state: 16,
  attention_window_size: 256, // every problem with its answer
  vocab_size: pieces.length,
};
const sums = quick ? { least: 2, most: 3, largest: 9 } : { least: 3, most: 6, largest: 99 };
const rows = { sequenceLength: 256, heldOut: 0.02, evaluateEvery: 0, checkpointEvery: 0, keepLast: 1 };
const sftSettings = {
  ...rows,
  steps: quick ? 30 : 2000,
  batchSize: 16,
  learningRate: quick ? 1e-2 : 3e-3,
  warmup: 0.05,
};
const dpoSettings = { ...rows, epochs: 1, batchSize: 16, warmup: 0.1 };
/** Problems that pairs are made of, answers sampled for each, and pairs taken of one at most. */
const pairing = quick ? { problems: 40, samples: 8, each: 2 } : { problems: 600, samples: 8, each: 2 };
const maxTokens = 80; // an answer to six numbers takes 58 at most
const asking = quick ? { problems: 6, samples: 8 } : { problems: 96, samples: 32 };
const tuningSamples = asking.samples / 4;

/** A model of a seed: after fine-tuning, or after preference training from there. */
interface Trained {
  seed: number;
  alpha?: number;
  rate?: number;
  beta?: number;
}
/** A model as it is asked. */
interface Asked extends Trained {
  temperature: number;
  samples: number;
}
interface Answers {
  /** Of each problem: how many samples are right, and how many different final answers, texts and right texts there are. */
  problems: { right: number; finals: number; texts: number; rightTexts: number }[];
  sequenceEntropy: number;
  tokenEntropy: number;
  /** Share of the answers that did not end in `maxTokens`. */
  cut: number;
}

// --- what is kept -------------------------------------------------------------------------------------------------

// What determines the figures is the same when runs are gone on with.
const planFile = join(out, 'plan.json');
const plan = JSON.stringify({ shape, sums, sftSettings, dpoSettings, pairing, maxTokens, asking }, null, 1);
if (!existsSync(planFile)) {
  mkdirSync(out, { recursive: true });
  writeFileAtomic(planFile, plan);
} else if (readFileSync(planFile, 'utf8') !== plan)
  fail(`${out} holds runs with other settings (plan.json): choose another --out`);

/** Of a seed. */
interface Records {
  /** Of the processor, of everything that was made. */
  seconds: number;
  /** Pairs to learn from. */
  pairs?: number;
  answers: Record<string, Answers>;
}
const recordFile = (seed: number) => join(out, `results-${seed}.json`);
const allRecords = new Map<number, Records>();
function recordsOf(seed: number): Records {
  const file = recordFile(seed);
  const known = allRecords.get(seed);
  const records: Records =
    known ?? (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { seconds: 0, answers: {} });
  allRecords.set(seed, records);
  return records;
}

let counted = process.cpuUsage();
/** What a seed has made since the last time is kept. */
function keep(seed: number): void {
  const { user, system } = process.cpuUsage(counted);
  counted = process.cpuUsage();
  const records = recordsOf(seed);
  records.seconds += (user + system) / 1e6;
  writeFileAtomic(recordFile(seed), `${JSON.stringify(records, null, 1)}\n`);
}
const minutesOf = (some: readonly number[]) => some.reduce((sum, seed) => sum + recordsOf(seed).seconds, 0) / 60;
const say = (line: string) => void process.stderr.write(`${line}\n`);
const silent = { stream: { write: () => true } };
const folderOf = (seed: number, name = '') => join(out, `seed-${seed}`, name);

// --- data ---------------------------------------------------------------------------------------------------------

const tokenizerFolder = join(out, 'tokenizer');
if (!existsSync(tokenizerFolder)) writeTokenizer(tokenizerFolder, pieces);
const { tokenizer } = openTokenizer(tokenizerFolder);
const promptOf = ({ prompt }: Problem) => tokenizer.encode(prompt, { addBos: true });

/** Problems of a seed: no two are the same. */
function problemsOf(seed: number) {
  const random = new RandomStream(deriveSeed(seed, 'problems'));
  const taken = new Set<string>();
  const draw = (count: number) => newProblems(random, sums, count, taken);
  return {
    heldOut: draw(asking.problems),
    pairs: draw(pairing.problems),
    learned: draw(sftSettings.steps * sftSettings.batchSize),
  };
}

const writeRows = (file: string, values: readonly object[]) =>
  writeFileAtomic(file, values.map((value) => `${JSON.stringify(value)}\n`).join(''));

// --- models -------------------------------------------------------------------------------------------------------

const tuned = (seed: number) => folderOf(seed, 'sft/model');

/** A seed's fine-tuned model is made, unless it is there. */
async function fineTune(seed: number): Promise<void> {
  if (existsSync(tuned(seed))) return;
  const base = folderOf(seed, 'base');
  if (!existsSync(base)) {
    using model = new Plamo2(preset('mini', shape), initialWeights(deriveSeed(seed, 'weights')));
    saveModel(base, model, { tokenizerFolder });
  }
  const random = new RandomStream(deriveSeed(seed, 'answers'));
  const { learned } = problemsOf(seed);
  const data = folderOf(seed, 'worked.jsonl');
  writeRows(
    data,
    learned.map((problem) => ({ prompt: problem.prompt, completion: workedAnswer(random, problem) })),
  );
  const settings = { ...sftSettings, model: base, data: [data], out: folderOf(seed, 'sft'), seed };
  await sft(sftConfig.parse(settings), { ...silent, resume: true });
  keep(seed);
}

/** Answers to problems, by problem, as ids and as texts. */
async function sampled(
  model: Plamo2,
  problems: readonly Problem[],
  samples: number,
  temperature: number,
  seed: number,
) {
  const settings = { samples, temperature, maxTokens, seed, slots: 64 };
  const answers = await sampleAnswers(model, problems.map(promptOf), settings);
  return answers.map((group) =>
    group.map(({ ids, finished }) => ({ ids, finished, text: tokenizer.decode(finished ? ids.slice(0, -1) : ids) })),
  );
}

/** Pairs of the fine-tuned model's own answers, a right and a wrong one, are written, unless they are there. */
async function makePairs(seed: number): Promise<string> {
  const file = folderOf(seed, 'pairs.jsonl');
  if (existsSync(file)) return file;
  const { pairs: problems } = problemsOf(seed);
  using model = loadModel(tuned(seed));
  const answers = await sampled(model, problems, pairing.samples, 1, deriveSeed(seed, 'pairs'));
  const found = problems.flatMap((problem, i) => {
    const texts = [...new Set(answers[i]!.map(({ text }) => text))];
    const right = texts.filter((text) => isRight(problem, text));
    const wrong = texts.filter((text) => text !== '' && !isRight(problem, text));
    const count = Math.min(right.length, wrong.length, pairing.each);
    return Array.from({ length: count }, (_, at) => ({
      prompt: problem.prompt,
      chosen: right[at],
      rejected: wrong[at],
    }));
  });
  writeRows(file, found);
  recordsOf(seed).pairs = found.length;
  keep(seed);
  return file;
}

/** The folder of a model, which is made unless it is there. */
async function made({ seed, alpha, rate, beta }: Trained): Promise<string> {
  await fineTune(seed);
  if (alpha === undefined) return tuned(seed);
  const data = await makePairs(seed);
  const folder = folderOf(seed, `hdpo-${alpha}-${rate}-${beta}`);
  const settings = { ...dpoSettings, model: tuned(seed), data: [data], out: folder, seed, loss: 'hdpo' as const };
  if (!existsSync(join(folder, 'model'))) {
    await dpo(dpoConfig.parse({ ...settings, alpha, beta, learningRate: rate }), { ...silent, resume: true });
    keep(seed);
  }
  return join(folder, 'model');
}

// --- asking -------------------------------------------------------------------------------------------------------

const nameOf = (asked: Asked) => JSON.stringify(asked, ['seed', 'alpha', 'rate', 'beta', 'temperature', 'samples']);
const answersOf = (asked: Asked): Answers => recordsOf(asked.seed).answers[nameOf(asked)]!;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const different = (values: readonly (string | undefined)[]) => new Set(values).size;

/** A model is asked, unless it was. */
async function ask(asked: Asked): Promise<void> {
  const { seed, temperature, samples } = asked;
  const { answers: known } = recordsOf(seed);
  if (known[nameOf(asked)] !== undefined) return;
  using model = loadModel(await made(asked));
  const { heldOut } = problemsOf(seed);
  const groups = await sampled(model, heldOut, samples, temperature, deriveSeed(seed, 'held out'));
  const ids = groups.map((group) => group.map((answer) => answer.ids));
  const entropy = answerEntropy(model, heldOut.map(promptOf), ids, temperature);
  known[nameOf(asked)] = {
    problems: groups.map((group, i) => {
      const texts = group.map(({ text }) => text);
      const right = texts.filter((text) => isRight(heldOut[i]!, text));
      return {
        right: right.length,
        finals: different(texts.map(finalAnswer).filter((answer) => answer !== undefined)),
        texts: different(texts),
        rightTexts: different(right),
      };
    }),
    sequenceEntropy: entropy.sequence,
    tokenEntropy: entropy.token,
    cut: mean(groups.flat().map(({ finished }) => Number(!finished))),
  };
  keep(seed);
  const { right } = figuresOf(asked);
  say(`${minutesOf([seed]).toFixed(1)} min of processor, ${nameOf(asked)}: ${(100 * right).toFixed(1)} % right`);
}

const ks = Array.from({ length: 1 + Math.log2(asking.samples) }, (_, i) => 2 ** i);

const passOf = (asked: Asked, k: number) =>
  mean(answersOf(asked).problems.map(({ right }) => passAtK(asked.samples, right, k)));

function figuresOf(asked: Asked) {
  const { problems, sequenceEntropy, tokenEntropy, cut } = answersOf(asked);
  return {
    right: passOf(asked, 1),
    coverage: passOf(asked, asked.samples),
    finals: mean(problems.map(({ finals }) => finals)),
    texts: mean(problems.map(({ texts }) => texts)),
    rightTexts: mean(problems.map(({ rightTexts }) => rightTexts)),
    sequenceEntropy,
    tokenEntropy,
    cut,
  };
}
type Figure = keyof ReturnType<typeof figuresOf>;

// --- all runs -----------------------------------------------------------------------------------------------------

if (options.tune) {
  const askedAt = { seed: tuningSeed, temperature: 1, samples: tuningSamples };
  const tried = trials.map(([b, r]): Asked => ({ ...askedAt, alpha: 1, beta: b!, rate: r! }));
  for (const each of [askedAt, ...tried]) await ask(each);
  process.exit(0);
}

interface Arm {
  name: string;
  alpha?: number;
  temperature: number;
}
const before: Arm = { name: 'fine-tuned', temperature: 1 };
const byAlpha = alphas.map(
  (alpha): Arm => ({ name: alpha === 1 ? 'DPO (α = 1)' : `α = ${alpha}`, alpha, temperature: 1 }),
);
const byTemperature = temperatures.map(
  (temperature): Arm => ({ name: `DPO, τ = ${temperature}`, alpha: 1, temperature }),
);
const arms = [before, ...byAlpha, ...byTemperature];
const askedOf = ({ alpha, temperature }: Arm, seed: number): Asked => ({
  seed,
  ...(alpha !== undefined && { alpha, rate, beta }),
  temperature,
  samples: asking.samples,
});
for (const seed of seeds) for (const arm of arms) await ask(askedOf(arm, seed));

// --- tables and pictures ------------------------------------------------------------------------------------------

const table = (head: string[], body: string[][]) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');
const over = (arm: Arm, value: (asked: Asked) => number): Spread =>
  spreadOf(seeds.map((seed) => value(askedOf(arm, seed))));
const figure = (name: Figure) => (asked: Asked) => figuresOf(asked)[name];

/** Mean over the seeds (least–greatest). */
function shown({ mean: middle, least, greatest }: Spread, digits: number, scale = 1): string {
  const text = (value: number | null) => (scale * value!).toFixed(digits);
  return `${text(middle)} (${text(least)}–${text(greatest)})`;
}

const passTable = table(
  ['', ...ks.map((k) => `k = ${k}`)],
  arms.map((arm) => [
    arm.name,
    ...ks.map((k) =>
      shown(
        over(arm, (asked) => passOf(asked, k)),
        1,
        100,
      ),
    ),
  ]),
);
const figureColumns: [name: Figure, title: string, digits: number][] = [
  ['sequenceEntropy', 'entropy of answers, nats', 2],
  ['tokenEntropy', 'entropy of a token, nats', 3],
  ['finals', 'final answers', 2],
  ['texts', 'texts', 2],
  ['rightTexts', 'right texts', 2],
];
const figureTable = table(
  ['', ...figureColumns.map(([, title]) => title)],
  arms.map((arm) => [arm.name, ...figureColumns.map(([name, , digits]) => shown(over(arm, figure(name)), digits))]),
);
const plainDpo = byAlpha[alphas.indexOf(1)]!;
/** An arm minus DPO at temperature 1, of one seed each: seeds differ by more than arms do. */
const differences = (arm: Arm, value: (asked: Asked) => number) =>
  seeds.map((seed) => value(askedOf(arm, seed)) - value(askedOf(plainDpo, seed)));
function signed(values: readonly number[], digits: number): string {
  const text = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;
  return `${text(mean(values))} (${values.map(text).join(', ')})`;
}
const differenceColumns: [name: Figure, title: string, digits: number, scale: number][] = [
  ['right', 'pass@1, %', 1, 100],
  ['coverage', `pass@${asking.samples}, %`, 1, 100],
  ['sequenceEntropy', 'entropy of answers, nats', 2, 1],
  ['tokenEntropy', 'entropy of a token, nats', 3, 1],
  ['texts', 'texts', 2, 1],
];
const differenceTable = table(
  ['', ...differenceColumns.map(([, title]) => title)],
  arms
    .filter((arm) => arm !== plainDpo)
    .map((arm) => [
      arm.name,
      ...differenceColumns.map(([name, , digits, scale]) =>
        signed(
          differences(arm, (asked) => scale * figure(name)(asked)),
          digits,
        ),
      ),
    ]),
);

/** DPO at temperature 1 belongs to both. */
const sameModel = [...byTemperature, plainDpo].toSorted((a, b) => a.temperature - b.temperature);

function against(title: string, label: string, name: Figure, scale = 1): Picture {
  const point = (x: number, arm: Arm) => {
    const { mean: y, least: low, greatest: high } = spreadOf(differences(arm, (asked) => scale * figure(name)(asked)));
    return { x, y: y!, low: low!, high: high! };
  };
  return lineChart({
    title: `${title}, minus DPO's`,
    x: { label: 'α, or temperature τ' },
    y: { label },
    series: [
      { name: 'α at τ = 1', points: byAlpha.map((arm) => point(arm.alpha!, arm)) },
      { name: 'DPO at τ', points: sameModel.map((arm) => point(arm.temperature, arm)) },
      { name: 'fine-tuned at τ = 1', points: [alphas[0]!, alphas.at(-1)!].map((x) => point(x, before)) },
    ],
  });
}
const passChart = (title: string, shownArms: readonly Arm[]) =>
  lineChart({
    title,
    x: { label: 'k', log: true },
    y: { label: 'pass@k, %' },
    series: shownArms.map((arm) => ({
      name: arm.name,
      points: ks.map((k) => ({ x: k, y: 100 * over(arm, (asked) => passOf(asked, k)).mean! })),
    })),
  });
const picture = beside(
  [
    passChart('A right answer among k, by α', [before, ...byAlpha]),
    passChart('A right answer among k, DPO by temperature', [before, ...sameModel]),
    against('Entropy of answers', 'nats', 'sequenceEntropy'),
    against('Entropy of a token', 'nats', 'tokenEntropy'),
    against('Right at the first try', '%', 'right', 100),
    against(`Different texts among ${asking.samples}`, 'texts', 'texts'),
  ],
  2,
);

const parameters = parameterTable(preset('mini', shape)).reduce((sum, row) => sum + row.parameters, 0);
const date = new Date().toISOString().slice(0, 10);
const name = `${date}-hdpo-arithmetic${quick ? '-quick' : ''}`;
const { least, most, largest } = sums;
const pairCounts = seeds.map((seed) => recordsOf(seed).pairs);
const page = `# H-DPO on sums, ${date}

\`node recipes/experiments/arithmetic.ts${quick ? ' --quick' : ''}\`, commit ${codeCommit() ?? 'unknown'}: ${minutesOf(seeds).toFixed(1)} minutes of one processor.
Hardware: ${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown CPU'}, threads: ${numThreads()}; Node ${process.versions.node}, libtorch ${torchVersion()}.
Seeds ${seeds.join(', ')}: problems, weights, order, sampled pairs, what is drawn.

Model: a hybrid of ${shape.num_hidden_layers} layers, Mamba and attention by turns, width ${shape.hidden_size}, ${parameters.toLocaleString('en')} parameters, a token for each character. Problems: sums of ${least} to ${most} numbers
from 1 to ${largest}. An answer adds any two numbers that are left until one is left, as \`${workedAnswer(new RandomStream(0), newProblems(new RandomStream(1), sums, 1, new Set())[0]!)}\`; it is right when its last number is.
Fine-tuning: ${sftSettings.steps.toLocaleString('en')} steps of ${sftSettings.batchSize} worked answers, each seen once, in an order drawn evenly; rate ${sftSettings.learningRate}. Pairs: ${pairing.samples} answers of that model to each of ${pairing.problems.toLocaleString('en')} new problems, at temperature 1,
a right one against a wrong one, ${pairing.each} pairs of a problem at most: ${pairCounts.join(', ')} pairs. Preference training from that model: one epoch, ${dpoSettings.batchSize} pairs a step, AdamW, cosine, the whole model, β ${beta}, rate ${rate}; α = 1 is DPO.
Asked: ${asking.problems} held-out problems, ${asking.samples} answers to each, at temperature 1 or τ, without other filters.

Means over the seeds (least–greatest).

![Curves of the tables](${name}.svg)

Bars in the picture reach from the least to the greatest seed; differences are those of one seed.

## pass@k, %

Without bias, from ${asking.samples} answers; k = ${asking.samples} is coverage, the share of the problems that were solved at all.

${passTable}

## Minus DPO at temperature 1

Of the same seed: the mean over the seeds (each seed).

${differenceTable}

## Entropy and variety

Entropy of answers: the mean of −log π(y|x) over the sampled answers, at the temperature they were drawn with. Entropy of a token: of the distribution that a token is drawn from, the mean over all tokens of the answers.
The other columns are how many different ones there are among ${asking.samples} answers to a problem.

${figureTable}
`;
writeFileAtomic(join(results, `${name}.svg`), svgFile(picture));
writeFileAtomic(join(results, `${name}.md`), page);
process.stdout.write(`${page}\nwritten: ${join(results, `${name}.md`)} and .svg\n`);
