// Rated answers to learn from: KTO. z₀ is of all mismatched answers of a step, which go through first, without gradient, each on one rank; so it
// is the same however the step is dealt out in micro-batches and over ranks. Which they are follows from (seed, step), so the reference is asked of all of them before
// the first step, and a run that goes on finds what it said in the cache.
import type { LanguageModel } from '../../lm/index.ts';
import { type Mesh, reduceNumbers } from '../../mesh/index.ts';
import { completed, layOut, type RatedExample } from '../../text/index.ts';
import { noGrad } from '../../torch/index.ts';
import type { DpoConfig } from '../dpo-config.ts';
import { answerLogprobs } from './answer-logprobs.ts';
import { inBatches, type RowsOptions } from './item-steps.ts';
import type { OutcomeOptions, Work } from './outcome.ts';
import { openRated } from './preference-data.ts';
import type { Objective } from './preference-objective.ts';
import { type AskReference, type PreferenceSource, rowsOf } from './preference-source.ts';
import { ratedOutcome } from './rated-outcome.ts';
import { type Mismatched, Mismatches, type RatedBatch, RatedSteps, ratedBatches } from './rated-steps.ts';
import type { Answer } from './reference-logprobs.ts';

/** @param seed of the order of the answers */
export async function ratedSource(config: DpoConfig, seed: number): Promise<PreferenceSource> {
  const data = await openRated(config);
  const { batchSize, gradientAccumulation, sequenceLength } = config;
  const rows = { ...rowsOf(config, data.tokenizer), batchSize };
  const steps = new RatedSteps(data.examples, { ...rows, gradientAccumulation, seed });
  const others = new Mismatches(data.heldOut, sequenceLength).of([...data.heldOut.keys()]);
  let known: { learned: KnownReference; heldOut: KnownReference } | undefined;
  return {
    what: 'answers',
    data,
    rows,
    steps,
    async prepare(ask, count) {
      const all = Array.from({ length: count }, (_, step) => steps.mismatchedAt(step)).flat();
      known = { learned: await askOf(data.examples, all, ask), heldOut: await askOf(data.heldOut, others, ask) };
    },
    workOf(model, step, options, mesh) {
      const answers = { examples: data.examples, batches: steps.at(step, mesh), mismatched: steps.mismatchedAt(step) };
      return ratedWork(model, { ...answers, known: known!.learned }, { config, rows, options, mesh });
    },
    heldOut(model, options, mesh) {
      const answers = { examples: data.heldOut, batches: ratedBatches(data.heldOut, rows, mesh), mismatched: others };
      return ratedWork(model, { ...answers, known: known!.heldOut }, { config, rows, options, mesh });
    },
  };
}

interface Rated {
  examples: readonly RatedExample[];
  batches: Iterable<RatedBatch | undefined>;
  mismatched: readonly Mismatched[];
  known: KnownReference;
}

interface How {
  config: Objective;
  rows: RowsOptions & { batchSize: number };
  options: OutcomeOptions;
  mesh: Mesh;
}

function* ratedWork(
  model: LanguageModel,
  { examples, batches, mismatched, known }: Rated,
  { config, rows, options, mesh }: How,
): Generator<Work> {
  const own = new Array<number>(mismatched.length).fill(0);
  for (const some of inBatches(mismatched.length, rows.batchSize, mesh))
    yield () => {
      if (some.length === 0) return undefined;
      const chosen = some.map((i) => mismatched[i]!);
      const texts = chosen.map((each) => mixed(examples, each));
      const batch = layOut(
        texts.map(({ prompt, answer, source }) => completed(prompt, answer, source)),
        rows,
      );
      const { logprobs } = noGrad(() => answerLogprobs(model, batch, { dtype: options.dtype }));
      for (const [i, policy] of (logprobs.tolist() as number[]).entries())
        own[some[i]!] = policy - known.of(chosen[i]!);
      return undefined;
    };
  const ratios = reduceNumbers(mesh, own); // each is 0 but on one rank
  for (const batch of batches)
    yield () => {
      if (!batch) return undefined;
      const logprobs = batch.answers.map((answer) => known.own[answer]!);
      return ratedOutcome(model, batch, examples, { logprobs, mismatched: ratios }, config, options);
    };
}

/** What the reference says. */
interface KnownReference {
  /** Of each example. */
  own: Float64Array;
  of(mismatched: Mismatched): number;
}

const mixed = (examples: readonly RatedExample[], { prompt, answer }: Mismatched): Answer => ({
  prompt: examples[prompt]!.prompt,
  answer: examples[answer]!.completion,
  source: examples[answer]!.source,
});

async function askOf(
  examples: readonly RatedExample[],
  mismatched: readonly Mismatched[],
  ask: AskReference,
): Promise<KnownReference> {
  const own = await ask(examples.map(({ prompt, completion, source }) => ({ prompt, answer: completion, source })));
  const keyOf = ({ prompt, answer }: Mismatched) => prompt * examples.length + answer;
  const distinct = [...new Map(mismatched.map((each) => [keyOf(each), each])).values()];
  const places = new Map(distinct.map((each, place) => [keyOf(each), place]));
  const numbers = await ask(distinct.map((each) => mixed(examples, each)));
  return { own, of: (each) => numbers[places.get(keyOf(each))!]! };
}
