// The scorer that settings ask for, for trainings that learn from rewards.
import { join } from 'node:path';
import { ConfigError, cacheFolder, contentHash, sha256, writeFileAtomic } from '../base/index.ts';
import { codeOf, dataFile, defaultDataFolder, findTasks, sampleContext } from '../eval/index.ts';
import { loadRewardModel } from '../lm/index.ts';
import type { Uses } from '../recipe/index.ts';
import { Artefact } from '../store/index.ts';
import { rewardScorer, ruleScorer, type Scorer, taskPrompts } from '../synth/index.ts';
import { parseDevice } from '../torch/index.ts';
import type { AnswerScorer } from '../train/index.ts';
import type { GrpoRunConfig } from './config.ts';

export type AnswerScoring = Pick<GrpoRunConfig, 'score' | 'field' | 'task' | 'rewardModel'>;

/** @throws ConfigError for what is missing, or has no effect with another score */
export function checkScoring(config: AnswerScoring): void {
  const { score } = config;
  const belongs = { field: ['exact', 'number'], task: ['task'], rewardModel: ['reward'] } as const;
  for (const [name, scores] of Object.entries(belongs) as [keyof typeof belongs, readonly string[]][]) {
    if (config[name] !== undefined && !scores.includes(score))
      throw new ConfigError('no-effect', `${name} has no effect with score=${score}`, {
        remedy: `Leave it out, or set score to ${scores.join(' or ')}.`,
        fields: { setting: name, score },
      });
    if (name !== 'field' && config[name] === undefined && scores.includes(score))
      throw new ConfigError('missing-setting', `score=${score} needs ${name}`, {
        remedy: `Set ${name}.`,
        fields: { setting: name, score },
      });
  }
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
  const folder = config.rewardModel!;
  const { hash } = await new Artefact(folder).hashed();
  const model = loadRewardModel(folder, config.device === undefined ? {} : { device: parseDevice(config.device) });
  return held(rewardScorer(model, folder, hash), [], () => model[Symbol.dispose]());
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

/** What a task's prompts and scores follow from. */
export async function usesTask(name: string | undefined): Promise<Uses> {
  if (name === undefined) return {};
  const task = await taskOf(name);
  const uses: Record<string, string | number> = { [task.name]: codeOf(task) ?? task.version };
  for (const file of task.data?.files ?? [])
    uses[file] = await contentHash(dataFile(defaultDataFolder(), task.data!, file));
  return uses;
}
