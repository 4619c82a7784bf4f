export { VectorFrameStack } from './frame-stack.ts';
export { makeVectorEnvironment, type VectorOptions } from './make.ts';
export { SerialVectorEnvironment } from './serial.ts';
export type { VectorEnvironment, VectorStep } from './vector-environment.ts';
export { WorkerVectorEnvironment } from './worker.ts';
