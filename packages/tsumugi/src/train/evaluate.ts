// Held-out measurement: bits per character, which does not depend on the tokenizer.
import type { Batch, LanguageModel } from '../lm/index.ts';
import type { Measured } from '../loop/index.ts';
import { type Mesh, reduceNumbers, solo } from '../mesh/index.ts';
import { bitsPerCharacter, EvaluationBatches, type TokenShards } from '../text/index.ts';
import { type DType, noGrad, scope, type Tensor } from '../torch/index.ts';
import { toTensors } from './batches.ts';
import { gathersWeights } from './exchange-over.ts';

export interface Evaluation {
  bitsPerCharacter: number;
  /** Mean −ln p of a predicted token. */
  crossEntropy: number;
  perplexity: number;
  predicted: number;
  characters: number;
}

export interface EvaluationSettings {
  sequenceLength: number;
  batchSize: number;
  /** Of each source, the first documents that hold this many tokens. Default: all. */
  maxTokens?: number | undefined;
  dtype?: DType | undefined;
  /** Called between batches: where the measurement can be stopped, by an exception. */
  pause?: (() => Promise<void>) | undefined;
  /** The cross-entropy of a batch, as a sum; the model's own when left out. */
  lossOf?: ((batch: Batch) => { crossEntropy: Tensor }) | undefined;
  /** Ranks that share the batches. */
  mesh?: Mesh | undefined;
}

/** Measures the model on the held-out documents of one folder of shards, or of several together. */
export async function evaluateHeldOut(
  model: LanguageModel,
  sources: TokenShards | readonly TokenShards[],
  { dtype, maxTokens, pause, lossOf, mesh = solo, ...packing }: EvaluationSettings,
): Promise<Evaluation> {
  const own = (batch: Batch) => model.loss(batch, { reduction: 'sum', dtype });
  const sumOf = lossOf ?? own;
  let [nats, predicted, characters] = [0, 0, 0];
  for (const shards of [sources].flat() as TokenShards[]) {
    const { rank, world } = mesh;
    const options = { ...packing, rank, world, ...(maxTokens !== undefined && { maxTokens }) };
    const batches = new EvaluationBatches(shards, options);
    // The first rank has as many batches as any: all come to as many pauses.
    const most = new EvaluationBatches(shards, { ...options, rank: 0 }).length;
    for (let left = most - batches.length; left > 0; left--) {
      await pause?.();
      if (!gathersWeights(model)) continue;
      // It counts for nothing: whoever gave a loss need not know of it.
      const [batch] = new EvaluationBatches(shards, { ...options, rank: 0 });
      scope(() => noGrad(() => void own(toTensors(batch!, model.parameterDevice))));
    }
    for (const batch of batches) {
      await pause?.();
      scope(() =>
        noGrad(() => {
          nats += sumOf(toTensors(batch, model.parameterDevice)).crossEntropy.item();
        }),
      );
    }
    predicted += batches.predicted;
    characters += batches.characters;
  }
  [nats = 0] = reduceNumbers(mesh, [nats]);
  const crossEntropy = nats / predicted;
  return {
    bitsPerCharacter: bitsPerCharacter(nats, characters),
    crossEntropy,
    perplexity: Math.exp(crossEntropy),
    predicted,
    characters,
  };
}

/**
 * An evaluation for the log and the terminal.
 *
 * @param name what was measured on
 * @param when the step it was measured after, or a moment in words
 */
export function measuredOf(found: Evaluation, name: string, when: number | string): Measured {
  const { bitsPerCharacter, crossEntropy } = found;
  const metrics = { bitsPerCharacter, crossEntropy };
  const texts = Object.entries(metrics).map(([metric, value]) => `${metric} ${value.toFixed(3)}`);
  const moment = typeof when === 'number' ? `step ${when}` : when;
  return { name, metrics, score: bitsPerCharacter, shown: `${moment}: ${name} ${texts.join(', ')}` };
}
