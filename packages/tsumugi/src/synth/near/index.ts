export { type Bands, bandsFor, chanceOfCandidate } from './bands.ts';
export { type NearDuplicateOptions, NearDuplicates } from './near-duplicates.ts';
