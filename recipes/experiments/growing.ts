// What growing saves: a small model is trained, made larger and trained on. Beside it stand models of the larger shape from
// nothing, with as many tokens, and with as many floating-point operations as the small and the grown model took together.
// A tiny hybrid of Mamba and attention on the embedded novels, deeper and wider, each with the best of several learning
// rates, several seeds. Runs that are finished are kept in DIR, so that a run that was cut off goes on. Writes a page.
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
  ...{ hidden_size: 64, intermediate_size: 176, num_hidden_layers: 2, hidden_size_per_head: 16 },
  ...{ num_attention_heads: 4, num_key_value_heads: 2, mamba_num_heads: 8, mamba_d_state: 32 },
  vocab_size: vocabularySize,
});
const targets = {
  deeper: { num_hidden_layers: 6 },
  wider: {
    hidden_size: 128,
    intermediate_size: 352,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    mamba_num_heads: 16,
  },
} as const;
type Kind = keyof typeof targets;
const kinds = Object.keys(targets) as Kind[];
const largeShape = (kind: Kind): Plamo2Config => ({ ...small, ...targets[kind] });

const rates = quick ? [0.01] : [0.003, 0.01, 0.03];
const smallRate = 0.01;
const seeds = quick ? [0] : [0, 1, 2];
const smallSteps = quick ? 6 : 200;
const largeSteps = quick ? 3 : 100;
const training = { batchSize: 8, sequenceLength: 128, betas: [0.9, 0.95] as const, weightDecay: 0.1, clipNorm: 1 };
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
  readonly what: string;
  readonly seed: number;
  readonly rate: number;
  readonly steps: number;
  /** Held-out loss before the first step and after the last. */
  readonly before: number;
  readonly after: number;
}

/** A run that was not done yet is done; `make` gives its model. */
async function run(
  what: string,
  seed: number,
  rate: number,
  steps: number,
  make: () => Plamo2 | Promise<Plamo2>,
  keep?: string,
): Promise<Run> {
  const settings = JSON.stringify({ small, targets, training, smallSteps, smallRate, steps });
  const file = join(out, `${what}-${rate}-${seed}.json`.replaceAll(' ', '-'));
  const kept = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { settings: string; run: Run })
    : undefined;
  if (kept?.settings === settings && (keep === undefined || existsSync(keep))) return kept.run;
  using model = await make();
  const before = lossOf(model);
  train(model, steps, rate, deriveSeed(seed, what));
  const done: Run = { what, seed, rate, steps, before, after: lossOf(model) };
  if (keep !== undefined) saveModel(keep, model);
  writeFileAtomic(file, JSON.stringify({ settings, run: done }));
  process.stderr.write(`${what}, rate ${rate}, seed ${seed}: ${before.toFixed(3)} → ${done.after.toFixed(3)}\n`);
  return done;
}

// --- all runs -----------------------------------------------------------------------------------------------------

mkdirSync(out, { recursive: true });
const cpu = () => process.cpuUsage().user + process.cpuUsage().system;
const began = cpu();
const smallFlops = smallSteps * modelFlops(small, stepShape);
const smallRuns: Run[] = [];
const runs: Run[] = [];
/** Steps of the larger shape that take what the small and the grown model take together. */
const equalSteps = (kind: Kind) => largeSteps + Math.round(smallFlops / modelFlops(largeShape(kind), stepShape));

for (const seed of seeds) {
  const folder = join(out, `small-${seed}`);
  const fresh = (config: Plamo2Config) => new Plamo2(config, initialWeights(deriveSeed(seed, 'weights')));
  smallRuns.push(await run('small', seed, smallRate, smallSteps, () => fresh(small), folder));
  for (const kind of kinds) {
    const grown = join(out, `${kind}-${seed}`);
    for (const rate of rates) {
      runs.push(
        await run(`${kind} grown`, seed, rate, largeSteps, async () => {
          await grow(folder, grown, { ...targets[kind], seed });
          return loadModel(grown);
        }),
        await run(`${kind} scratch`, seed, rate, largeSteps, () => fresh(largeShape(kind))),
        await run(`${kind} scratch longer`, seed, rate, equalSteps(kind), () => fresh(largeShape(kind))),
      );
    }
  }
}
const minutes = (cpu() - began) / 60e6;

// --- tables -------------------------------------------------------------------------------------------------------

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const spread = (values: readonly number[]) =>
  `${mean(values).toFixed(3)} (${Math.min(...values).toFixed(3)}–${Math.max(...values).toFixed(3)})`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const at = (what: string, rate: number) => runs.filter((each) => each.what === what && each.rate === rate);
const losses = (what: string, rate: number) => at(what, rate).map(({ after }) => after);
const bestRate = (what: string) => rates.reduce((a, b) => (mean(losses(what, b)) < mean(losses(what, a)) ? b : a));
const best = (what: string) => losses(what, bestRate(what));

function tableOf(kind: Kind): string {
  const flops = modelFlops(largeShape(kind), stepShape);
  const grown = best(`${kind} grown`);
  return table(
    ['model', 'tokens', 'own FLOPs', 'with the small one', 'best rate', 'held-out loss', 'less the grown one'],
    [
      ['grown', largeSteps, smallFlops],
      ['scratch', largeSteps, 0],
      ['scratch longer', equalSteps(kind), 0],
    ].map(([arm, steps, before]) => {
      const what = `${kind} ${arm}`;
      const own = (steps as number) * flops;
      const tera = (value: number) => `${(value / 1e12).toFixed(2)} T`;
      return [
        arm === 'grown' ? arm : `from ${arm}`,
        tokensOf(steps as number).toLocaleString('en'),
        tera(own),
        tera(own + (before as number)),
        String(bestRate(what)),
        spread(best(what)),
        arm === 'grown' ? '–' : spread(best(what).map((loss, i) => loss - grown[i]!)),
      ];
    }),
  );
}

const rateTable = table(
  ['model', ...rates.map(String)],
  kinds.flatMap((kind) =>
    ['grown', 'scratch', 'scratch longer'].map((arm) => [
      `${kind} ${arm}`,
      ...rates.map((rate) => spread(losses(`${kind} ${arm}`, rate))),
    ]),
  ),
);
const count = (config: Plamo2Config) =>
  parameterTable(config)
    .reduce((sum, row) => sum + row.parameters, 0)
    .toLocaleString('en');
const after = (kind: Kind) => spread(at(`${kind} grown`, rates[0]!).map(({ before }) => before));

const date = new Date().toISOString().slice(0, 10);
const name = `${date}-growing${quick ? '-quick' : ''}`;
const { batchSize, sequenceLength, betas, weightDecay, clipNorm } = training;
const page = `# Growing against training from nothing, ${date}

\`node recipes/experiments/growing.ts${quick ? ' --quick' : ''}\`, commit ${codeCommit() ?? 'unknown'}: ${runs.length + smallRuns.length} runs, ${minutes.toFixed(1)} minutes of the processor for those that
were not there yet. Hardware: ${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown CPU'}, threads: ${numThreads()}; Node ${process.versions.node}, libtorch ${torchVersion()}.

Model: Mamba and attention by turns, ${small.num_hidden_layers} layers, width ${small.hidden_size}, ${count(small)} parameters; deeper: ${JSON.stringify(targets.deeper)}, ${count(largeShape('deeper'))};
wider: ${JSON.stringify(targets.wider)}, ${count(largeShape('wider'))}. Text: ${quick ? 'one embedded novel' : 'the embedded novels'}, ${vocabularySize} pieces,
${learned.toLocaleString('en')} tokens to learn from, ${(heldOut.length * sequenceLength).toLocaleString('en')} held out. Training: steps of ${batchSize} × ${sequenceLength} tokens, AdamW ${betas.join(', ')}, weight decay ${weightDecay},
clipping at ${clipNorm}, warm-up over ${100 * warmUpShare} % of the steps, cosine to ${floor} of the peak. Seeds ${seeds.join(', ')}: weights, order of the text, noise of growing.
FLOPs: three times the forward (Chowdhery et al. 2022). Losses are nats per held-out token: the mean over the seeds (least–greatest).

The small model: ${smallSteps} steps (${tokensOf(smallSteps).toLocaleString('en')} tokens, ${(smallFlops / 1e12).toFixed(2)} TFLOPs) at a learning rate of ${smallRate}, then ${spread(smallRuns.map((each) => each.after))}.
Grown, before any step: ${after('deeper')} deeper, ${after('wider')} wider.

## Deeper

${tableOf('deeper')}

## Wider

${tableOf('wider')}

The last column is the difference of the same seed: above 0, the grown model is better.

## Learning rates

${rateTable}
`;
writeFileAtomic(join(out, `${name}.md`), page);
process.stdout.write(`${page}\nwritten: ${join(out, `${name}.md`)}\n`);
