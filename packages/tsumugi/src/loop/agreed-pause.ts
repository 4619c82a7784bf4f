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
    if (!isAsked) noteStop();
    throw new Interrupted('a signal asked to end');
  };
}

/** The exit code of every rank says that there is more to do: a manager of jobs may look at any of them. */
const noteStop = () => noteSignal('SIGTERM');

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
  if (stopped === 0) return result!.value;
  if (result) noteStop();
  throw new Interrupted('a signal asked to end');
}
