// Whether operations are recorded for backward.
import { native } from './native.ts';

/** Runs `body` without recording operations for backward. */
export function noGrad<T>(body: () => T): T {
  const before = native().setGradEnabled(false);
  try {
    return body();
  } finally {
    native().setGradEnabled(before);
  }
}

/** Runs `body` recording operations, inside a `noGrad` too. */
export function enableGrad<T>(body: () => T): T {
  const before = native().setGradEnabled(true);
  try {
    return body();
  } finally {
    native().setGradEnabled(before);
  }
}

/** Whether operations are being recorded. */
export function isGradEnabled(): boolean {
  const before = native().setGradEnabled(true);
  native().setGradEnabled(before);
  return before;
}
