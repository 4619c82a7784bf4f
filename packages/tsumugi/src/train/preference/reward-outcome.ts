// A micro-batch of pairs through a reward model: its loss, and what is told of it.
import { type Plamo2WithReward, placeDropout, rewardsAt } from '../../lm/index.ts';
import type { ExampleBatch, PreferenceExample } from '../../text/index.ts';
import { type Tensor, tensor } from '../../torch/index.ts';
import { toTensors } from '../batches.ts';
import type { Outcome, OutcomeOptions, Part } from './outcome.ts';
import type { PairBatch } from './preference-steps.ts';
import { rewardLoss } from './reward-loss.ts';

/** Where the last token of each text lies, in the order of the texts. */
function endsOf({ columns, placed }: ExampleBatch): number[] {
  const ends: number[] = [];
  for (const { example, position, row, column } of placed)
    ends[position] = row * columns + column + example.ids.length - 1;
  return ends;
}

/** @param all pairs, among which those of a batch are named */
export function rewardOutcome(
  model: Plamo2WithReward,
  all: readonly PreferenceExample[],
  { batch, pairs }: PairBatch,
  centering: number,
  options: OutcomeOptions,
): Outcome {
  placeDropout(model, batch);
  const { ids, documents } = toTensors(batch, model.parameterDevice);
  const rewards = rewardsAt(model, model.forward(ids, { ...options, documents }), endsOf(batch));
  const N = pairs.length;
  const [chosen, rejected] = [rewards.narrow(0, 0, N), rewards.narrow(0, N, N)];
  const margins = pairs.map((pair) => all[pair]!.margin ?? 0);
  const losses = rewardLoss(chosen, rejected, {
    centering,
    reduction: 'none',
    ...(margins.some((margin) => margin > 0) && {
      margins: tensor(margins, { dtype: rewards.dtype, device: rewards.device }),
    }),
  });
  const mean = (values: Tensor): Part => [values.detach().sum().item(), N];
  return {
    loss: losses.sum(),
    count: N,
    parts: () => ({
      accuracy: mean(chosen.detach().gt(rejected.detach())),
      chosenReward: mean(chosen),
      rejectedReward: mean(rejected),
    }),
  };
}
