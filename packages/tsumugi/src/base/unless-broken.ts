// What is there, is whole and of the right kind, or nothing.
import { DataError, FormatError } from './errors.ts';

/** What `read` finds; undefined when it is not there or broken. */
export function unlessBroken<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DataError || error instanceof FormatError) return undefined;
    throw error;
  }
}
