// Smaller, larger and joined models.
export * from './merge/index.ts';
