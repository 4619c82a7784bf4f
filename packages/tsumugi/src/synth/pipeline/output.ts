// What a row becomes: a conversation for `tsumugi sft`, a pair for `tsumugi dpo`, a text for `tsumugi pretrain`.
import { ConfigError, checkSettings } from '../../base/index.ts';
import { type OutputConfig, outputConfigs, type PipelineConfig, type SettingsSchema } from './pipeline-config.ts';
import { type SynthRow, textOf } from './row.ts';
import { fieldOrTemplate, type Template } from './template.ts';

export interface RowOutput {
  readonly kind: keyof typeof outputConfigs;
  /** Fields that a row must have. */
  readonly needs: readonly string[];
  of(row: SynthRow): object;
}

const marks = { assistant: 'messages', user: 'messages', chosen: 'pairs', rejected: 'pairs', text: 'text' } as const;

/** @throws ConfigError for an output that is none */
export function rowOutput({ output }: Pick<PipelineConfig, 'output'>): RowOutput {
  const mark = (Object.keys(marks) as (keyof typeof marks)[]).find((key) => key in output);
  if (mark === undefined)
    throw new ConfigError('bad-output', `"output" has ${Object.keys(output).join(', ') || 'nothing'}`, {
      remedy: 'Write user and assistant; or prompt, chosen and rejected; or text.',
    });
  const kind = marks[mark];
  const config = checkSettings('output', outputConfigs[kind] as SettingsSchema, output) as OutputConfig;
  const templates = Object.entries(config).map(
    ([key, text]) => [key, fieldOrTemplate(text as string, `output.${key}`)] as const,
  );
  const needs = [...new Set(templates.flatMap(([, { variables }]) => variables))];
  const rendered = (row: SynthRow) => {
    const text = (template: Template) => template.render((name) => textOf(row, name, 'output'));
    return Object.fromEntries(templates.map(([key, template]) => [key, text(template)]));
  };
  const said = (role: string, content: string | undefined) => (content === undefined ? [] : [{ role, content }]);
  const shapes: Readonly<Record<typeof kind, (parts: Record<string, string>) => object>> = {
    messages: ({ system, user, assistant }) => ({
      messages: [...said('system', system), ...said('user', user), ...said('assistant', assistant)],
    }),
    pairs: ({ system, prompt, chosen, rejected }) => ({
      prompt: [...said('system', system), ...said('user', prompt)],
      chosen: said('assistant', chosen),
      rejected: said('assistant', rejected),
    }),
    text: ({ text }) => ({ text }),
  };
  return { kind, needs, of: (row) => shapes[kind](rendered(row)) };
}
