// A step that asks a model: prompt template, how the reply is read, the field that it goes into.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError, cannotRead } from '../../base/index.ts';
import { type BuiltIn, builtIns, type Reading } from './built-in.ts';
import type { AskConfig } from './pipeline-config.ts';
import { parseTemplate, type Template } from './template.ts';

export interface AskStep {
  readonly kind: 'ask';
  /** For errors and provenance: "step 2 (answer)". */
  readonly label: string;
  readonly name: string;
  readonly into: string;
  readonly read: Reading;
  readonly config: Omit<AskConfig, 'temperature'> & { readonly temperature: number };
  /** Items of a list that the prompt asks for, where a number says so. Only for forecasts. */
  readonly items: number;
  /** Fields that a row must have. */
  readonly needs: readonly string[];
  /** What the model is told. @param fieldText the text of a field of the row */
  messages(fieldText: (name: string) => string): { role: 'system' | 'user'; content: string }[];
}

/** @throws ConfigError for settings that do not fit one another; DataError for a prompt file that cannot be read */
export function askStep(config: AskConfig, where: string, folder: string): AskStep {
  const known: BuiltIn | undefined = config.ask === undefined ? undefined : builtIns[config.ask];
  const into = config.into ?? known?.into;
  if (into === undefined)
    throw new ConfigError('missing-setting', `${where}: "into" is missing: the field that the reply goes into`, {
      remedy: 'Write into: answer, for example.',
      fields: { step: where },
    });
  const read = config.read ?? known?.read ?? 'text';
  const { min = known?.min, max = known?.max } = config;
  if (read !== 'number' && (config.min !== undefined || config.max !== undefined))
    throw new ConfigError('no-effect', `${where}: "min" and "max" are for replies that are read as a number`, {
      remedy: 'Write read: number, or leave them out.',
    });
  const prompt = parseTemplate(promptOf(config, known, where, folder), `${where}: prompt`);
  const told = config.system ?? known?.system;
  const system = told === undefined ? undefined : parseTemplate(told, `${where}: system`);
  const values = valuesOf({ ...known?.with, ...config.with }, [prompt, ...(system ? [system] : [])], config, where);
  const needs = [prompt, system]
    .flatMap((template) => template?.variables ?? [])
    .flatMap((name) => values.get(name)?.variables ?? [name]);
  const name = config.ask ?? into;
  return {
    kind: 'ask',
    label: `${where} (${name})`,
    name,
    into,
    read,
    config: { ...config, min, max, temperature: config.temperature ?? known?.temperature ?? 0.7 },
    items: Number(values.get('count')?.source) || 1,
    needs: [...new Set(needs)],
    messages(fieldText) {
      const text = (variable: string) => values.get(variable)?.render(fieldText) ?? fieldText(variable);
      const first = system ? [{ role: 'system' as const, content: system.render(text) }] : [];
      return [...first, { role: 'user' as const, content: prompt.render(text) }];
    },
  };
}

/** The one prompt that a step has. */
function promptOf(config: AskConfig, known: BuiltIn | undefined, where: string, folder: string): string {
  const { prompt, promptFile } = config;
  if (prompt !== undefined && promptFile !== undefined)
    throw new ConfigError('bad-step', `${where} has both "prompt" and "promptFile"`, { remedy: 'Leave one out.' });
  if (promptFile === undefined) return prompt ?? known!.prompt;
  const path = resolve(folder, promptFile);
  try {
    return readFileSync(path, 'utf8')
      .replace(/^\ufeff/, '')
      .trim();
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}

/** Values for variables, and none that no template asks for. */
function valuesOf(
  given: Readonly<Record<string, string | number>>,
  templates: readonly Template[],
  config: AskConfig,
  where: string,
): Map<string, Template> {
  const asked = templates.flatMap(({ variables }) => variables);
  const idle = Object.keys(config.with ?? {}).find((name) => !asked.includes(name));
  if (idle !== undefined)
    throw new ConfigError('no-effect', `${where}: "with" has a value for {{${idle}}}, which the prompt does not have`, {
      remedy: asked.length > 0 ? `It has ${asked.map((name) => `{{${name}}}`).join(', ')}.` : 'It has no variables.',
    });
  return new Map(
    Object.entries(given).map(([name, value]) => [name, parseTemplate(String(value), `${where}: with.${name}`)]),
  );
}
