// What synthetic data, and data at all, is cleaned with.

export * from './near/index.ts';
