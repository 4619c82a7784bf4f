// The steps of a pipeline, out of its settings: what is asked and filtered, in order. A mistake is said with the step's number.
import { ConfigError, checkSettings, suggestion } from '../../base/index.ts';
import { type AskStep, askStep } from './ask-step.ts';
import { builtIns, sequences } from './built-in.ts';
import {
  askConfig,
  type FilterConfig,
  filterConfigs,
  type PipelineConfig,
  type SettingsSchema,
} from './pipeline-config.ts';

export interface FilterStep {
  readonly kind: 'filter';
  readonly label: string;
  readonly config: FilterConfig;
}

export type Step = AskStep | FilterStep;

const hasOwn = <T extends object>(table: T, name: unknown): name is keyof T & string =>
  typeof name === 'string' && Object.hasOwn(table, name);

/** @throws ConfigError naming the step, and what is near to a name that there is not */
export function stepsOf({ steps }: Pick<PipelineConfig, 'steps'>, folder: string): Step[] {
  return steps.flatMap((settings, i) => stepOf(settings, `step ${i + 1}`, folder));
}

function stepOf(settings: Readonly<Record<string, unknown>>, where: string, folder: string): Step[] {
  if ('filter' in settings) return [filterOf(settings, where)];
  if (hasOwn(sequences, settings['ask'])) {
    const { ask: _, ...others } = settings;
    const refused = ['prompt', 'promptFile', 'into', 'read'].find((key) => key in others);
    if (refused !== undefined)
      throw new ConfigError(
        'bad-setting',
        `${where}: "${refused}" is for one step, and ${settings['ask']} is several`,
        {
          remedy: `Write out its steps: ${sequences[settings['ask']]!.join(', ')}.`,
        },
      );
    return sequences[settings['ask']]!.flatMap((ask) => stepOf({ ...others, ask }, where, folder));
  }
  if (settings['ask'] !== undefined && !hasOwn(builtIns, settings['ask']))
    throw new ConfigError('unknown-step', `${where}: there is no step "${String(settings['ask'])}"`, {
      remedy: suggestion(String(settings['ask']), [...Object.keys(builtIns), ...Object.keys(sequences)]),
      fields: { step: where },
    });
  if (!['ask', 'prompt', 'promptFile'].some((key) => key in settings))
    throw new ConfigError('bad-step', `${where} neither asks nor filters`, {
      remedy: 'Give it "ask" with a step that is there, "prompt" with an own prompt, or "filter".',
      fields: { step: where },
    });
  return [askStep(checkSettings(where, askConfig, settings), where, folder)];
}

function filterOf(settings: Readonly<Record<string, unknown>>, where: string): FilterStep {
  const { filter } = settings;
  if (!hasOwn(filterConfigs, filter))
    throw new ConfigError('unknown-filter', `${where}: there is no filter "${String(filter)}"`, {
      remedy: suggestion(String(filter), Object.keys(filterConfigs)),
      fields: { step: where },
    });
  const config = checkSettings(where, filterConfigs[filter] as SettingsSchema, settings) as FilterConfig;
  return { kind: 'filter', label: `${where} (${filter})`, config };
}
