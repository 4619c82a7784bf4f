// `tsumugi synth steps`: what a pipeline can be made of.
import { builtIns, filterConfigs, sequences } from '../synth/index.ts';
import { defineCommand } from './command.ts';
import { write } from './io.ts';
import { formatRows } from './options.ts';

export const run = defineCommand(
  {
    command: 'tsumugi synth steps',
    summary: 'the steps that are there, with their prompts, and the filters',
    options: { json: { type: 'boolean', help: 'print them as JSON' } },
  },
  async ({ json }, io) => {
    const filters = Object.fromEntries(
      Object.entries(filterConfigs).map(([name, { shape }]) => [
        name,
        Object.keys(shape).filter((key) => key !== 'filter'),
      ]),
    );
    if (json) return write(io.stdout, `${JSON.stringify({ steps: builtIns, sequences, filters })}\n`);
    const steps = Object.entries(builtIns).map(([name, { summary, into, prompt, ...more }]) => {
      const values = Object.entries(more.with ?? {}).map(([key, value]) => `; ${key}: ${value}`);
      const indented = prompt.replaceAll('\n', '\n    ');
      return `${name} → ${into}\n  ${summary}${values.join('')}\n    ${indented}\n`;
    });
    const several = Object.entries(sequences).map(([name, parts]) => [name, parts.join(', ')] as const);
    const settings = Object.entries(filters).map(([name, keys]) => [name, keys.join(', ')] as const);
    await write(
      io.stdout,
      `${steps.join('\n')}\nSeveral steps in one:\n${formatRows(several)}\nFilters, with their settings:\n${formatRows(settings)}`,
    );
  },
);
