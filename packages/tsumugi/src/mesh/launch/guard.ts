// When the launcher is killed (`kill -9`, out of memory), its processes must not stay. They are of any kind and may be inside a long
// call, so that they cannot see to it themselves: a shell waits at the end of a pipe that closes with the launcher, however it ends.
import { spawn } from 'node:child_process';
import { steady } from '../../base/index.ts';

/** Reads "+ PID" and "- PID" until the pipe closes. Then whoever is left may save, and is killed after that. */
const script = `
pids=
while read -r sign pid; do
  rest=
  for each in $pids; do [ "$each" = "$pid" ] || rest="$rest $each"; done
  pids=$rest
  [ "$sign" = + ] && pids="$pids $pid"
done
for each in $pids; do kill -TERM "$each" 2>/dev/null; done
waited=0
left=$pids
while [ -n "$left" ] && [ "$waited" -lt "$1" ]; do
  sleep 1
  waited=$((waited + 1))
  left=
  for each in $pids; do kill -0 "$each" 2>/dev/null && left="$left $each"; done
done
for each in $left; do kill -s KILL -- "-$each" 2>/dev/null; done
`;

export interface Guard extends Disposable {
  watch(pid: number): void;
  release(pid: number): void;
}

/** @param graceSeconds between SIGTERM and SIGKILL */
export function startGuard(graceSeconds: number): Guard {
  // A group of its own: what a terminal sends to the launcher's is not for it.
  const shell = spawn('sh', ['-c', script, 'tsumugi-launch-guard', String(Math.ceil(graceSeconds))], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.on('error', () => {}); // no shell, no guard
  steady(shell.stdin);
  shell.unref();
  return {
    watch: (pid) => void shell.stdin.write(`+ ${pid}\n`),
    release: (pid) => void shell.stdin.write(`- ${pid}\n`),
    [Symbol.dispose]: () => void shell.kill('SIGKILL'),
  };
}
