// What answers are worth.
export { checkScore } from './check-score.ts';
export { type JudgeOptions, judgementPrompt, judgeScorer } from './judge.ts';
export { type OpenRewardScorer, openRewardScorer, rewardScorer } from './reward.ts';
export { lastNumber, type RuleName, ruleNames, ruleScorer } from './rule.ts';
export { referencesOf, type ScoredRow, type ScoreItem, type Scorer } from './scorer.ts';
export { type TaskPrompts, taskPrompts } from './task.ts';
