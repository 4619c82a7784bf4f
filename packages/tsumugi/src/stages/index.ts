// The stages of recipes: one file each.

export { type AnswerScoring, checkScoring, openAnswerScorer, taskPromptsFile } from './answer-scorer.ts';
export { answers } from './answers.ts';
export { buildExamples } from './build-examples.ts';
export { grpoRunConfig, readingConfig } from './config.ts';
export { data } from './data.ts';
export { distill } from './distill.ts';
export { dpo } from './dpo.ts';
export { shrinkSource } from './dry-run-sources.ts';
export { evaluate } from './evaluate.ts';
export { exportGguf } from './export-gguf.ts';
export { extend } from './extend.ts';
export { grow } from './grow.ts';
export { grpo } from './grpo.ts';
export { merge } from './merge.ts';
export { forecastPairs, pairs } from './pairs.ts';
export { pretrain, pretrainWith } from './pretrain.ts';
export { prune } from './prune.ts';
export { quantize } from './quantize.ts';
export { reward } from './reward.ts';
export { forecastScoring, type ScoringSettings, scoreModel, scoringOf } from './score-model.ts';
export { sft } from './sft.ts';
export { synth } from './synth.ts';
export { teacherLogits } from './teacher-logits.ts';
export { tokenizer } from './tokenizer.ts';
