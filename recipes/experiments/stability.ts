// What QK-norm and the z-loss do to training as the learning rate rises, the two means of stability that PLaMo-100B's
// report names (arXiv 2410.07563; docs/stability.md): one tiny model, four variants, a ladder of learning rates up to
// where the plain model diverges, several seeds; after Wortsman et al. 2023 (arXiv 2309.14322). Writes a page with tables
// and a picture.
//
//   node recipes/experiments/stability.ts [--quick] [--hybrid] [--out DIR]
//
// Everything about the runs is our choice: of PLaMo-100B neither shape nor settings are published.
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { deriveSeed, RandomStream, writeFileAtomic } from 'tsumugi/base';
import { type Axis, beside, lineChart, type Picture, type Point, svgFile } from 'tsumugi/draw';
import { initialWeights, logitNorms, Plamo2, parameterTable, preset } from 'tsumugi/lm';
import { parameters } from 'tsumugi/nn';
import { AdamW, clipScale, gradNorm, warmUpCosine } from 'tsumugi/optim';
import { backward, noGrad, numThreads, scope, torchVersion } from 'tsumugi/torch';
import { readNovels } from './novels.ts';
import { experimentOptions } from './options.ts';

const { values: options } = experimentOptions(import.meta.url, {
  options: {
    quick: { type: 'boolean', default: false }, // seconds, to see that it works; its numbers say nothing
    hybrid: { type: 'boolean', default: false }, // Mamba and attention by turns instead of attention alone
    out: { type: 'string', default: 'runs/stability' },
  },
});
const { quick, hybrid } = options;

// --- settings -----------------------------------------------------------------------------------------------------

const zLoss = 1e-4; // PaLM's coefficient
const variants = [
  { name: 'plain', qkNorm: false, zLoss: 0 },
  { name: 'QK-norm', qkNorm: true, zLoss: 0 },
  { name: 'z-loss', qkNorm: false, zLoss },
  { name: 'both', qkNorm: true, zLoss },
];
const learningRates = quick ? [0.01, 10] : [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
/** Of the z-loss, with QK-norm, at one rate of the ladder; the first two are in the ladder's runs. */
const coefficients = { learningRate: quick ? 0.01 : 0.1, zLoss: [0, zLoss, 1e-3, 1e-2] };
const seeds = quick ? [0] : [0, 1, 2];
const training = {
  steps: quick ? 6 : 120,
  warmUp: quick ? 1 : 12,
  batchSize: 16,
  sequenceLength: 128,
  betas: [0.9, 0.95] as const,
  weightDecay: 0, // decay is learning rate × coefficient: it would be another thing that rises along the ladder
  clipNorm: 1,
  floor: 0.1, // of the peak, at the end of the cosine
};
const vocabularySize = quick ? 600 : 1024;
const shape = {
  mamba_enabled: hybrid,
  hidden_size: 64,
  intermediate_size: 176,
  num_hidden_layers: hybrid ? 4 : 2, // two attention layers either way
  hidden_size_per_head: 16,
  mamba_num_heads: 8,
  mamba_d_state: 32,
  vocab_size: vocabularySize,
};

// --- text ---------------------------------------------------------------------------------------------------------

const { ids, learned, heldOut, batchAt } = await readNovels(vocabularySize, training.sequenceLength, quick ? 1 : 2);
const probe = heldOut.slice(0, 8);

/** Nats per held-out token of a model that knows nothing but how frequent each token is (counts plus one). */
function unigramLoss(): number {
  const counts = new Float64Array(vocabularySize).fill(1);
  for (const id of ids.subarray(0, learned)) counts[Number(id)]!++;
  const targets = heldOut.flatMap((start) => [...ids.subarray(start + 1, start + 1 + training.sequenceLength)]);
  const total = learned + vocabularySize;
  return targets.reduce((sum, id) => sum - Math.log(counts[Number(id)]! / total), 0) / targets.length;
}
const unigram = unigramLoss();

// --- one run ------------------------------------------------------------------------------------------------------

interface Run {
  learningRate: number;
  variant: { name: string; qkNorm: boolean; zLoss: number };
  seed: number;
  /** The step whose loss or gradient was no longer finite: training stops there, as `tsumugi pretrain` does. */
  stopped: number | undefined;
  /** Held-out nats per token at the end. Everything measured is ∞ after such a stop. */
  loss: number;
  /** √mean (log Z)² and √mean logit² of the probe rows, and the largest attention logit of all layers, at the end. */
  logZ: number;
  logits: number;
  attention: number;
  /** The largest before clipping, after the warm-up. */
  gradNorm: number;
}

function train(variant: Run['variant'], learningRate: number, seed: number): Run {
  const config = preset('dense', { ...shape, qk_norm: variant.qkNorm });
  using model = new Plamo2(config, initialWeights(deriveSeed(seed, 'weights')));
  using optimizer = new AdamW(model, { betas: training.betas, weightDecay: training.weightDecay });
  const { steps, warmUp, floor } = training;
  const schedule = warmUpCosine({ steps, warmUp, floor });
  const random = new RandomStream(deriveSeed(seed, 'rows'));
  const weights = parameters(model);
  const run = { learningRate, variant, seed, stopped: undefined };
  let largest = 0;
  for (let step = 0; step < training.steps; step++) {
    optimizer.zeroGrad();
    const starts = Array.from({ length: training.batchSize }, () => random.below(learned - training.sequenceLength));
    const loss = scope(() => {
      const parts = model.loss(batchAt(starts), { zLoss: variant.zLoss });
      backward(parts.loss);
      return parts.loss.item();
    });
    const norm = gradNorm(weights);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
      const nothing = Number.POSITIVE_INFINITY;
      return {
        ...run,
        stopped: step,
        loss: nothing,
        logZ: nothing,
        logits: nothing,
        attention: nothing,
        gradNorm: nothing,
      };
    }
    if (step >= training.warmUp) largest = Math.max(largest, norm);
    optimizer.step(learningRate * schedule(step), { gradScale: clipScale(norm, training.clipNorm) });
  }
  return scope(() =>
    noGrad(() => {
      const { logits, logZ, attention } = logitNorms(model, batchAt(probe).ids);
      const loss = model.loss(batchAt(heldOut)).crossEntropy.item();
      return {
        ...run,
        loss,
        logZ,
        logits,
        attention: Math.max(...attention.map((each) => each.largest)),
        gradNorm: largest,
      };
    }),
  );
}

/** Whether a run stopped, or ended worse than giving every token the same probability. */
const diverged = (run: Run) => !(run.loss <= Math.log(vocabularySize));

// --- all runs -----------------------------------------------------------------------------------------------------

const began = performance.now();
const plan = [
  ...learningRates.flatMap((rate) => variants.map((variant) => ({ rate, variant }))),
  ...coefficients.zLoss.slice(2).map((c) => ({
    rate: coefficients.learningRate,
    variant: { name: `both, ${c}`, qkNorm: true, zLoss: c },
  })),
].flatMap((each) => seeds.map((seed) => ({ ...each, seed })));
const runs: Run[] = [];
for (const { variant, rate, seed } of plan) {
  const run = train(variant, rate, seed);
  runs.push(run);
  const end = run.stopped === undefined ? `loss ${run.loss.toFixed(3)}` : `stopped at step ${run.stopped}`;
  process.stderr.write(`${runs.length}/${plan.length}: rate ${rate}, ${variant.name}, seed ${seed}: ${end}\n`);
}
const minutes = (performance.now() - began) / 60_000;

// --- tables and picture -------------------------------------------------------------------------------------------

type Metric = 'loss' | 'logZ' | 'logits' | 'attention' | 'gradNorm';

const runsOf = (name: string, rate: number) =>
  runs.filter((run) => run.variant.name === name && run.learningRate === rate);

/** Median, least and greatest over the seeds; a run that stopped counts as ∞. */
function spread(found: readonly Run[], metric: Metric): { median: number; low: number; high: number } {
  const sorted = found.map((run) => (Number.isNaN(run[metric]) ? Number.POSITIVE_INFINITY : run[metric]));
  sorted.sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)]!, low: sorted[0]!, high: sorted.at(-1)! };
}

function shown(value: number): string {
  if (!Number.isFinite(value)) return '∞';
  if (value >= 1e5) return value.toExponential(1).replace('+', '');
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

const table = (head: string[], rows: string[][]) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** Rows are learning rates, columns the variants. */
const ladder = (cell: (found: Run[]) => string) =>
  table(
    ['learning rate', ...variants.map(({ name }) => name)],
    learningRates.map((rate) => [String(rate), ...variants.map(({ name }) => cell(runsOf(name, rate)))]),
  );

const medians = (metric: Metric) => ladder((found) => shown(spread(found, metric).median));

function lossCell(found: Run[]): string {
  const { median, low, high } = spread(found, 'loss');
  const lost = found.filter(diverged).length;
  return `${shown(median)} (${shown(low)}–${shown(high)})${lost > 0 ? `, ${lost} of ${found.length} diverged` : ''}`;
}

const coefficientTable = table(
  ['coefficient', 'held-out loss', '√mean (log Z)²', '√mean logit²'],
  coefficients.zLoss.map((c) => {
    const found = runs.filter(
      ({ variant, learningRate }) =>
        variant.qkNorm && variant.zLoss === c && learningRate === coefficients.learningRate,
    );
    const norms = (['logZ', 'logits'] as const).map((metric) => shown(spread(found, metric).median));
    return [String(c), lossCell(found), ...norms];
  }),
);

function chart(metric: Metric, title: string, y: Axis): Picture {
  const points = (name: string): Point[] =>
    learningRates.map((rate) => {
      const { median, low, high } = spread(runsOf(name, rate), metric);
      return { x: rate, y: median, low, high };
    });
  const series = variants.map(({ name }) => ({ name, points: points(name) }));
  return lineChart({ title, x: { label: 'peak learning rate', log: true }, y, series });
}

const picture = beside(
  [
    chart('loss', 'Held-out loss at the end', { label: 'nats per token', max: 8 }),
    chart('attention', 'Largest attention logit at the end', { label: '|q·k| / √d', log: true }),
    chart('logZ', 'Log Z at the end', { label: '√mean (log Z)²', log: true }),
    chart('gradNorm', 'Largest gradient norm after the warm-up', { label: '2-norm before clipping', log: true }),
  ],
  2,
);

const git = (...words: string[]) => spawnSync('git', words, { encoding: 'utf8' }).stdout?.trim() ?? '';
const commit =
  (git('rev-parse', '--short', 'HEAD') || 'unknown') + (git('status', '--porcelain') ? ' with changes' : '');
const parameterCount = parameterTable(preset('dense', shape)).reduce((sum, row) => sum + row.parameters, 0);
const date = new Date().toISOString().slice(0, 10);
const name = `${date}-stability${hybrid ? '-hybrid' : ''}${quick ? '-quick' : ''}`;
const { steps, warmUp, batchSize, sequenceLength, betas, weightDecay, clipNorm, floor } = training;
const page = `# Stability: QK-norm and z-loss, ${date}

\`node recipes/experiments/stability.ts${quick ? ' --quick' : ''}${hybrid ? ' --hybrid' : ''}\`, commit ${commit}: ${runs.length} runs in ${minutes.toFixed(1)} minutes.
Hardware: ${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown CPU'}, threads: ${numThreads()}; Node ${process.versions.node}, libtorch ${torchVersion()}.

Model: ${hybrid ? 'Mamba and attention by turns' : 'attention alone'}, ${shape.num_hidden_layers} layers, width ${shape.hidden_size}, ${parameterCount.toLocaleString('en')} parameters with QK-norm; PLaMo 2's norms before
and after each part stay in every variant. Text: ${quick ? 'one embedded novel' : 'the embedded novels'}, ${vocabularySize} pieces, ${learned.toLocaleString('en')} tokens to learn from,
${(heldOut.length * sequenceLength).toLocaleString('en')} held out. Training: ${steps} steps of ${batchSize} × ${sequenceLength} tokens, AdamW ${betas.join(', ')}, weight decay ${weightDecay}, clipping at ${clipNorm}, ${warmUp} steps of
warm-up, cosine to ${floor} of the peak. Seeds ${seeds.join(', ')}: weights and order of the text. z-loss coefficient ${zLoss}.

Numbers are medians over the seeds. A run has *diverged* when loss or gradient stopped being finite (it is stopped there and
counts as ∞) or when it ended above ln ${vocabularySize} = ${Math.log(vocabularySize).toFixed(2)} nats, the loss of giving every token the same probability. For
comparison: knowing nothing but the tokens' frequencies gives ${unigram.toFixed(2)} nats.

![Four charts against the learning rate](${name}.svg)

Bars in the picture reach from the least to the greatest seed; a cross on the upper edge is a median beyond it.

## Held-out loss, nats per token (least–greatest)

${ladder(lossCell)}

## Largest attention logit, |q·k|/√d

At the end, over the layers, heads and pairs of ${probe.length} held-out rows.

${medians('attention')}

## Logit norm

√mean (log Z)², what the z-loss pulls to 0, at the end on the same rows:

${medians('logZ')}

√mean logit²:

${medians('logits')}

## Largest gradient norm

After the warm-up, before clipping.

${medians('gradNorm')}

## The coefficient of the z-loss

With QK-norm, at a learning rate of ${coefficients.learningRate}.

${coefficientTable}
`;
writeFileAtomic(join(options.out, `${name}.svg`), svgFile(picture));
writeFileAtomic(join(options.out, `${name}.md`), page);
process.stdout.write(`${page}\nwritten: ${join(options.out, `${name}.md`)} and .svg\n`);
