// pfgen-bench: generation and scoring as in arXiv 2502.09316 (docs/pfgen.md).
export type { BoardResult, Parts, QuestionResult, ScoredAnswer, StoredAnswer } from './board.ts';
export { type Rescored, type RescoreOptions, type RescoreProgress, rescorePfgen } from './rescore.ts';
export { writeResult } from './run-files.ts';
export type { AnswerScores } from './score.ts';
export { defaultCacheFolder } from './table-cache.ts';
export { pfgenTask } from './task.ts';
