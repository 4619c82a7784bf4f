// What synthetic data, and data at all, is cleaned with.

export * from './contamination/index.ts';
export * from './filters/index.ts';
export * from './near/index.ts';
export * from './scores/index.ts';
