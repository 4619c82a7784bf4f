// A signal to one rank stops all of them at the same place: they ask each other wherever they could stop.
import { noteSignal } from '../base/index.ts';
import { type Mesh, reduceNumbers } from '../mesh/index.ts';
import { type Interrupt, Interrupted } from '../run/index.ts';
import type { Pause } from './loop.ts';

/** A pause at which all ranks stop when one was asked to. Every rank has to come to it equally often. */
export function agreedPause(mesh: Mesh, interrupt: Interrupt): Pause {
  if (mesh.world === 1) return interrupt.pause;
  return async () => {
    const isAsked = await interrupt.poll();
    const [asked] = reduceNumbers(mesh, [Number(isAsked)], 'max');
    if (asked === 0) return;
    // The exit code of every rank says that there is more to do: a manager of jobs may look at any of them.
    if (!isAsked) noteSignal('SIGTERM');
    throw new Interrupted('a signal asked to end');
  };
}

/** Work that each rank does for itself, of whatever length. @throws Interrupted on all ranks when one was stopped in it */
export async function unlessOneStops<T>(
  mesh: Mesh,
  interrupt: Interrupt,
  work: (pause: Pause) => Promise<T>,
): Promise<T> {
  if (mesh.world === 1) return await work(interrupt.pause);
  let result: { value: T } | undefined;
  try {
    result = { value: await work(interrupt.pause) };
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
  const [stopped] = reduceNumbers(mesh, [result ? 0 : 1], 'max');
  if (!result || stopped !== 0) throw new Interrupted('a signal asked to end');
  return result.value;
}
