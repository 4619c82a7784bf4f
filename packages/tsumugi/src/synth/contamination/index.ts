export { type Contamination, ContaminationIndex, type ContaminationOptions } from './contamination.ts';
