// Curves for other programs: options of `tsumugi report` and `tsumugi compare`.
import { writeFileAtomic } from '../base/index.ts';
import { curvesCsv, type RunSummary, writeEventFile } from '../compare/index.ts';

export const exportOptions = {
  csv: { type: 'string', value: 'FILE', help: 'write the curves as CSV: every number that was measured' },
  tensorboard: {
    type: 'string',
    value: 'DIR',
    help: "write the curves as TensorBoard's event files, a folder for each run",
  },
} as const;

/** Writes what is asked for. Returns a line for each thing that was written. */
export function exportCurves(
  runs: readonly RunSummary[],
  { csv, tensorboard }: { csv?: string | undefined; tensorboard?: string | undefined },
): string[] {
  if (csv !== undefined) writeFileAtomic(csv, curvesCsv(runs));
  if (tensorboard !== undefined)
    for (const { name, measurements } of runs) writeEventFile(tensorboard, name, measurements);
  return [
    ...(csv === undefined ? [] : [`curves: ${csv}`]),
    ...(tensorboard === undefined ? [] : [`see them with: tensorboard --logdir ${tensorboard}`]),
  ];
}
