export { type GradcheckOptions, gradcheck } from './gradcheck.ts';
export * from './module.ts';
