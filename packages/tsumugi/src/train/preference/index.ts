// Losses over answers that people or rules prefer: one formula a file.
export { type DpoLossOptions, dpoLoss, type HdpoLossOptions, hdpoLoss, impliedReward } from './dpo.ts';
export type { PreferenceEvaluation } from './evaluate-preferences.ts';
export { type IpoLossOptions, ipoLoss } from './ipo.ts';
export { type KtoLossOptions, ktoLoss } from './kto.ts';
export { orpoLoss } from './orpo.ts';
export { pairOutcome } from './pair-outcome.ts';
export { preferenceGradients } from './preference-gradients.ts';
export type { Logprobs, LossReduction } from './preference-loss.ts';
export { PreferenceSteps } from './preference-steps.ts';
export { type RewardLossOptions, rewardLoss } from './reward-loss.ts';
export { type SimpoLossOptions, simpoLoss } from './simpo.ts';
