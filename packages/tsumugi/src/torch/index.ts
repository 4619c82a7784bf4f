// Tensors on libtorch. The only folder that touches the addon.
export { backward, grad, withGradient } from './autograd.ts';
export { type C10d, c10d, onGradientOf, onGradients } from './c10d.ts';
export { checkpoint } from './checkpoint.ts';
export { type CustomForward, customGradient } from './custom-gradient.ts';
export { defaultDevice, factoryDevice } from './default-device.ts';
export {
  type Device,
  type DType,
  dtypeBytes,
  dtypeNames,
  numBytes,
  numElements,
  type TypedArray,
  unravel,
} from './dtype.ts';
export {
  arange,
  empty,
  eye,
  full,
  linspace,
  ones,
  onesLike,
  type RandomOptions,
  type RangeOptions,
  rand,
  randint,
  randn,
  type TensorOptions,
  zeros,
  zerosLike,
} from './factories.ts';
export { tensor, type ValueOptions } from './from-values.ts';
export { matmul, oneHot } from './functions.ts';
export { enableGrad, isGradEnabled, noGrad } from './grad-mode.ts';
export { hasOperator, operatorNames, operatorSchema } from './lookup.ts';
export { MappedFile } from './mapped.ts';
export { measureMatmul } from './measure-matmul.ts';
export { emptyCache, liveHandles, memory, resetPeakMemory } from './memory.ts';
export { setUpNative, wantedThreads } from './native.ts';
export {
  callOperator,
  customOperator,
  kernelTakes,
  type OperatorResult,
  type OperatorValue,
} from './operator.ts';
export * from './operators.generated.ts';
export { recordFunction } from './profile.ts';
export { checkRng, defaultRng, manualSeed, Rng } from './random.ts';
export { requireTensor } from './require-tensor.ts';
export { scope, tensorsIn } from './scope.ts';
export { share, type Ticket, takeUp, unshare } from './shared.ts';
export { freeStorage, layInto, makeStorage } from './storage.ts';
export {
  blasCore,
  describeNative,
  guardSignals,
  hasCuda,
  measureBandwidth,
  measureFma,
  meshBackends,
  numThreads,
  parseDevice,
  releaseSignals,
  setThreads,
  torchVersion,
  usesMkl,
} from './system.ts';
export { fromBytes, type NestedArray, type NestedNumbers, Tensor, type TensorData } from './tensor.ts';
