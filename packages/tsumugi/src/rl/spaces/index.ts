export { Box, type BoxDType } from './box.ts';
export { Discrete } from './discrete.ts';
export { MultiDiscrete } from './multi-discrete.ts';
export { type PlainSpace, plainSpace, spaceOf } from './plain-space.ts';
export type { Space } from './space.ts';
