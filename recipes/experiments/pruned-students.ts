// What importance, a teacher and rounds are worth when a model is pruned (docs/pruning.md, docs/distillation.md): a tiny teacher of
// two novels is pruned to less than half of its parameters, and the same number of tokens goes into
//
//   - the student that activations chose, distilled from the teacher
//   - a student that was chosen at random, distilled
//   - the one that activations chose, trained on the text alone
//   - a model of the same shape from nothing, on the text alone
//   - a student that was pruned and distilled in two rounds, half of the tokens in each
//
// from several seeds, each with a teacher of its own. Writes a page with means and ranges.
//
//   node recipes/experiments/pruned-students.ts [--quick] [--out DIR]
//
// What is in --out is kept: the same command goes on where it was cut off.
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { spreadOf, writeFileAtomic } from 'tsumugi/base';
import { parameterTable, preset } from 'tsumugi/lm';
import { defineRecipe, given, type ReportStage, runRecipe } from 'tsumugi/recipe';
import { data, distill, pretrain, prune, tokenizer } from 'tsumugi/stages';
import { embeddedText } from 'tsumugi/text';
import { numThreads, torchVersion } from 'tsumugi/torch';
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
const steps = quick ? { teacher: 4, student: 2 } : { teacher: 200, student: 80 };
const rows = quick ? { sequenceLength: 48, batchSize: 2 } : { sequenceLength: 128, batchSize: 8 };
const texts = quick ? embeddedText().slice(1) : embeddedText();
const teacherShape = {
  hidden_size: 96,
  intermediate_size: 288,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_size_per_head: 16,
  mamba_num_heads: 6,
  mamba_d_state: 16,
};
/** Less than half of the parameters; two thirds on the way there. */
const target = { hidden_size: 64, intermediate_size: 128 };
const halfway = { hidden_size: 80, intermediate_size: 200 };

const shared = { ...rows, evaluateEvery: 0, checkpointEvery: 0, keepLast: 1 };
/** Every held-out token is measured, as pre-training does at its end. */
const taught = { ...shared, evaluateTokens: 10_000_000 };
const calibration = { sequences: quick ? 2 : 64, sequenceLength: 128 };
const heldOutFraction = quick ? 0.01 : 0.02;

// --- runs ---------------------------------------------------------------------------------------------------------

const arms = {
  activations: 'chosen by activations, distilled',
  random: 'chosen at random, distilled',
  alone: 'chosen by activations, the text alone',
  scratch: 'from nothing, the text alone',
  rounds: 'two rounds, distilled',
} as const;
type Arm = keyof typeof arms;

const recipe = defineRecipe({
  name: 'pruned-students',
  summary: 'what importance, a teacher and rounds are worth when a model is pruned',
  config: z.strictObject({}),
  stages() {
    const text = given('text', texts);
    const pieces = tokenizer.stage('tokenizer', { vocabularySize }, { text });
    const shards = data.stage('data', { heldOutFraction }, { text, tokenizer: pieces });
    const runs = seeds.flatMap((seed) => {
      const named = (name: string) => `${name}-${seed}`;
      const learned = { data: shards, tokenizer: pieces };
      const student = { ...taught, seed, steps: steps.student };
      const teacher = pretrain.stage(
        named('teacher'),
        { ...shared, seed, steps: steps.teacher, modelChanges: teacherShape },
        learned,
      );
      const shrink = (name: string, model: typeof teacher, to: typeof target, importance: 'activation' | 'random') =>
        prune.stage(named(name), { ...to, ...calibration, importance, seed }, { model, text });
      const teach = (name: string, model: typeof teacher, settings: object = {}) =>
        distill.stage(named(name), { ...student, ...settings }, { teacher, model, data: shards, logits: [] });
      const chosen = shrink('pruned', teacher, target, 'activation');
      const drawn = shrink('drawn', teacher, target, 'random');
      const first = shrink('first-pruned', teacher, halfway, 'activation');
      const half = { steps: steps.student / 2 };
      const between = teach('first-round', first, half);
      const second = shrink('second-pruned', between, target, 'activation');
      return [
        ...[teacher, chosen, drawn, first, between, second],
        teach('activations', chosen),
        teach('random', drawn),
        teach('alone', chosen, { logitWeight: 0, languageWeight: 1 }),
        pretrain.stage(
          named('scratch'),
          { ...shared, seed, steps: steps.student, modelChanges: { ...teacherShape, ...target } },
          learned,
        ),
        teach('rounds', second, half),
      ];
    });
    return [pieces, shards, ...runs];
  },
});

const { interrupted, report } = await runRecipe(recipe, {}, { out, stream: process.stderr });
if (interrupted) process.exit(130);

// --- table --------------------------------------------------------------------------------------------------------

const stageOf = (name: string): ReportStage => report.stages.find((stage) => stage.name === name)!;
const metricOf = (name: string, metric: string): number | null =>
  stageOf(name).metrics.find((each) => each.name === metric)?.value ?? null;
const bits = 'held-out bits per character';
const kl = 'KL to the teacher';
const over = (metric: string, arm: string) => seeds.map((seed) => metricOf(`${arm}-${seed}`, metric));

/** Mean over the seeds (least – greatest). */
function shown(values: readonly (number | null)[], digits = 3): string {
  const { mean, least, greatest } = spreadOf(values);
  if (mean === null) return '–';
  return `${mean.toFixed(digits)} (${least!.toFixed(digits)} – ${greatest!.toFixed(digits)})`;
}

/** Seed by seed: an arm minus the first one. */
const against = (metric: string, arm: Arm): string => {
  const first = over(metric, 'activations');
  return shown(over(metric, arm).map((value, i) => (value === null ? null : value - first[i]!)));
};

const table = (head: string[], body: string[][]) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');

const parametersOf = (changes: object) =>
  parameterTable(preset('mini', { ...teacherShape, vocab_size: vocabularySize, ...changes }))
    .reduce((sum, { parameters }) => sum + parameters, 0)
    .toLocaleString('en');
const git = (...words: string[]) => spawnSync('git', words, { encoding: 'utf8' }).stdout?.trim() ?? '';
const commit =
  (git('rev-parse', '--short', 'HEAD') || 'unknown') + (git('status', '--porcelain') ? ' with changes' : '');
const seconds = report.stages.reduce((sum, stage) => sum + (stage.seconds ?? 0), 0);
const tokensOf = (count: number) => (count * rows.sequenceLength * rows.batchSize).toLocaleString('en');

const page = `# Pruned students

\`node recipes/experiments/pruned-students.ts${quick ? ' --quick' : ''}\`, commit ${commit}, ${new Date().toISOString().slice(0, 10)}: ${(seconds / 60).toFixed(1)} minutes of stages.
Hardware: ${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown CPU'}, threads: ${numThreads()}; Node ${process.versions.node}, libtorch ${torchVersion()}.

Text: ${quick ? 'one embedded novel' : 'the embedded novels'}, ${vocabularySize} pieces, rows of ${rows.sequenceLength} tokens, ${rows.batchSize} a step. Teacher: ${parametersOf({})} parameters, ${tokensOf(steps.teacher)} tokens. Students: ${parametersOf(target)}
parameters (hidden ${target.hidden_size} of ${teacherShape.hidden_size}, FFN ${target.intermediate_size} of ${teacherShape.intermediate_size}), ${tokensOf(steps.student)} tokens each; between two rounds ${parametersOf(halfway)} parameters. Learning rates are the defaults: 3e-3 from nothing,
6e-4 for students, a cosine in each run. Forward KL at T = 1 over all tokens.
Calibration: the first ${calibration.sequences} sequences of the text. Seeds ${seeds.join(', ')}: weights of the teacher, order of the text, what is drawn at random.

Means over the seeds (least – greatest); every held-out token is measured. The teacher's bits per character: ${shown(over(bits, 'teacher'))}.

${table(
  ['student', 'bits per character', 'minus the first, seed by seed', 'KL to the teacher, nats'],
  (Object.keys(arms) as Arm[]).map((arm) => [
    arms[arm],
    shown(over(bits, arm)),
    arm === 'activations' ? '' : against(bits, arm),
    shown(over(kl, arm)),
  ]),
)}

Just pruned: ${shown(over(`${bits} before`, 'activations'))} bits per character by activations, ${shown(over(`${bits} before`, 'random'))} at random.
`;
writeFileAtomic(join(out, 'pruned-students.md'), page);
process.stdout.write(`${page}\nwritten: ${join(out, 'pruned-students.md')}\n`);
