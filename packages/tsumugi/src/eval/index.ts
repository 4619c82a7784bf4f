// Evaluation: tasks ask a backend, answers are kept, metrics come with intervals.
export { AnswerCache, requestKey } from './answer-cache.ts';
export { type AnswerCounts, sayCounts } from './answer-counts.ts';
export type { Backend } from './backend.ts';
export { type EngineOptions, engineBackend, type LoadedModel, openEngine } from './backends/engine.ts';
export { type BackendSpec, openBackend } from './backends/open.ts';
export { EndpointError } from './backends/openai-error.ts';
export { CachedClient, Interrupted, type RequestState } from './cached-client.ts';
export { type ChoiceMetric, choiceMetrics, choiceScores, judgeChoice, NEUTRAL_PROMPT } from './choice.ts';
export { type ChoiceTaskSpec, choiceTask } from './choice-task.ts';
export { dataFile, defaultDataFolder } from './data-folder.ts';
export { type EvaluateOptions, type EvaluationProgress, evaluate } from './evaluate.ts';
export { type Decoding, type GenerateTaskSpec, generateTask, inChat } from './generate-task.ts';
export { bleu, bleuOfCharacters } from './metrics/bleu.ts';
export { charF1 } from './metrics/char-f1.ts';
export { chrf } from './metrics/chrf.ts';
export { pearson, spearman } from './metrics/correlation.ts';
export { exactMatch, readAnswer, readTarget } from './metrics/exact-match.ts';
export { passAtK } from './metrics/pass-at-k.ts';
export { setF1 } from './metrics/set-f1.ts';
export { codeOf, findTasks, listTasks } from './registry.ts';
export type { EvaluationReport, GroupReport, ModelIdentity, TaskReport } from './report.ts';
export type {
  Answer,
  AnswerTo,
  ChoicesAnswer,
  ChoicesRequest,
  GenerateAnswer,
  GenerateRequest,
  Prompt,
  Request,
  RollingAnswer,
  RollingRequest,
} from './request.ts';
export { type RollingTaskSpec, rollingTask } from './rolling-task.ts';
export { type SampleOptions, sampleContext } from './sample-context.ts';
export { bootstrap, bootstrapMean, type Interval, RESAMPLES, wilson } from './statistics.ts';
export type {
  ChoiceTask,
  DataSource,
  GenerateTask,
  JudgedTask,
  Metrics,
  RollingTask,
  Sample,
  SampleContext,
  SampleRecord,
  Samples,
  Task,
  TaskContext,
  TaskInfo,
  TaskResult,
} from './task.ts';
export { optionsOf, parseTaskOptions, unknownOption } from './task-options.ts';
export { readCsv } from './tasks/csv.ts';
export { kanjiReading } from './tasks/kanji-reading.ts';
export { loadLanguages } from './tasks/m-ifeval/tools.ts';
export { readRating } from './tasks/mt-bench.ts';
export { PARTICLES, particleCloze } from './tasks/particle-cloze.ts';
export { type Row, readJsonFile, readJsonLines } from './tasks/rows.ts';
export { textTask } from './tasks/text.ts';
export { translateEnJa, translateJaEn } from './tasks/translation.ts';
