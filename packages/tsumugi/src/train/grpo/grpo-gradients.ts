// The gradients of an update from a rollout, a micro-batch of its answers at a time.
import { UserError } from '../../base/index.ts';
import type { LanguageModel } from '../../lm/index.ts';
import type { StepLoss } from '../../loop/index.ts';
import { backward, scope } from '../../torch/index.ts';
import { modelFlops } from '../flops.ts';
import type { GrpoConfig } from '../grpo-config.ts';
import { computeType, type WithinStep } from '../step-gradients.ts';
import type { TrainedPart } from '../trained-part.ts';
import { answerTokens } from './answer-tokens.ts';
import { tokenLosses, tokenWeights } from './grpo-loss.ts';
import type { PromptToLearn } from './prompt-data.ts';
import { answerBatches, perAnswer, perToken, type RowOptions } from './rollout-batches.ts';
import type { Rollout } from './rollout-state.ts';

/**
 * Nats by which the model may find a token of its own answers less or more likely when it is trained than it did when it sampled them,
 * the mean over all tokens. The paths differ by rounding, about 1e-6 in float32. Our choice.
 */
const mostGap = { float32: 0.01, bfloat16: 0.2 } as const;

/** @throws UserError when what is trained is not what sampled */
export function requireSameModel(gap: number, dtype: GrpoConfig['dtype']): void {
  if (gap <= mostGap[dtype]) return;
  throw new UserError(
    'sampling-mismatch',
    `the model that is trained finds its own answers otherwise than it did when it wrote them: by ${gap.toFixed(3)} nats a token on average`,
    {
      remedy:
        'Something acts in one of them only (dropout, a layer of your own): take it out. What is learned would be wrong.',
      fields: { gap, limit: mostGap[dtype] },
    },
  );
}

export function grpoGradients(
  model: LanguageModel,
  prompts: readonly PromptToLearn[],
  rollout: Rollout,
  config: GrpoConfig,
  rows: RowOptions,
  { onPart, part }: { onPart: ReturnType<NonNullable<WithinStep['onPart']>>; part: TrainedPart | undefined },
): StepLoss {
  const { activationCheckpointing, average, maxTokens } = config;
  const dtype = computeType(config.dtype);
  const { answers } = rollout;
  const weights = tokenWeights({ lengths: answers.map(({ ids }) => ids.length), average, maxTokens });
  const isFirst = answers[0]!.old === undefined;
  const sums = { loss: 0, entropy: 0, kl: 0, clipped: 0, gap: 0, tokens: 0, flops: 0, rowTokens: 0 };
  for (const batch of answerBatches(rollout, prompts, rows))
    scope(() => {
      const { logprobs, entropies, places } = answerTokens(model, batch, { dtype, activationCheckpointing, onPart });
      const of = (what: (position: number, token: number) => number) => perToken(batch, places, logprobs, what);
      const some = batch.answers;
      // The policy that sampled is this one, until it has been updated.
      const old = isFirst ? logprobs.detach() : of((i, t) => some[i]!.old![t]!);
      const reference = some[0]!.reference && of((i, t) => some[i]!.reference![t]!);
      const found = tokenLosses(
        logprobs,
        old,
        reference,
        of((i) => some[i]!.advantage),
        config,
      );
      const loss = found.losses.mul(of((i) => weights[batch.first + i]!)).sum();
      backward(loss);
      sums.loss += loss.item();
      sums.entropy += entropies.sum().item();
      sums.kl += found.kl?.detach().sum().item() ?? 0;
      sums.clipped += found.clipped.sum().item();
      sums.tokens += logprobs.numel();
      if (isFirst) {
        const sampled = of((i, t) => some[i]!.sampled[t]!);
        sums.gap += old.sub(sampled).abs().sum().item();
        const kept = perAnswer(batch, places, old);
        for (const [i, answer] of some.entries()) answer.old = kept[i]!;
      }
      const { rows: B, columns: T, predicted } = batch.batch;
      const shape = { sequenceLength: T, batchSize: B, predicted: predicted / B, activationCheckpointing };
      sums.flops += modelFlops(model.config, shape, part);
      sums.rowTokens += B * T;
    });
  if (isFirst) requireSameModel(sums.gap / sums.tokens, config.dtype);
  const { reference } = answers[0]!;
  return {
    loss: sums.loss,
    tokens: sums.rowTokens,
    flops: sums.flops,
    metrics: {
      ...rollout.metrics,
      entropy: sums.entropy / sums.tokens,
      ...(reference && { kl: sums.kl / sums.tokens }),
      clipped: sums.clipped / sums.tokens,
      ...(isFirst && { samplingGap: sums.gap / sums.tokens }),
    },
  };
}
