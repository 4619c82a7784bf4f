// Smaller, larger and joined models.

export * from './export/index.ts';
export * from './merge/index.ts';
