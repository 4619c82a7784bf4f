// From a window to full attention, on a small model that looks numbers up in a phone book (docs/extend.md): a hybrid of
// Mamba and attention with a window of 64 tokens learns to look up, is extended to 4,096 tokens, and is asked for numbers
// that stood 16 to 4,096 tokens ago. A second model gets the same further training but keeps its window. Writes a page with
// a table and a picture.
//
//   node recipes/experiments/long-lookup.ts [--quick] [--out DIR]
//
// Everything about the runs is our choice: Preferred Networks has published no such experiment in numbers.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { deriveSeed, RandomStream, writeFileAtomic } from 'tsumugi/base';
import { lineChart, svgFile } from 'tsumugi/draw';
import { loadModel, loadTokenizer, type Plamo2, parameterTable, preset } from 'tsumugi/lm';
import { openCorpus, openTokenizer, prepare, type Tokenizer, writeTokenizer } from 'tsumugi/text';
import { noGrad, numThreads, scope, tensor, torchVersion } from 'tsumugi/torch';
import { extend, extendConfig, pretrain, pretrainConfig } from 'tsumugi/train';
import { experimentOptions } from './options.ts';
import { digits, page, phoneBookPieces, questionsAt } from './phone-book.ts';

const { values: options } = experimentOptions(import.meta.url, {
  options: {
    quick: { type: 'boolean', default: false }, // seconds, to see that it works; its numbers say nothing
    out: { type: 'string', default: 'docs/results' },
  },
});
const { quick } = options;

// --- settings -----------------------------------------------------------------------------------------------------

const seeds = quick ? [0] : [0, 1, 2];
const distances = quick ? [16, 64, 256] : [16, 32, 64, 96, 128, 256, 512, 1024, 2048, 4096];
/** Numbers asked for at each distance, by seed. */
const questions = quick ? 16 : 128;
const shape = {
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 4,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  hidden_size_per_head: 32,
  mamba_num_heads: 2,
  mamba_d_state: 8,
  attention_window_size: 64,
  rope_theta: 1e4,
};
const shortPages = [12, 24, 48, 96];
const longPage = quick ? 256 : 4096;
const base = { steps: quick ? 4 : 1000, sequenceLength: 96, batchSize: 12, learningRate: 3e-3 };
const phases = quick
  ? [{ sequenceLength: 256, steps: 2, batchSize: 1 }]
  : [
      { sequenceLength: 256, steps: 80, batchSize: 8 },
      { sequenceLength: 1024, steps: 80, batchSize: 2 },
      { sequenceLength: 4096, steps: 200, batchSize: 1 },
    ];
/** A plateau, so that the last phase, the longest rows, is not left with a small rate. */
const further = { learningRate: 1e-3, schedule: 'wsd' as const };
const mix = { long: 3, short: 1 };
interface Variant {
  name: string;
  /** Which model it begins with. */
  from: 'hybrid' | 'mamba';
  /** What changes in it before it is trained on; not trained on when left out. */
  change?: { layers: 'all' | []; ropeTheta?: number };
}
const variants: Variant[] = [
  { name: 'Mamba', from: 'mamba' },
  { name: 'window', from: 'hybrid' },
  { name: 'control', from: 'hybrid', change: { layers: [] } },
  { name: 'full, 1e4', from: 'hybrid', change: { layers: 'all', ropeTheta: 1e4 } },
  { name: 'full, 1e6', from: 'hybrid', change: { layers: 'all', ropeTheta: 1e6 } },
];

// --- data ---------------------------------------------------------------------------------------------------------

/** Token shards of pages of these lengths by turns, `tokens` in all or a little more. */
async function makeShards(folder: string, name: string, lengths: readonly number[], tokens: number, seed: number) {
  const random = new RandomStream(deriveSeed(seed, name));
  const lines: string[] = [];
  for (let made = 0; made < tokens; made += lengths[lines.length % lengths.length]!)
    lines.push(JSON.stringify({ text: page(random, lengths[lines.length % lengths.length]!) }));
  writeFileSync(join(folder, `${name}.jsonl`), `${lines.join('\n')}\n`);
  const { tokenizer, sha256 } = openTokenizer(join(folder, 'tokenizer'));
  const corpus = openCorpus([join(folder, `${name}.jsonl`)]);
  await prepare(corpus, join(folder, name), { encoder: tokenizer, tokenizerHash: sha256, seed, heldOutFraction: 0.02 });
  return join(folder, name);
}

// --- asking -------------------------------------------------------------------------------------------------------

/** The share of names, all last mentioned `distance` tokens ago, after which the right number is the most probable token. */
function accuracy(model: Plamo2, tokenizer: Tokenizer, distance: number): number {
  const random = new RandomStream(deriveSeed(1, 'questions', distance));
  let [right, all] = [0, 0];
  while (all < questions) {
    const { text, places } = questionsAt(random, distance);
    const ids = tokenizer.encode(text, { addBos: true });
    right += scope(() =>
      noGrad(() => {
        const hidden = model.forward(tensor(Int32Array.from(ids), { shape: [1, ids.length], dtype: 'int64' }));
        const answers = places.map((place) => model.logits(hidden.select(1, place)).argmax().item());
        return answers.filter((answer, i) => answer === ids[places[i]! + 1]).length;
      }),
    );
    all += places.length;
  }
  return right / all;
}

function askAll(folder: string): number[] {
  using model = loadModel(folder);
  const tokenizer = loadTokenizer(folder, model.config);
  return distances.map((distance) => accuracy(model, tokenizer, distance));
}

// --- all runs -----------------------------------------------------------------------------------------------------

const silent = { write: () => true };
const began = performance.now();
const minutes = () => (performance.now() - began) / 60_000;
const percent = (share: number) => String(Math.round(100 * share));
const work = mkdtempSync(join(tmpdir(), 'tsumugi-long-lookup-'));
/** By variant, then seed: the share of right answers at each distance. */
const results = variants.map((): number[][] => []);

/** Trains every variant with one seed, and asks it. */
async function runSeed(seed: number): Promise<void> {
  const folder = join(work, String(seed));
  const tokenizer = join(folder, 'tokenizer');
  writeTokenizer(tokenizer, phoneBookPieces());
  const tokensOf = ({ steps, batchSize, sequenceLength }: typeof base) => steps * batchSize * sequenceLength;
  const longTokens = phases.reduce((sum, phase) => sum + tokensOf({ ...base, ...phase }), 0);
  const short = await makeShards(folder, 'short', shortPages, tokensOf(base), seed);
  const long = await makeShards(folder, 'long', [longPage], Math.max(longTokens, 8 * longPage), seed);
  const common = { seed, evaluateEvery: 0, checkpointEvery: 0, keepLast: 1 };

  const begin = async (name: Variant['from'], changes: object) => {
    const settings = { ...common, ...base, data: short, tokenizer, out: join(folder, name) };
    return (
      await pretrain(pretrainConfig.parse({ ...settings, modelChanges: { ...shape, ...changes } }), { stream: silent })
    ).folder!;
  };
  // A query that sees one token before its own cannot look anything up: what is remembered, Mamba's state remembers.
  const begun = { hybrid: await begin('hybrid', {}), mamba: await begin('mamba', { attention_window_size: 1 }) };
  for (const [index, { name, from, change }] of variants.entries()) {
    let model = begun[from];
    if (change) {
      const data = [
        { data: long, weight: mix.long },
        { data: short, weight: mix.short },
      ];
      const settings = {
        ...common,
        ...change,
        model,
        out: join(folder, String(index)),
        mix: data,
        phases,
        ...further,
      };
      model = (await extend(extendConfig.parse({ ...settings, evaluateTokens: longPage }), { stream: silent })).folder!;
    }
    const shares = askAll(model);
    results[index]!.push(shares);
    const shown = shares.map((share, i) => `${distances[i]}: ${percent(share)}`).join(', ');
    process.stderr.write(`${minutes().toFixed(1)} min, seed ${seed}, ${name}: % right at ${shown}\n`);
  }
}

try {
  for (const seed of seeds) await runSeed(seed);
} finally {
  rmSync(work, { recursive: true, force: true });
}
const took = minutes();

// --- table and picture --------------------------------------------------------------------------------------------

/** Mean, least and greatest over the seeds. */
function spread(variant: number, place: number): { mean: number; low: number; high: number } {
  const found = results[variant]!.map((shares) => shares[place]!);
  const mean = found.reduce((sum, share) => sum + share, 0) / found.length;
  return { mean, low: Math.min(...found), high: Math.max(...found) };
}

const integer = (value: number) => value.toLocaleString('en');
const rows = distances.map((distance, place) => [
  integer(distance),
  ...variants.map((_, variant) => {
    const { mean, low, high } = spread(variant, place);
    return `${percent(mean)} (${percent(low)}–${percent(high)})`;
  }),
]);
const table = [['tokens ago', ...variants.map(({ name }) => name)], ['--:', ...variants.map(() => '--:')], ...rows]
  .map((row) => `| ${row.join(' | ')} |`)
  .join('\n');

const picture = lineChart({
  title: 'Numbers looked up, by how long ago they stood',
  x: { label: 'tokens ago', log: true },
  y: { label: 'right answers, %', max: 100 },
  series: variants.map(({ name }, variant) => ({
    name,
    points: distances.map((distance, place) => {
      const { mean, low, high } = spread(variant, place);
      return { x: distance, y: 100 * mean, low: 100 * low, high: 100 * high };
    }),
  })),
});

const git = (...words: string[]) => spawnSync('git', words, { encoding: 'utf8' }).stdout?.trim() ?? '';
const commit =
  (git('rev-parse', '--short', 'HEAD') || 'unknown') + (git('status', '--porcelain') ? ' with changes' : '');
const parameters = parameterTable(preset('mini', { ...shape, vocab_size: phoneBookPieces().length }));
const date = new Date().toISOString().slice(0, 10);
const name = `${date}-long-context${quick ? '-quick' : ''}`;
const { mamba_num_heads: m, hidden_size_per_head: P, mamba_d_state: N, attention_window_size: W } = shape;
const text = `# Looking up beyond the window, ${date}

\`node recipes/experiments/long-lookup.ts${quick ? ' --quick' : ''}\`, commit ${commit}: ${took.toFixed(1)} minutes.
Hardware: ${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown CPU'}, ${numThreads()} threads; Node ${process.versions.node}, libtorch ${torchVersion()}.
Seeds ${seeds.join(', ')}: pages, weights and batches.

A page of a phone book lists names, each of one token, with a number of one token; names come back with the number they have
on that page. Asked is for the number of a name that stood last so many tokens ago, ${questions} times for each distance and seed.
Guessing is right in ${percent(1 / digits.length)} of 100 cases. Pages to learn from end at ${integer(longPage)} tokens, so the last row asks for more than was ever trained.

Percent right, the mean over the seeds (least–greatest):

${table}

![The same as curves](${name}.svg)

* **window**: a hybrid of ${shape.num_hidden_layers} layers, Mamba and attention by turns, width ${shape.hidden_size}, ${integer(parameters.reduce((sum, row) => sum + row.parameters, 0))} parameters, window ${W}
  (${W + 1} keys with the query's own), RoPE base 1e4. \`tsumugi pretrain\`: ${integer(base.steps)} steps of ${base.batchSize} × ${base.sequenceLength} tokens, pages of ${shortPages.join(', ')} tokens,
  peak learning rate ${base.learningRate}.
* **Mamba**: the same model and training with a window of 1, so that attention can look nothing up. A Mamba layer
  holds ${m} × ${P} × ${N} = ${m * P * N} numbers between tokens.
* **control**: the window model after \`tsumugi extend\` with \`layers: []\`, so nothing changes but the training: ${phases.map((phase) => `${phase.steps} steps of ${phase.batchSize} × ${integer(phase.sequenceLength)}`).join(', ')} tokens,
  ${mix.long} parts pages of ${integer(longPage)} tokens to ${mix.short} part short ones, peak learning rate ${further.learningRate}, falling in the last fifth.
* **full**: the window model after the same training with both attention layers made full, RoPE base 1e4 as before or 1e6.

Shape, data and settings are our choice. Preferred Networks has published that PLaMo 2 was extended from Samba's window to full
attention and 32,768 tokens by continual pre-training, not its scores in look-up.
`;
writeFileAtomic(join(options.out, `${name}.svg`), svgFile(picture));
writeFileAtomic(join(options.out, `${name}.md`), text);
process.stdout.write(`${text}\nwritten: ${join(options.out, `${name}.md`)} and .svg\n`);
