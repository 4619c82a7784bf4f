// Whether operations are recorded for backward.
import { synchronous } from '../base/index.ts';
import { native } from './native.ts';

function withGradEnabled<T>(what: string, on: boolean, body: () => T): T {
  const before = native().setGradEnabled(on);
  try {
    return synchronous(what, body);
  } finally {
    native().setGradEnabled(before);
  }
}

/** Runs `body`, which must be synchronous, without recording operations for backward. */
export const noGrad = <T>(body: () => T): T => withGradEnabled('noGrad', false, body);

/** Runs `body`, which must be synchronous, recording operations, inside a `noGrad` too. */
export const enableGrad = <T>(body: () => T): T => withGradEnabled('enableGrad', true, body);

/** Whether operations are being recorded. */
export function isGradEnabled(): boolean {
  const before = native().setGradEnabled(true);
  native().setGradEnabled(before);
  return before;
}
