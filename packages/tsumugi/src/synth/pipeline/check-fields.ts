// Whether every field that is asked for can be there: among the first row's, or written by a step before.
import { ConfigError, nearest } from '../../base/index.ts';
import { inputRows } from './input-rows.ts';
import type { RowOutput } from './output.ts';
import type { PipelineConfig } from './pipeline-config.ts';
import { type SynthRow, textOf } from './row.ts';
import type { Step } from './steps.ts';

/** Fields that the rows must begin with, each with what needs it first. */
export function fieldsNeeded(steps: readonly Step[], output: RowOutput): Map<string, string> {
  const written = new Set<string>();
  const needed = new Map<string, string>();
  const need = (names: readonly string[], where: string) => {
    for (const name of names) if (!written.has(name) && !needed.has(name)) needed.set(name, where);
  };
  for (const step of steps) {
    need(step.kind === 'ask' ? step.needs : [step.config.field], step.label);
    if (step.kind === 'ask') written.add(step.into);
  }
  need(output.needs, 'output');
  return needed;
}

/** @throws ConfigError for a field that is neither in the first row nor written before it is asked for */
function checkFields(steps: readonly Step[], output: RowOutput, first: SynthRow): void {
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

/**
 * The rows that a pipeline begins with: all have what is asked of them, before anything is asked of a model.
 *
 * @throws ConfigError for a field that there is not; DataError naming file, row and field where it is missing in a later row
 */
export async function* checkedRows(
  given: Pick<PipelineConfig, 'data' | 'rows' | 'documentCharacters'>,
  folder: string,
  steps: readonly Step[],
  output: RowOutput,
): AsyncGenerator<SynthRow> {
  const needed = fieldsNeeded(steps, output);
  let first = true;
  for await (const row of inputRows(given, folder, [...needed.keys()])) {
    if (first) checkFields(steps, output, row);
    first = false;
    for (const [name, where] of needed) textOf(row, name, where);
    yield row;
  }
}
