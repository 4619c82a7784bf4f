// The signal that asked this process to end, for its exit code: a shell shows 128 and the signal's number, and what comes
// after `&&` is not run.
import { constants } from 'node:os';

let last: NodeJS.Signals | undefined;

/** Remembers that a signal came; undefined when something begins that no signal has asked to end. */
export function noteSignal(signal: NodeJS.Signals | undefined): void {
  last = signal;
}

/** 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP; 0 when no signal came. */
export const signalExitCode = (): number => (last === undefined ? 0 : 128 + constants.signals[last]);
