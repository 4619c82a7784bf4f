// What of a pipeline can be checked before its rows are read.
import { resolve } from 'node:path';
import { rowOutput } from './output.ts';
import type { PipelineConfig } from './pipeline-config.ts';
import { stepsOf } from './steps.ts';

/** @throws ConfigError for steps and output that are none; DataError for a prompt file that cannot be read */
export function checkPipeline(config: Pick<PipelineConfig, 'steps' | 'output'>, folder = '.'): void {
  stepsOf(config, folder);
  rowOutput(config);
}

/** Files that the steps name: prompts, and texts to keep away from. */
export const pipelineFiles = ({ steps }: Pick<PipelineConfig, 'steps'>, folder = '.'): string[] =>
  steps
    .flatMap(({ promptFile, files }) => [promptFile, ...(Array.isArray(files) ? files : [])])
    .flatMap((file) => (typeof file === 'string' ? [resolve(folder, file)] : []));
