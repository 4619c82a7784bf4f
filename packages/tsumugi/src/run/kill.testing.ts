// For tests: the real command in a process of its own, which is sent a signal after a while.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));

/**
 * Runs `tsumugi …args` and sends it `signal` after `milliseconds`. Resolves with how it ended: its exit code (0, or 130 when
 * it saved and stopped), or the signal. Rejects with what it wrote to standard error when it failed.
 */
export function runAndSignal(
  args: readonly string[],
  milliseconds: number,
  { signal = 'SIGKILL', env = {} }: { signal?: NodeJS.Signals; env?: Record<string, string> } = {},
): Promise<number | string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    });
    let errors = '';
    child.stderr.on('data', (text) => {
      errors += text;
    });
    const timer = setTimeout(() => child.kill(signal), milliseconds);
    child.on('exit', (code, ended) => {
      clearTimeout(timer);
      if (code === null || code === 0 || code === 130) resolve(ended ?? code!);
      else reject(new Error(`exit code ${code}: ${errors}`));
    });
  });
}
