export { type Gguf, type GgufScalar, type GgufValue, readGguf } from './reader.ts';
