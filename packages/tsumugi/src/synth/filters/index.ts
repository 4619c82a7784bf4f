export { type CharacterOptions, characterFilter } from './characters.ts';
export { type EndingOptions, endingFilter } from './ending.ts';
export type { Filter, Verdict } from './filter.ts';
export { type JapaneseOptions, japaneseFilter, japaneseShares } from './japanese.ts';
export { type LengthOptions, lengthFilter } from './length.ts';
export { type FilterCount, FilterPipeline } from './pipeline.ts';
export {
  type RepetitionOptions,
  repeatedLines,
  repetitionFilter,
  type SharesByLength,
} from './repetition.ts';
