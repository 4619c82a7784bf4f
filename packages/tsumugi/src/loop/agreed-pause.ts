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
