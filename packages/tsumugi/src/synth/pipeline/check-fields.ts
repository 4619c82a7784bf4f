// Whether every field that is asked for can be there: among the first row's, or written by a step before.
import { ConfigError, nearest } from '../../base/index.ts';
import type { RowOutput } from './output.ts';
import type { SynthRow } from './row.ts';
import type { Step } from './steps.ts';

/** Fields that the rows must begin with. */
export function fieldsNeeded(steps: readonly Step[], output: RowOutput): string[] {
  const written = new Set<string>();
  const needed = new Set<string>();
  const need = (names: readonly string[]) => {
    for (const name of names) if (!written.has(name)) needed.add(name);
  };
  for (const step of steps) {
    need(step.kind === 'ask' ? step.needs : [step.config.field]);
    if (step.kind === 'ask') written.add(step.into);
  }
  need(output.needs);
  return [...needed];
}

/** @throws ConfigError for a field that is neither in the first row nor written before it is asked for */
export function checkFields(steps: readonly Step[], output: RowOutput, first: SynthRow): void {
  const { file } = first.source;
  const known = new Set(Object.keys(first.fields));
  const check = (names: readonly string[], where: string) => {
    const unknown = names.find((name) => !known.has(name));
    if (unknown === undefined) return;
    const near = nearest(unknown, known);
    throw new ConfigError(
      'unknown-variable',
      `${where} needs {{${unknown}}}, which is no field of ${file} and written by no step before`,
      {
        remedy: `${near ? `Did you mean {{${near}}}? ` : ''}There are ${[...known].map((name) => `{{${name}}}`).join(', ') || 'none'}.`,
        fields: { variable: unknown, where, known: [...known] },
      },
    );
  };
  for (const step of steps) {
    check(step.kind === 'ask' ? step.needs : [step.config.field], step.label);
    if (step.kind === 'ask') known.add(step.into);
  }
  check(output.needs, 'output');
}
