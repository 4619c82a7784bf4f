// The scorer that settings ask for, for trainings that learn from rewards.
import { join } from 'node:path';
import { ConfigError, cacheFolder, sha256, writeFileAtomic } from '../base/index.ts';
import { findTasks, sampleContext } from '../eval/index.ts';
import { checkScore, openRewardScorer, ruleScorer, type Scorer, taskPrompts } from '../synth/index.ts';
import type { AnswerScorer } from '../train/index.ts';
import { type GrpoRunConfig, scorers } from './config.ts';

export type AnswerScoring = Pick<GrpoRunConfig, 'score' | 'field' | 'task' | 'rewardModel'>;

/** @throws ConfigError for what is missing, or has no effect with another score */
export const checkScoring = (config: AnswerScoring): void => checkScore(config, scorers);

/** @throws ConfigError for several: there is one that scores */
export function checkRewardModels(stage: string, models: readonly unknown[]): void {
  if (models.length < 2) return;
  throw new ConfigError('too-many-inputs', `${stage} scores by one reward model, got ${models.length}`, {
    remedy: 'Give it one, or none.',
  });
}

/** The scorer, and what it holds open. @throws ConfigError, UserError for a task that scores no texts, DataError for a folder that is no reward model */
export async function openAnswerScorer(
  config: AnswerScoring & { device?: string },
): Promise<AnswerScorer & Disposable> {
  checkScoring(config);
  const { score, field } = config;
  const held = (scorer: Scorer, columns: readonly string[], dispose = () => {}): AnswerScorer & Disposable => ({
    ...scorer,
    columns,
    [Symbol.dispose]: dispose,
  });
  if (score === 'task') {
    const task = await taskOf(config.task!);
    return held((await taskPrompts(task, sampleContext(task, { chat: true }))).scorer, ['id']);
  }
  if (score !== 'reward') return held(ruleScorer(score, field), field === undefined ? [] : [field]);
  const opened = await openRewardScorer(config.rewardModel!, { device: config.device });
  return held(opened.scorer, [], () => opened[Symbol.dispose]());
}

const taskOf = async (name: string) => (await findTasks([name]))[0]!;

/** A file of a task's prompts, as rows of id and prompt: in the cache, by its content. @throws UserError for a task that scores no texts */
export async function taskPromptsFile(name: string): Promise<string> {
  const task = await taskOf(name);
  const { rows } = await taskPrompts(task, sampleContext(task, { chat: true }));
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const file = join(cacheFolder('task-prompts'), `${task.name}-${sha256(text).slice(0, 16)}.jsonl`);
  writeFileAtomic(file, text);
  return file;
}
