// What growing saves: a small model is trained, made larger and trained on. Beside it stand models of the larger shape from
// nothing, with as many tokens, and with as many floating-point operations as the small and the grown model took together; and
// the small one, trained from nothing with as many.
// A tiny hybrid of Mamba and attention on the embedded novels, deeper and wider, several seeds; each kind of model with the
// learning rate that is best for it with the first seed. Runs that are finished are kept in DIR, so that an experiment that was
// cut off goes on. Writes a page.
//
//   node recipes/experiments/growing.ts [--quick] [--out DIR]
//
// Everything about the runs is our choice: what Preferred Networks did to reuse weights is not published.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { deriveSeed, RandomStream, writeFileAtomic } from 'tsumugi/base';
import { grow } from 'tsumugi/compress';
import { initialWeights, loadModel, Plamo2, type Plamo2Config, parameterTable, preset, saveModel } from 'tsumugi/lm';
import { parameters } from 'tsumugi/nn';
import { AdamW, clipScale, gradNorm, warmUpCosine } from 'tsumugi/optim';
import { codeCommit } from 'tsumugi/run';
import { backward, noGrad, numThreads, scope, torchVersion } from 'tsumugi/torch';
import { modelFlops } from 'tsumugi/train';
import { readNovels } from './novels.ts';
import { experimentOptions } from './options.ts';

const { values: options } = experimentOptions(import.meta.url, {
  options: {
    quick: { type: 'boolean', default: false }, // seconds, to see that it works; its numbers say nothing
    out: { type: 'string', default: 'runs/growing' },
  },
});
const { quick, out } = options;

// --- settings -----------------------------------------------------------------------------------------------------

const vocabularySize = quick ? 600 : 1024;
const small = preset('mini', {
  ...{ hidden_size: 32, intermediate_size: 88, num_hidden_layers: 2, hidden_size_per_head: 16 },
  ...{ num_attention_heads: 2, num_key_value_heads: 1, mamba_num_heads: 4, mamba_d_state: 16 },
  vocab_size: vocabularySize,
});
const targets = {
  deeper: { num_hidden_layers: 6 },
  wider: {
    hidden_size: 64,
    intermediate_size: 176,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    mamba_num_heads: 8,
  },
} as const;
type Kind = keyof typeof targets;
const kinds = Object.keys(targets) as Kind[];
const largeShape = (kind: Kind): Plamo2Config => ({ ...small, ...targets[kind] });

const rates = quick ? [0.01] : [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2];
const seeds = quick ? [0] : [0, 1, 2];
const smallSteps = quick ? 6 : 150;
const largeSteps = quick ? 3 : 60;
const training = { batchSize: 4, sequenceLength: 128, betas: [0.9, 0.95] as const, weightDecay: 0.1, clipNorm: 1 };
const warmUpShare = 0.1;
const floor = 0.1; // of the peak, at the end of the cosine
const stepShape = { ...training, activationCheckpointing: false };
const tokensOf = (steps: number) => steps * training.batchSize * training.sequenceLength;

const { learned, heldOut, batchAt } = await readNovels(vocabularySize, training.sequenceLength, quick ? 1 : 2);

// --- one run ------------------------------------------------------------------------------------------------------

/** Held-out nats per token. */
const lossOf = (model: Plamo2) => scope(() => noGrad(() => model.loss(batchAt(heldOut)).crossEntropy.item()));

function train(model: Plamo2, steps: number, learningRate: number, seed: number): void {
  using optimizer = new AdamW(model, { betas: training.betas, weightDecay: training.weightDecay });
  const schedule = warmUpCosine({ steps, warmUp: Math.ceil(warmUpShare * steps), floor });
  const random = new RandomStream(seed);
  const weights = parameters(model);
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad();
    const starts = Array.from({ length: training.batchSize }, () => random.below(learned - training.sequenceLength));
    scope(() => backward(model.loss(batchAt(starts)).loss));
    optimizer.step(learningRate * schedule(step), { gradScale: clipScale(gradNorm(weights), training.clipNorm) });
  }
}

interface Run {
  readonly seed: number;
  readonly rate: number;
  /** Held-out loss before the first step and after the last. */
  readonly before: number;
  readonly after: number;
}

/** A kind of model, with the best of the learning rates. */
interface Arm {
  readonly config: Plamo2Config;
  readonly steps: number;
  readonly rate: number;
  /** One of each seed, with that rate. */
  readonly runs: readonly Run[];
  /** With the first seed, of every rate. */
  readonly tried: readonly Run[];
}

/** What a run begins from, and the folder that its model is kept in. */
interface Start {
  readonly config: Plamo2Config;
  /** The rate of the small model that it is grown from. */
  readonly smallRate?: number;
  make(seed: number): Plamo2 | Promise<Plamo2>;
  keep?(seed: number, rate: number): string;
}

/** A run that was not done yet is done. */
async function run(
  what: string,
  steps: number,
  { smallRate, make, keep }: Start,
  seed: number,
  rate: number,
): Promise<Run> {
  const settings = JSON.stringify({ small, targets, training, smallSteps, smallRate, steps });
  const file = join(out, `${what}-${rate}-${seed}.json`.replaceAll(' ', '-'));
  const folder = keep?.(seed, rate);
  if (existsSync(file) && (folder === undefined || existsSync(folder))) {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as { settings: string; done: Run };
    if (kept.settings === settings) return kept.done;
  }
  using model = await make(seed);
  const before = lossOf(model);
  train(model, steps, rate, deriveSeed(seed, what));
  const done: Run = { seed, rate, before, after: lossOf(model) };
  if (folder !== undefined) saveModel(folder, model);
  writeFileAtomic(file, JSON.stringify({ settings, done }));
  process.stderr.write(`${what}, rate ${rate}, seed ${seed}: ${before.toFixed(3)} → ${done.after.toFixed(3)}\n`);
  return done;
}

async function arm(what: string, steps: number, start: Start): Promise<Arm> {
  const [first, ...others] = seeds as [number, ...number[]];
  const tried: Run[] = [];
  for (const rate of rates) tried.push(await run(what, steps, start, first, rate));
  const best = tried.reduce((a, b) => (b.after < a.after ? b : a));
  const runs = [best];
  for (const seed of others) runs.push(await run(what, steps, start, seed, best.rate));
  return { config: start.config, steps, rate: best.rate, runs, tried };
}

// --- all runs -----------------------------------------------------------------------------------------------------

mkdirSync(out, { recursive: true });
const cpu = () => process.cpuUsage().user + process.cpuUsage().system;
const began = cpu();
const smallFlops = smallSteps * modelFlops(small, stepShape);
/** Steps of a shape that take what the small and the grown model take together. */
function equalSteps(kind: Kind, config: Plamo2Config): number {
  const both = smallFlops + largeSteps * modelFlops(largeShape(kind), stepShape);
  return Math.round(both / modelFlops(config, stepShape));
}

const fresh = (config: Plamo2Config): Start => ({
  config,
  make: (seed) => new Plamo2(config, initialWeights(deriveSeed(seed, 'weights'))),
});
const smallFolder = (seed: number, rate: number) => join(out, `small-${rate}-${seed}`);
const smallArm = await arm('small', smallSteps, { ...fresh(small), keep: smallFolder });
const grown = (kind: Kind): Start => ({
  config: largeShape(kind),
  smallRate: smallArm.rate,
  async make(seed) {
    const folder = join(out, `${kind}-${seed}`);
    await grow(smallFolder(seed, smallArm.rate), folder, { ...targets[kind], seed });
    return loadModel(folder);
  },
});
const arms = { deeper: [] as Arm[], wider: [] as Arm[] };
const armNames = ['grown', 'from scratch', 'from scratch longer', 'the small one, longer'];
for (const kind of kinds) {
  arms[kind].push(
    await arm(`${kind} grown`, largeSteps, grown(kind)),
    await arm(`${kind} scratch`, largeSteps, fresh(largeShape(kind))),
    await arm(`${kind} scratch longer`, equalSteps(kind, largeShape(kind)), fresh(largeShape(kind))),
    await arm(`${kind} small longer`, equalSteps(kind, small), fresh(small)),
  );
}
const minutes = (cpu() - began) / 60e6;

// --- tables -------------------------------------------------------------------------------------------------------

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const spread = (values: readonly number[]) =>
  `${mean(values).toFixed(3)} (${Math.min(...values).toFixed(3)}–${Math.max(...values).toFixed(3)})`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const losses = ({ runs }: Arm) => runs.map(({ after }) => after);
const giga = (value: number) => `${(value / 1e9).toFixed(1)} G`;

function tableOf(kind: Kind): string {
  const [first] = arms[kind];
  return table(
    ['model', 'tokens', 'own FLOPs', 'with the small one', 'rate', 'held-out loss', 'less the grown one'],
    arms[kind].map((each, i) => {
      const own = each.steps * modelFlops(each.config, stepShape);
      return [
        armNames[i]!,
        tokensOf(each.steps).toLocaleString('en'),
        giga(own),
        giga(own + (i === 0 ? smallFlops : 0)),
        String(each.rate),
        spread(losses(each)),
        i === 0 ? '–' : spread(losses(each).map((loss, seed) => loss - losses(first!)[seed]!)),
      ];
    }),
  );
}

const ratesOf = (name: string, { tried }: Arm) => [name, ...tried.map(({ after }) => after.toFixed(3))];
const rateTable = table(
  ['model', ...rates.map(String)],
  [
    ratesOf('small', smallArm),
    ...kinds.flatMap((kind) => arms[kind].map((each, i) => ratesOf(`${kind}, ${armNames[i]}`, each))),
  ],
);
const count = (config: Plamo2Config) =>
  parameterTable(config)
    .reduce((sum, row) => sum + row.parameters, 0)
    .toLocaleString('en');
const atFirst = (kind: Kind) => spread(arms[kind][0]!.runs.map(({ before }) => before));

const date = new Date().toISOString().slice(0, 10);
const name = `${date}-growing${quick ? '-quick' : ''}`;
const { batchSize, sequenceLength, betas, weightDecay, clipNorm } = training;
const page = `# Growing against training from nothing, ${date}

\`node recipes/experiments/growing.ts${quick ? ' --quick' : ''}\`, commit ${codeCommit() ?? 'unknown'}: ${minutes.toFixed(1)} minutes of the processor for runs that were not there yet. Hardware: ${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown CPU'}, threads: ${numThreads()}; Node ${process.versions.node}, libtorch ${torchVersion()}.

Model: Mamba and attention by turns, ${small.num_hidden_layers} layers, width ${small.hidden_size}, ${count(small)} parameters; deeper: ${JSON.stringify(targets.deeper)}, ${count(largeShape('deeper'))};
wider: ${JSON.stringify(targets.wider)}, ${count(largeShape('wider'))}. Text: ${quick ? 'one embedded novel' : 'the embedded novels'}, ${vocabularySize} pieces,
${learned.toLocaleString('en')} tokens to learn from, ${(heldOut.length * sequenceLength).toLocaleString('en')} held out. Training: steps of ${batchSize} × ${sequenceLength} tokens, AdamW ${betas.join(', ')}, weight decay ${weightDecay},
clipping at ${clipNorm}, warm-up over ${100 * warmUpShare} % of the steps, cosine to ${floor} of the peak. Seeds ${seeds.join(', ')}: weights, order of the text, noise of growing.
FLOPs: three times the forward (Chowdhery et al. 2022). Losses are nats per held-out token: the mean over the seeds (least–greatest).

The small model: ${smallSteps} steps (${tokensOf(smallSteps).toLocaleString('en')} tokens, ${(smallFlops / 1e9).toFixed(1)} GFLOPs) at a learning rate of ${smallArm.rate}: ${spread(losses(smallArm))}.
Grown, before any step: ${atFirst('deeper')} deeper, ${atFirst('wider')} wider.

## Deeper

${tableOf('deeper')}

## Wider

${tableOf('wider')}

The last column is the difference of the same seed: above 0, the grown model is better.

## Learning rates

With the first seed; the best of each row is what the tables above have.

${rateTable}
`;
writeFileAtomic(join(out, `${name}.md`), page);
process.stdout.write(`${page}\nwritten: ${join(out, `${name}.md`)}\n`);
