// What a first program needs: tensors, layers, optimizers, a language model and its training. Each folder has an entry of its
// own with everything else: `tsumugi/torch`, `tsumugi/nn`, `tsumugi/gan`, …

export {
  endIds,
  generateIds,
  generateText,
  initialWeights,
  loadModel,
  loadTokenizer,
  Plamo2,
  preset,
  presetNames,
  saveModel,
  tokenLogprobs,
} from './lm/index.ts';
export {
  BatchNorm,
  Conv1d,
  Conv2d,
  ConvTranspose2d,
  Dropout,
  Embedding,
  GRU,
  LayerNorm,
  Linear,
  LSTM,
  Module,
  mse,
  namedParameters,
  numParameters,
  parameter,
  parameters,
  RMSNorm,
  Sequential,
} from './nn/index.ts';
export { AdamW, clipGradNorm, decayGroups, SGD, warmUpCosine } from './optim/index.ts';
export {
  embeddedText,
  openTokenizer,
  prepare,
  Tokenizer,
  TokenShards,
  trainTokenizer,
  writeTokenizer,
} from './text/index.ts';
export {
  arange,
  backward,
  type Device,
  type DType,
  empty,
  eye,
  full,
  grad,
  hasCuda,
  linspace,
  noGrad,
  ones,
  Rng,
  rand,
  randint,
  randn,
  scope,
  Tensor,
  tensor,
  zeros,
} from './torch/index.ts';
export { extend, extendConfig, pretrain, pretrainConfig } from './train/index.ts';
