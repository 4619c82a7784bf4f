// A reward model: what it gives an answer is the score.
import type { RewardModel } from '../../lm/index.ts';
import type { Scorer } from './scorer.ts';

/** @param hash of the model's content */
export function rewardScorer(model: RewardModel, name: string, hash: string): Scorer {
  return {
    name: `reward model ${name}`,
    hash: `reward ${hash}`,
    async score(items) {
      return model.scores(items.map(({ prompt, answer }) => ({ prompt, answer })));
    },
  };
}
