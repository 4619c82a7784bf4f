// Synthetic data: pipelines that ask a model, and what data is cleaned with.

export * from './builders/index.ts';
export * from './clean/index.ts';
export * from './contamination/index.ts';
export * from './filters/index.ts';
export * from './near/index.ts';
export * from './pairs/index.ts';
export * from './pipeline/index.ts';
export * from './scores/index.ts';
