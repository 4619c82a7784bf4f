// What the scores of evaluation tasks follow from, besides settings and models.
import { contentHash } from '../base/index.ts';
import { codeOf, dataFile, defaultDataFolder, type Task } from '../eval/index.ts';
import type { Uses } from '../recipe/index.ts';

/** Code and files of data, by content. @throws DataError for data that is not there */
export async function usesTasks(tasks: readonly Task[]): Promise<Uses> {
  const uses: Record<string, string | number> = {};
  for (const task of tasks) {
    uses[task.name] = codeOf(task) ?? task.version;
    for (const name of task.data?.files ?? [])
      uses[name] = await contentHash(dataFile(defaultDataFolder(), task.data!, name));
  }
  return uses;
}
