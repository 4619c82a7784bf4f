// Reward models: a head beside a language model's own.
export { type LoadRewardOptions, saveRewardModel } from './folder.ts';
export {
  addRewardHead,
  initialRewardHead,
  type Plamo2WithReward,
  REWARD_HEAD,
  rewardsAt,
} from './head.ts';
export { loadRewardModel, type PromptAndAnswer, RewardModel, type RewardPrompt } from './reward-model.ts';
