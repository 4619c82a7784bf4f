// Decontamination: against evaluation tasks, by name, and against texts of one's own.
import { resolve } from 'node:path';
import { ConfigError } from '../../base/index.ts';
import { findTasks, sampleContext, type Task } from '../../eval/index.ts';
import { readDocuments } from '../../text/index.ts';
import { ContaminationIndex } from '../contamination/index.ts';
import { drop, type Filter, KEEP, percent } from '../filters/filter.ts';

export interface ContaminationFilterConfig {
  readonly tasks: readonly string[];
  readonly files: readonly string[];
  readonly ngram?: number | undefined;
  readonly share?: number | undefined;
  readonly run?: number | undefined;
}

/** What a task shows a model, without examples, and its right answers. */
async function textsOf(task: Task): Promise<string[]> {
  const { samples } = await task.samples(sampleContext(task));
  const asText = (prompt: ReturnType<Task['prompt']>) =>
    typeof prompt === 'string' ? prompt : prompt.map(({ content }) => content).join('\n');
  return (samples as never[]).flatMap((sample) => {
    const reference = task.reference?.(sample);
    return [asText(task.prompt(sample, [])), ...(reference === undefined ? [] : [reference])];
  });
}

/** Drops what has pieces of evaluation sets in it. @throws UserError for tasks and files that are not there */
export async function contaminationFilter(
  config: ContaminationFilterConfig,
  folder: string,
): Promise<Pick<Filter, 'judge'>> {
  const { tasks, files, ngram, share, run } = config;
  if (tasks.length + files.length === 0)
    throw new ConfigError('bad-option', 'the filter decontaminate has neither "tasks" nor "files"', {
      remedy: 'Name the evaluation tasks to keep away from, as in tasks: [jcommonsenseqa].',
    });
  const index = new ContaminationIndex({
    ...(ngram !== undefined && { ngram }),
    ...(share !== undefined && { share }),
    ...(run !== undefined && { run }),
  });
  for (const task of await findTasks(tasks)) index.add(task.name, await textsOf(task));
  for (const file of files) {
    const texts: string[] = [];
    for await (const { text } of readDocuments([resolve(folder, file)])) texts.push(text);
    index.add(file, texts);
  }
  return {
    judge(text) {
      const { contaminated, share: found, place } = index.judge(text);
      if (!contaminated) return KEEP;
      return drop(`${percent(found)} of it stands in ${place!.set}, text ${place!.row + 1}`);
    },
  };
}
