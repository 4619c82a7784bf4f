// Smaller, larger and joined models; what they are written as for other programs.

export * from './adapter/index.ts';
export * from './export/index.ts';
export * from './gate/index.ts';
export * from './grow/index.ts';
export * from './importance/index.ts';
export * from './merge/index.ts';
export * from './prune/index.ts';
export * from './quantize/index.ts';
