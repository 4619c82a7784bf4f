// `nohup` starts a command with SIGHUP ignored; Node sets every signal back to its default before any JavaScript runs, so what
// remains to be seen of nohup are its other traces.
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

const told = (read: () => string): string => {
  try {
    return read();
  } catch {
    return '';
  }
};

/** Whether this process was started by nohup, as far as it can be seen. */
function startedByNohup(): boolean {
  // A shell names the command it starts in "_".
  if (basename(process.env['_'] ?? '') === 'nohup') return true;
  // A Node that leaves ignored signals alone: SIGHUP is the lowest bit.
  const ignored = /^SigIgn:\s*([0-9a-f]+)/m.exec(told(() => readFileSync('/proc/self/status', 'utf8')))?.[1] ?? '0';
  if (BigInt(`0x${ignored}`) & 1n) return true;
  // Instead of a terminal, its command gets a standard input that cannot be read.
  const flags = /^flags:\s*([0-7]+)/m.exec(told(() => readFileSync('/proc/self/fdinfo/0', 'utf8')))?.[1];
  const writeOnly = flags !== undefined && (Number.parseInt(flags, 8) & 3) === 1;
  return writeOnly && told(() => readlinkSync('/proc/self/fd/0')) === '/dev/null';
}

let known: boolean | undefined;

/** Lets the process go on when its terminal is closed, if it was started by nohup. Returns whether it was. */
export function honourNohup(): boolean {
  if (known === undefined) {
    known = startedByNohup();
    if (known) process.on('SIGHUP', () => {});
  }
  return known;
}
