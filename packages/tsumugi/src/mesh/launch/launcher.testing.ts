// For the tests of launch: the launcher as a process, with a shell script in the place of a training.
import { launch } from './launch.ts';

const { script, ...options } = JSON.parse(process.argv[2]!) as { script: string };
process.exitCode = await launch({
  layout: { processes: 2, nodes: 1, nodeRank: 0, address: '127.0.0.1', port: 29_500 },
  pin: false,
  graceSeconds: 20,
  command: ['sh', '-c', script],
  stderr: process.stderr,
  ...options,
});
