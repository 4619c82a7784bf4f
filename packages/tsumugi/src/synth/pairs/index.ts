// Preference pairs out of a model's own answers.
export type { AnsweredPrompt, KeptAnswer } from './answer-log.ts';
export { promptsPerGroup } from './answer-prompts.ts';
export { type AnswerCounts, reasons, type WithoutPair } from './gather-pairs.ts';
export { type MakePairsOptions, makePairs, type PairsPlan, type PairsResult, planPairs } from './make-pairs.ts';
export { promptsOf } from './open-scorer.ts';
export { type AnswerPair, type Candidate, pairAnswers } from './pair-answers.ts';
export { checkPairsSettings, type PairsConfig, type PairsInput, pairsConfig } from './pairs-config.ts';
export { promptsToAnswer } from './prompts-to-answer.ts';
