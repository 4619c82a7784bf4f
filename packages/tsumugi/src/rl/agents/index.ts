export { A2C, type A2CCoefficients, type A2CLoss, type A2COptions, a2cLoss } from './a2c.ts';
export { discountedReturns, type Estimated, explainedVariance, generalizedAdvantages } from './advantages.ts';
export { PolicyAgent, type PolicyAgentOptions } from './policy-agent.ts';
export { PPO, type PPOOptions } from './ppo.ts';
export { type PPOBatch, type PPOCoefficients, type PPOLoss, ppoLoss } from './ppo-loss.ts';
