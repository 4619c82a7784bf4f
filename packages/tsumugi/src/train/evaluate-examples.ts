// Held-out measurement of what a model answers: over the tokens that are to be learned, each example's by itself.
import type { Plamo2 } from '../lm/index.ts';
import type { Measured } from '../loop/index.ts';
import { type Mesh, reduceNumbers, solo } from '../mesh/index.ts';
import { crossEntropy } from '../nn/index.ts';
import { type Example, type ExampleLayout, layOut } from '../text/index.ts';
import { type DType, noGrad, scope } from '../torch/index.ts';
import { answersOf } from './answer-loss.ts';
import { toTensors } from './batches.ts';
import { gathersWeights } from './exchange-over.ts';

export interface ExampleEvaluation {
  /** Mean −ln p of an answer's token. */
  crossEntropy: number;
  perplexity: number;
  /** Share of the answers' tokens that were the likeliest ones. */
  accuracy: number;
  /** Tokens that were predicted. */
  predicted: number;
}

export interface ExampleEvaluationSettings {
  sequenceLength: number;
  /** Examples that go through at a time. */
  batchSize: number;
  layout: ExampleLayout;
  /** The first examples that have this many tokens, one at least. Default: all. */
  maxTokens?: number | undefined;
  dtype?: DType | undefined;
  /** Called between batches: where the measurement can be stopped, by an exception. */
  pause?: (() => Promise<void>) | undefined;
  /** Ranks that share the examples. */
  mesh?: Mesh | undefined;
}

/** Logits that exist at one time: 64 MB in f32. */
const logitsAtOnce = 2 ** 24;

export async function evaluateExamples(
  model: Plamo2,
  examples: readonly Example[],
  { sequenceLength, batchSize, layout, maxTokens, dtype, pause, mesh = solo }: ExampleEvaluationSettings,
): Promise<ExampleEvaluation> {
  const chosen = firstOf(examples, maxTokens);
  const chunk = Math.max(1, Math.floor(logitsAtOnce / model.config.vocab_size));
  let [nats, right, predicted] = [0, 0, 0];
  for (let turn = 0; turn < chosen.length; turn += batchSize * mesh.world) {
    await pause?.();
    const first = turn + batchSize * mesh.rank;
    const isOwn = first < chosen.length;
    if (!isOwn && !gathersWeights(model)) continue;
    const from = isOwn ? first : 0;
    const batch = layOut(chosen.slice(from, from + batchSize), { layout, sequenceLength });
    if (isOwn) predicted += batch.predicted;
    scope(() =>
      noGrad(() => {
        const { ids, documents } = toTensors(batch, model.parameterDevice);
        const hidden = model.forward(ids, { documents, dtype });
        if (!isOwn) return;
        const answers = answersOf(hidden, batch.targets, hidden.device);
        for (let from = 0; from < batch.predicted; from += chunk)
          scope(() => {
            const count = Math.min(chunk, batch.predicted - from);
            const logits = model.logits(answers.hidden.narrow(0, from, count));
            const targets = answers.targets.narrow(0, from, count);
            nats += crossEntropy(logits, targets, { reduction: 'sum' }).item();
            right += logits.argmax(-1).eq(targets).sum().item();
          });
      }),
    );
  }
  [nats = 0, right = 0, predicted = 0] = reduceNumbers(mesh, [nats, right, predicted]);
  const mean = nats / predicted;
  return { crossEntropy: mean, perplexity: Math.exp(mean), accuracy: right / predicted, predicted };
}

function firstOf(examples: readonly Example[], maxTokens = Number.POSITIVE_INFINITY): readonly Example[] {
  let [count, tokens] = [0, 0];
  for (const { ids } of examples) {
    tokens += ids.length;
    if (count > 0 && tokens > maxTokens) break;
    count++;
  }
  return examples.slice(0, count);
}

/** An evaluation for the log and the terminal. */
export function measuredExamples(found: ExampleEvaluation, when: number | string): Measured {
  const { crossEntropy, perplexity, accuracy } = found;
  const moment = typeof when === 'number' ? `step ${when}` : when;
  const share = `${(100 * accuracy).toFixed(1)} % of the tokens right`;
  return {
    name: 'held-out',
    metrics: { crossEntropy, perplexity, accuracy },
    score: crossEntropy,
    shown: `${moment}: held-out loss of an answer's token ${crossEntropy.toFixed(3)}, perplexity ${perplexity.toFixed(2)}, ${share}`,
  };
}
