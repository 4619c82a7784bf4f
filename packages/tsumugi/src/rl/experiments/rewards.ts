// Rewards that are no numbers, whatever gave them: a wrapper, say. A mean over them would be none either.
import { UserError } from '../../base/index.ts';

/** @param step of the episode @throws UserError `bad-reward` */
export function requireReward(reward: number, environment: number, step: number): void {
  if (Number.isFinite(reward)) return;
  throw new UserError(
    'bad-reward',
    `environment ${environment} gave ${String(reward)} as the reward of step ${step} of an episode`,
    { remedy: 'Look for a division by 0 or a logarithm in the environment and its wrappers.' },
  );
}
