// The most memory that a process has held on the device so far, in GiB. On the CPU the addon counts it, since the last reset. On a GPU
// libtorch keeps what it has once taken, so that what the driver says is taken is the most there was.
import { spawnSync } from 'node:child_process';
import { factoryDevice, memory } from 'tsumugi/torch';

/** Undefined where nvidia-smi, which asks the driver, does not run. */
export function peakMemory(): number | undefined {
  const device = factoryDevice();
  if (device === 'cpu') return memory().peakBytes / 2 ** 30;
  const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits', `--id=${device.split(':')[1] ?? 0}`];
  const { stdout, status } = spawnSync('nvidia-smi', query, { encoding: 'utf8' });
  return status === 0 ? Number(stdout) / 1024 : undefined;
}
