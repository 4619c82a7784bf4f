// A reward model: what it gives an answer is the score.
import { loadRewardModel, type RewardModel } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import { parseDevice } from '../../torch/index.ts';
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

export interface OpenRewardScorer extends Disposable {
  readonly scorer: Scorer;
}

/** The reward model in a folder. @throws DataError for one that is none, or changes while it is read */
export async function openRewardScorer(
  folder: string,
  { device, dtype }: { device?: string | undefined; dtype?: 'float32' | 'bfloat16' | undefined } = {},
): Promise<OpenRewardScorer> {
  const files = await new Artefact(folder).hashed();
  const model = loadRewardModel(folder, {
    ...(device !== undefined && { device: parseDevice(device) }),
    ...(dtype !== undefined && { dtype }),
  });
  try {
    files.requireUnchanged();
  } catch (error) {
    model[Symbol.dispose]();
    throw error;
  }
  return {
    scorer: rewardScorer(model, folder, files.hash),
    [Symbol.dispose]: () => model[Symbol.dispose](),
  };
}
