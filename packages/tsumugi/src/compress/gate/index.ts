export {
  type ComparedPrompt,
  type CompareOptions,
  type Comparison,
  compare,
  divergence,
  type Predictor,
} from './compare.ts';
export { type GateLimits, type GateOptions, type GateReport, parityGate } from './gate.ts';
export { enginePredictor, type LlamaPredictor, llamaPredictor } from './predictors.ts';
export { gatePrompts } from './prompts.ts';
