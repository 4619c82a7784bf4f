// What a body throws, to look at.
import { expect } from 'vitest';

/** The error of `kind` that `body` throws; the test fails for another one, or none. */
export function thrown<E extends Error>(kind: new (...args: never[]) => E, body: () => unknown): E {
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(kind);
    return error as E;
  }
  throw new Error('nothing was thrown');
}
