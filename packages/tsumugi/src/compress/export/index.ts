export * from './gguf/index.ts';
export * from './hf/index.ts';
