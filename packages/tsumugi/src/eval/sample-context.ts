// What a task reads its samples with: made by an evaluation, and by whoever wants samples for training or scores of their own.
import { ConfigError, checkOptions, type OptionNames } from '../base/index.ts';
import { checkSettings } from './checks.ts';
import { dataFile, defaultDataFolder } from './data-folder.ts';
import type { SampleContext, Task } from './task.ts';
import { checkTaskOptions, optionsOf } from './task-options.ts';

export interface SampleOptions {
  /** Where data sets lie. Default: `TSUMUGI_BENCHMARKS`, otherwise `benchmarks`. */
  dataFolder?: string | undefined;
  /** Samples at most. */
  limit?: number | undefined;
  /** Examples in the prompt, instead of the task's own number. */
  shots?: number | undefined;
  /** Default 0. */
  seed?: number | undefined;
  /** Whether prompts are conversations. Default false. */
  chat?: boolean | undefined;
  /** Values of the task's own settings. */
  taskOptions?: Readonly<Record<string, string>> | undefined;
  /** Tokens of a text, for tasks that make texts of some length. Default: they count characters. */
  countTokens?: ((text: string) => number) | undefined;
}

const optionNames: OptionNames<SampleOptions> = {
  dataFolder: true,
  limit: true,
  shots: true,
  seed: true,
  chat: true,
  taskOptions: true,
  countTokens: true,
};

/** What `task.samples` takes. @throws ConfigError for settings that cannot be, or that the task does not have */
export function sampleContext(task: Task, options: SampleOptions = {}): SampleContext {
  checkOptions('sampleContext', options, optionNames);
  const { dataFolder = defaultDataFolder(), limit, shots, seed = 0, chat = false, countTokens } = options;
  const taskOptions = options.taskOptions ?? {};
  checkSettings({ limit, shots, seed }, [task]);
  checkTaskOptions([task], taskOptions);
  return contextOf(task, dataFolder, { limit, shots, seed, chat, countTokens, options: taskOptions });
}

/** The same for one of several tasks, whose settings were checked together: each gets the options that it knows. */
export function contextOf(task: Task, dataFolder: string, settings: Omit<SampleContext, 'file'>): SampleContext {
  return {
    ...settings,
    file(name) {
      if (task.data) return dataFile(dataFolder, task.data, name);
      throw new ConfigError('no-data', `${task.name} asks for a file but declares no data`, {
        remedy: 'Give it `data` with files, origin and licence.',
      });
    },
    options: optionsOf(task, settings.options ?? {}),
  };
}
