// Commands that the first Ctrl-C ends at the next place where that leaves nothing half-done.
import { interruptible } from '../run/index.ts';
import { torchVersion } from '../torch/index.ts';
import type { Io } from './io.ts';
import type { ProgressLine } from './progress.ts';

/** The state of a command whose result appears whole or not at all. */
export const nothingWritten = 'nothing was written';

type Work<T> = (pause: () => Promise<void>) => Promise<T>;

/** What the work gives. Undefined when a signal stopped it; then `state` is told, as the end of "stopped; …". */
export async function stoppable<T>(
  io: Io,
  lines: readonly ProgressLine[],
  state: string,
  work: Work<T>,
): Promise<T | undefined> {
  torchVersion(); // once the addon is loaded, a second Ctrl-C ends the process also inside a long call
  return await stoppableWithoutTorch(io, lines, state, work);
}

/** The same for work that needs no libtorch. */
export async function stoppableWithoutTorch<T>(
  io: Io,
  lines: readonly ProgressLine[],
  state: string,
  work: Work<T>,
): Promise<T | undefined> {
  const result = await interruptible((message) => void io.stderr.write(`${message}\n`), work);
  for (const line of lines) line[Symbol.dispose]();
  if (result === undefined) io.stderr.write(`stopped; ${state}\n`);
  return result;
}
