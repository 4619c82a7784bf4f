// Ctrl-C in a benchmark: it ends after the sample that is being taken, and prints what it has. A second one ends at once.

/** Thrown where there is nothing yet to go on with. */
export class CutOff extends Error {
  override name = 'CutOff';
}

let signal: NodeJS.Signals | undefined;

export function watchCutOff(): void {
  const heard = (came: NodeJS.Signals) => {
    signal ??= came;
    process.stderr.write('\nending after the present sample (Ctrl-C again to end at once)\n');
    for (const each of ['SIGINT', 'SIGTERM'] as const) process.off(each, heard);
  };
  for (const each of ['SIGINT', 'SIGTERM'] as const) process.on(each, heard);
}

export const cutOffBy = (): NodeJS.Signals | undefined => signal;

/** Lets a signal arrive between samples. @throws CutOff when one came */
export async function orCutOff(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  if (signal !== undefined) throw new CutOff('cut off');
}
