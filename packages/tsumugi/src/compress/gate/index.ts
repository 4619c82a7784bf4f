export { bitsOnPrompts } from './bits.ts';
export {
  type ComparedPrompt,
  type CompareOptions,
  type Comparison,
  compare,
  divergence,
  type Predictor,
} from './compare.ts';
export { compareOnTexts, type TextComparison } from './compare-texts.ts';
export {
  compareOnPrompts,
  type GateLimits,
  type GateOptions,
  type GateReport,
  gateContext,
  type PromptOptions,
  parityGate,
} from './gate.ts';
export { openLean } from './lean-model.ts';
export { enginePredictor, type LlamaPredictor, llamaPredictor } from './predictors.ts';
export { gatePrompts } from './prompts.ts';
