// What importance, a teacher and rounds are worth when a model is pruned (docs/pruning.md, docs/distillation.md). A tiny teacher reads
// two novels several times, and is pruned to less than half of its parameters. Then the same number of
// tokens, a small part of what the teacher has read, goes into
//
//   - the student that activations chose, distilled from the teacher
//   - a student that was chosen at random, distilled
//   - the one that activations chose, trained on the text alone; and with so many tokens more that it takes as many FLOPs as with
//     the teacher
//   - a model of the same shape from nothing, on the text alone
//   - a student that was pruned and distilled in two rounds, half of the tokens in each
//
// from several seeds, each with a teacher of its own. With the first seed the teacher's epochs are chosen, the learning rate of each
// kind of student, and whether distilled students learn from the text as well. Writes a page with all of it.
//
//   node recipes/experiments/pruned-students.ts [--quick] [--out DIR]
//
// What is in --out is kept: the same command goes on where it was cut off.
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { spreadOf, writeFileAtomic } from 'tsumugi/base';
import { parameterTable, preset } from 'tsumugi/lm';
import { defineRecipe, given, type RecipeStage, type ReportStage, runRecipe } from 'tsumugi/recipe';
import { codeCommit } from 'tsumugi/run';
import { data, distill, pretrain, prune, tokenizer } from 'tsumugi/stages';
import { embeddedText } from 'tsumugi/text';
import { numThreads, torchVersion } from 'tsumugi/torch';
import { modelFlops } from 'tsumugi/train';
import { z } from 'zod';
import { experimentOptions } from './options.ts';

const { values: options } = experimentOptions(import.meta.url, {
  options: {
    quick: { type: 'boolean', default: false }, // seconds, to see that it works; its numbers say nothing
    out: { type: 'string', default: 'runs/pruned-students' },
  },
});
const { quick, out } = options;

// --- settings -----------------------------------------------------------------------------------------------------

const seeds = quick ? [0] : [0, 1, 2];
const vocabularySize = quick ? 420 : 1024;
const epochsTried = quick ? [0.02, 0.03] : [4, 8];
const teacherRate = 1e-2;
const steps = quick ? 2 : 64;
const rows = quick ? { sequenceLength: 48, batchSize: 2 } : { sequenceLength: 128, batchSize: 8 };
const texts = quick ? embeddedText().slice(1) : embeddedText();
const teacherShape = {
  hidden_size: 64,
  intermediate_size: 192,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_size_per_head: 16,
  mamba_num_heads: 4,
  mamba_d_state: 16,
};
/** Less than half of the parameters; two thirds on the way there. */
const target = { hidden_size: 40, intermediate_size: 80 };
const halfway = { hidden_size: 52, intermediate_size: 136 };

const shapeOf = (changes: object) => preset('mini', { ...teacherShape, vocab_size: vocabularySize, ...changes });
const flopsOf = (changes: object) => modelFlops(shapeOf(changes), { ...rows, activationCheckpointing: false });
/** Steps without the teacher that take what the steps with its forward take. */
const longerSteps = Math.round(steps * (1 + flopsOf({}) / 3 / flopsOf(target)));

/** What a step is made of. */
const mixes = {
  teacher: { logitWeight: 1, languageWeight: 0 },
  both: { logitWeight: 0.5, languageWeight: 0.5 },
  text: { logitWeight: 0, languageWeight: 1 },
};
type Mix = keyof typeof mixes;
const rates = quick ? [1e-3] : [1e-3, 3e-3, 1e-2, 3e-2];
/** Kinds of student, and the learning rates that are tried for each. */
const arms = {
  activations: { name: 'chosen by activations, distilled', rates },
  random: { name: 'chosen at random, distilled', rates },
  alone: { name: 'chosen by activations, the text alone', rates },
  longer: { name: 'chosen by activations, the text alone, equal FLOPs', rates },
  scratch: { name: 'from nothing, the text alone', rates: quick ? [1e-3, 1e-2] : [1e-2, 3e-2, 1e-1, 3e-1, 1, 3] },
  rounds: { name: 'two rounds, distilled', rates },
};
type Arm = keyof typeof arms;
const armNames = Object.keys(arms) as Arm[];

const saved = { ...rows, evaluateEvery: 0, checkpointEvery: 0, keepLast: 1 };
const warmup = 0.1; // of a student's steps
/** Every held-out token is measured, as pre-training does at its end. */
const evaluateTokens = 10_000_000;
const calibration = { sequences: quick ? 2 : 64, sequenceLength: 128 };
const heldOutFraction = quick ? 0.01 : 0.05;

// --- stages -------------------------------------------------------------------------------------------------------

/** Every stage that was asked for so far, in the order in which they are made. */
const stages = new Map<string, RecipeStage>();
const made = new Map<string, ReportStage>();

function once<S extends RecipeStage>(stage: S): S {
  if (!stages.has(stage.name)) stages.set(stage.name, stage);
  return stages.get(stage.name) as S;
}

/** Makes what was asked for and is not there yet. */
async function make(): Promise<void> {
  const recipe = defineRecipe({
    name: 'pruned-students',
    summary: 'what importance, a teacher and rounds are worth when a model is pruned',
    config: z.strictObject({}),
    stages: () => [...stages.values()],
  });
  const { interrupted, report } = await runRecipe(recipe, {}, { out, stream: process.stderr });
  if (interrupted) process.exit(130);
  for (const stage of report.stages) made.set(stage.name, stage);
}

const named = (...words: (string | number)[]) => words.join('-').replaceAll('.', '-');
const text = given('text', texts);
const pieces = once(tokenizer.stage('tokenizer', { vocabularySize }, { text }));
const shards = once(data.stage('data', { heldOutFraction }, { text, tokenizer: pieces }));

function teacherOf(epochs: number, seed: number) {
  const settings = { ...saved, seed, epochs, learningRate: teacherRate, modelChanges: teacherShape };
  return once(pretrain.stage(named('teacher', epochs, seed), settings, { data: shards, tokenizer: pieces }));
}
type Model = ReturnType<typeof teacherOf>;

function prunedBy(importance: 'activation' | 'random', name: string, model: Model, to: typeof target, seed: number) {
  return once(prune.stage(name, { ...to, ...calibration, importance, seed }, { model, text }));
}

/** A student with what it was trained with. */
interface Trial {
  readonly arm: Arm;
  readonly mix: Mix;
  readonly rate: number;
  readonly seed: number;
}

/** The last stage of a student. */
function studentOf({ arm, mix, rate, seed }: Trial, teacher: Model): Model {
  const name = named(arm, mix, rate, seed);
  const settings = { ...saved, learningRate: rate, warmup, seed };
  if (arm === 'scratch') {
    const modelChanges = { ...teacherShape, ...target };
    return once(pretrain.stage(name, { ...settings, steps, modelChanges }, { data: shards, tokenizer: pieces }));
  }
  const teach = (of: string, model: Model, changes: { steps: number; seed: number }) =>
    once(
      distill.stage(
        of,
        { ...settings, ...mixes[mix], evaluateTokens, ...changes },
        { teacher, model, data: shards, logits: [] },
      ),
    );
  if (arm === 'rounds') {
    const first = prunedBy('activation', `pruned-halfway-${seed}`, teacher, halfway, seed);
    const between = teach(`first-${name}`, first, { steps: steps / 2, seed });
    const second = prunedBy('activation', `pruned-again-${name}`, between, target, seed);
    return teach(name, second, { steps: steps / 2, seed: seed + 1000 }); // another order, so that it is other text
  }
  const importance = arm === 'random' ? 'random' : 'activation';
  return teach(name, prunedBy(importance, `pruned-${importance}-${seed}`, teacher, target, seed), {
    steps: arm === 'longer' ? longerSteps : steps,
    seed,
  });
}

// --- runs ---------------------------------------------------------------------------------------------------------

const metricOf = (stage: RecipeStage, metric: string): number | null =>
  made.get(stage.name)!.metrics.find(({ name }) => name === metric)?.value ?? null;
const bits = 'held-out bits per character';
const lossOf = (stage: RecipeStage) => metricOf(stage, bits) ?? Number.POSITIVE_INFINITY;
const least = <T>(of: readonly T[], value: (each: T) => number) => of.reduce((a, b) => (value(b) < value(a) ? b : a));

const first = seeds[0]!;
for (const epochs of epochsTried) teacherOf(epochs, first);
await make();
const epochsTaken = least(epochsTried, (epochs) => lossOf(teacherOf(epochs, first)));
const student = (trial: Trial) => studentOf(trial, teacherOf(epochsTaken, trial.seed));

/** A kind of student with the first seed and every rate. */
async function tune(arm: Arm, mix: Mix) {
  const tried = arms[arm].rates.map((rate): Trial => ({ arm, mix, rate, seed: first }));
  for (const trial of tried) student(trial);
  await make();
  return { arm, mix, tried, best: least(tried, (trial) => lossOf(student(trial))) };
}
const tuned = [
  await tune('activations', 'teacher'),
  await tune('random', 'teacher'),
  await tune('activations', 'both'),
  await tune('random', 'both'),
];
/** The same for all distilled students: the better one for both ways to choose. */
const mixTaken = least(['teacher', 'both'] as const, (mix) =>
  tuned.filter((each) => each.mix === mix).reduce((sum, { best }) => sum + lossOf(student(best)), 0),
);
tuned.push(
  await tune('alone', 'text'),
  await tune('longer', 'text'),
  await tune('scratch', 'text'),
  await tune('rounds', mixTaken),
);

/** A kind of student as it was best with the first seed, with each seed. */
function takenOf(arm: Arm): Trial[] {
  const { best } = tuned.find((each) => each.arm === arm && (each.mix === mixTaken || each.mix === 'text'))!;
  return seeds.map((seed) => ({ ...best, seed }));
}
for (const arm of armNames) for (const trial of takenOf(arm)) student(trial);
await make();

// --- tables -------------------------------------------------------------------------------------------------------

const over = (metric: string, arm: Arm) => takenOf(arm).map((trial) => metricOf(student(trial), metric));

/** Mean over the seeds (least – greatest). */
function shown(values: readonly (number | null)[]): string {
  const { mean, ...range } = spreadOf(values);
  if (mean === null) return '–';
  return `${mean.toFixed(3)} (${range.least!.toFixed(3)} – ${range.greatest!.toFixed(3)})`;
}

/** An arm minus another one: the mean, and each seed. */
function difference(arm: Arm, from: Arm): string {
  const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
  const before = over(bits, from);
  const each = over(bits, arm).map((value, i) => (value ?? Number.NaN) - (before[i] ?? Number.NaN));
  return `${signed(each.reduce((sum, value) => sum + value / each.length, 0))} (${each.map(signed).join(', ')})`;
}

const table = (head: string[], body: string[][]) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');

const parametersOf = (changes: object) =>
  parameterTable(shapeOf(changes))
    .reduce((sum, { parameters }) => sum + parameters, 0)
    .toLocaleString('en');
const minutes = [...made.values()].reduce((sum, { seconds }) => sum + (seconds ?? 0), 0) / 60;
const teachers = seeds.map((seed) => teacherOf(epochsTaken, seed));
const tokensRead = (metricOf(teachers[0]!, 'tokens learned from') ?? 0).toLocaleString('en');
const tokensOf = (count: number) => (count * rows.sequenceLength * rows.batchSize).toLocaleString('en');
const allRates = [...new Set(armNames.flatMap((arm) => arms[arm].rates))].sort((a, b) => a - b);

const page = `# Pruned students

\`node recipes/experiments/pruned-students.ts${quick ? ' --quick' : ''}\`, commit ${codeCommit() ?? 'unknown'}, ${new Date().toISOString().slice(0, 10)}: ${minutes.toFixed(1)} minutes of stages by the clock.
Hardware: ${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown CPU'}, threads: ${numThreads()}; Node ${process.versions.node}, libtorch ${torchVersion()}.

Text: ${quick ? 'one embedded novel' : 'the embedded novels'}, ${vocabularySize} pieces, rows of ${rows.sequenceLength} tokens, ${rows.batchSize} a step. Teacher: ${parametersOf({})} parameters, ${epochsTaken} epochs, ${tokensRead} tokens. Students: ${parametersOf(target)}
parameters (hidden ${target.hidden_size} of ${teacherShape.hidden_size}, FFN ${target.intermediate_size} of ${teacherShape.intermediate_size}), ${tokensOf(steps)} tokens each (${tokensOf(longerSteps)} with equal FLOPs); between two rounds ${parametersOf(halfway)} parameters. Distilled students
learn from: ${mixTaken}. Forward KL at T = 1 over all tokens; a cosine in each run, after a warm-up over ${100 * warmup} % of a student's steps. Calibration: the first
${calibration.sequences} sequences of the text. Seeds ${seeds.join(', ')}: weights of the teacher, order of the text, what is drawn at random.

Means over the seeds (least – greatest); every held-out token is measured. The teacher's bits per character: ${shown(teachers.map(lossOf))}.

${table(
  ['student', 'rate', 'bits per character', 'minus the first (each seed)', 'KL to the teacher, nats'],
  armNames.map((arm) => [
    arms[arm].name,
    String(takenOf(arm)[0]!.rate),
    shown(over(bits, arm)),
    arm === 'activations' ? '' : difference(arm, 'activations'),
    shown(over('KL to the teacher', arm)),
  ]),
)}

Just pruned: ${shown(over(`${bits} before`, 'activations'))} bits per character by activations, ${shown(over(`${bits} before`, 'random'))} at random.

## What was tried with seed ${first}

Bits per character. The teacher: ${epochsTried.map((epochs) => `${lossOf(teacherOf(epochs, first)).toFixed(3)} after ${epochs} epochs`).join(', ')}.

${table(
  ['student', 'learns from', ...allRates.map(String)],
  tuned.map(({ arm, mix, tried }) => [
    arms[arm].name,
    mix,
    ...allRates.map((rate) => {
      const trial = tried.find((each) => each.rate === rate);
      return trial ? lossOf(student(trial)).toFixed(3) : '';
    }),
  ]),
)}
`;
writeFileAtomic(join(out, 'pruned-students.md'), page);
process.stdout.write(`${page}\nwritten: ${join(out, 'pruned-students.md')}\n`);
